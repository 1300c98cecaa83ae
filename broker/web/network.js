// The switch that cuts the network: sockets end without a goodbye, and new ones fail, as in a tunnel.

export class Network {
  isOn = true;
  /** @type {Set<WebSocket>} */
  #sockets = new Set();

  /** The class that the client makes its sockets of. */
  get WebSocket() {
    const network = this;
    return class extends WebSocket {
      /** @param {string} url @param {string} protocol */
      constructor(url, protocol) {
        if (!network.isOn) throw new Error("the network is cut");
        super(url, protocol);
        network.#sockets.add(this);
        this.addEventListener("close", () => network.#sockets.delete(this));
      }
    };
  }

  cut() {
    this.isOn = false;
    for (const socket of this.#sockets) socket.onclose?.(new CloseEvent("close", { code: 1006 }));
    this.#sockets.clear();
  }

  mend() {
    this.isOn = true;
  }
}
