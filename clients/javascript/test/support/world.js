// A clock that tests move, and a socket that tests speak through: nothing here waits.

import { Client } from "../../src/index.js";

export class FakeClock {
  #now = 0;
  #timers = new Set();
  chance = 0.5;

  now = () => this.#now;
  random = () => this.chance;

  after = (ms, run) => {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get waiting() {
    return this.#timers.size;
  }

  /** Lets time pass, timer by timer. */
  async pass(ms) {
    await settle();
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything run that waits for promises only. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A class of sockets whose far end is the test. */
export function fakeSockets() {
  const sockets = [];
  class FakeSocket {
    sent = [];
    isClosed = false;
    constructor(url, protocol) {
      Object.assign(this, { url, protocol });
      sockets.push(this);
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.isClosed = true;
    }
    // The test's side.
    open() {
      this.onopen?.();
    }
    say(...messages) {
      for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
    }
    end(code = 1006, reason = "") {
      this.onclose?.({ code, reason });
    }
    /** What was asked last of this kind. */
    last(word) {
      return this.sent.findLast((command) => command.do === word);
    }
    all(word) {
      return this.sent.filter((command) => command.do === word);
    }
  }
  return { FakeSocket, sockets };
}

export const WELCOME = {
  ok: "welcome", user: "alice", realm: "main", run: 100, now: 1_000_000, ping_ms: 25_000, silence_ms: 60_000,
  max_message_bytes: 65_536, max_rooms: 256, ack: "durable",
};

/** A client in a world of the test's making. */
export function world(options = {}) {
  const clock = new FakeClock();
  const { FakeSocket, sockets } = fakeSockets();
  const client = new Client({ url: "ws://node/v1/ws", token: "t0", WebSocket: FakeSocket, clock, ...options });
  const states = [];
  client.on("state", ({ state }) => states.push(state));
  return {
    clock,
    client,
    sockets,
    states,
    get socket() {
      return sockets.at(-1);
    },
    /** The next connection gets as far as its welcome. */
    async welcome(more = {}) {
      await settle();
      const socket = sockets.at(-1);
      socket.open();
      socket.say({ re: socket.last("resume").id, ...WELCOME, ...more });
      await settle();
      return socket;
    },
    /** Answers the subscription to a room. */
    subscribed(name, more = {}) {
      const socket = sockets.at(-1);
      const asked = socket.sent.findLast((c) => c.rooms?.some((r) => r.room === name));
      socket.say({
        re: asked.id, ok: "subscribed", room: { realm: "main", kind: "room", name }, handle: 3, start: "live",
        from: [100, 5], end: [100, 5], messages: 5, read: [0, 0], read_n: 0, info: { created_at: 0 }, present: 1, ...more,
      });
      return socket;
    },
  };
}

/** A message of the wire. */
export const posted = (seq, more = {}) => ({ ev: "posted", room: 3, seq, at: 1, by: "bob", n: seq, body: `m${seq}`, ...more });
