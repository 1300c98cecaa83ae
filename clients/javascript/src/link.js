// One socket: commands out with their numbers, replies back to who asked, and a watch on silence.

import { RookeryError, offline, refusal } from "./errors.js";

/** @import { Clock } from "./types.js" */

/** Gets each reply of a command; the last one is marked. @typedef {(error: Error | undefined, reply: any) => void} Answer */

const SUBPROTOCOL = "rookery.v1.json";

export class Link {
  /** @type {Map<number, { answer: Answer, left: number }>} */
  #asked = new Map();
  #number = 0;
  #heardAt = 0;
  /** The largest message that the node takes; before the welcome it is less. */
  mostBytes = 16_384;
  /** @type {number | undefined} */
  #pingedAt;
  #isOver = false;
  /** @type {Set<() => void>} */
  #timers = new Set();

  /**
   * @param {object} world
   * @param {string} world.url
   * @param {any} world.WebSocket
   * @param {Clock} world.clock
   * @param {() => void} world.opened
   * @param {(message: any) => void} world.heard events, signals and marks
   * @param {(ms: number) => void} world.measured
   * @param {(code: number, reason: string) => void} world.closed once
   */
  constructor(world) {
    this.world = world;
    this.#heardAt = world.clock.now();
    this.socket = new world.WebSocket(world.url, SUBPROTOCOL);
    this.socket.onopen = () => world.opened();
    this.socket.onmessage = (/** @type {{ data: unknown }} */ { data }) => this.#take(data);
    this.socket.onclose = (/** @type {{ code: number, reason: string }} */ { code, reason }) => this.drop(code, reason);
    // A close always follows it, and says more.
    this.socket.onerror = () => {};
  }

  /**
   * @param {any} command
   * @param {Answer} answer
   * @param {number} [replies] that will come
   */
  ask(command, answer, replies = 1) {
    if (this.#isOver) return answer(offline(), undefined);
    this.#number = (this.#number % 0x7fff_ffff) + 1;
    const text = JSON.stringify({ ...command, id: this.#number });
    if (text.length > this.mostBytes / 3 && new TextEncoder().encode(text).length > this.mostBytes) {
      return answer(new RookeryError("too_large", "The node would end the connection over it."), undefined);
    }
    this.#asked.set(this.#number, { answer, left: replies });
    this.socket.send(text);
  }

  /** For commands whose answer changes nothing. @param {any} command */
  say(command) {
    this.ask(command, () => {});
  }

  /**
   * Begins to ping, and to give up on silence.
   * @param {number} pingMs
   * @param {number} silenceMs
   */
  watch(pingMs, silenceMs) {
    const beat = () => {
      const quiet = this.world.clock.now() - this.#heardAt;
      if (quiet >= silenceMs) {
        return this.drop(4002, "silent: nothing was heard from the node for too long");
      }
      this.#ping();
      this.#after(Math.min(pingMs, silenceMs - quiet), beat);
    };
    beat();
  }

  /** Asks for a sign of life now, and gives up without one in time. @param {number} within */
  probe(within) {
    const since = this.world.clock.now();
    this.#ping();
    this.#after(within, () => {
      if (this.#heardAt < since) this.drop(4002, "silent: no sign of life when asked for one");
    });
  }

  /**
   * Ends it at once. The far end may never hear of it: a network that is gone takes no goodbye.
   * @param {number} code
   * @param {string} reason
   */
  drop(code, reason) {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const cancel of this.#timers) cancel();
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { answer } of asked) answer(offline(), undefined);
    this.world.closed(code, reason);
  }

  #ping() {
    if (this.#pingedAt !== undefined) return;
    const at = (this.#pingedAt = this.world.clock.now());
    this.ask({ do: "ping" }, (error) => {
      this.#pingedAt = undefined;
      if (!error) this.world.measured(this.world.clock.now() - at);
    });
  }

  /** @param {unknown} data */
  #take(data) {
    this.#heardAt = this.world.clock.now();
    const message = parse(data);
    // Replies may come as an array.
    for (const one of Array.isArray(message) ? message : [message]) {
      if (one?.re === undefined) this.world.heard(one ?? {});
      else this.#reply(one);
    }
  }

  /** @param {any} reply */
  #reply(reply) {
    const asked = this.#asked.get(reply.re);
    if (!asked) return;
    // An error about the command as a whole is the only answer to it.
    asked.left -= reply.error && reply.item === undefined ? asked.left : 1;
    if (asked.left <= 0) this.#asked.delete(reply.re);
    asked.answer(reply.error ? refusal(reply) : undefined, reply);
  }

  /**
   * @param {number} ms
   * @param {() => void} run
   */
  #after(ms, run) {
    const cancel = this.world.clock.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }
}

/** What is no JSON is from a newer node, and passed over. @param {unknown} data */
function parse(data) {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
}
