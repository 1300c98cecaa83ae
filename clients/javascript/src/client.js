// A client: one connection at a time, for as long as it is wanted, and the rooms that outlive each.
//
//   idle ──connect()──▶ connecting ──welcome──▶ online
//                          ▲   │                  │
//                    time  │   └──────ended───────┤
//                          │                      ▼
//                          └───────────────── waiting        close(), or a verdict: ──▶ stopped

import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { ABOUT_TOKEN, RookeryError, delayIn, offline, verdict } from "./errors.js";
import { Link } from "./link.js";
import { complete } from "./options.js";
import { Room } from "./room.js";
import { endOf, renewIn } from "./token.js";

/** @import { Options } from "./options.js" */
/** @import { Answer } from "./link.js" */
/** @import { RoomName, Subscribed, Welcome } from "./types.js" */

/** @typedef {"idle" | "connecting" | "online" | "waiting" | "stopped"} ClientState */

/**
 * @typedef {object} ClientEvents
 * @property {{ state: ClientState, retryInMs?: number, code?: number, reason?: string }} state
 * @property {Welcome} welcome
 * @property {number} latency there and back, in ms
 * @property {RookeryError} trouble why a try failed: for logs, as the client goes on by itself
 */

/** Rooms and bytes of one subscribing command; before the token is checked a message may have 16 KiB. */
const BATCH_ROOMS = 100;
const BATCH_BYTES = 15_000;
const IN_FLIGHT = 1000;
const RENEW_AGAIN_MS = 5000;
const CLOSED = "closed by this client";

/** @extends {Emitter<ClientEvents>} */
export class Client extends Emitter {
  /** @type {ClientState} */
  state = "idle";
  /** What the node said last. @type {Welcome | undefined} */
  welcome;
  /** There and back, in ms, as measured last. @type {number | undefined} */
  latency;
  /** @type {Link | undefined} */
  #link;
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Map<number, Room>} */
  #byHandle = new Map();
  #backoff;
  #budget;
  /** @type {string | undefined} */
  #refused;
  #inFlight = 0;
  /** Timers of the present state. @type {Set<() => void>} */
  #timers = new Set();

  /** @param {Options} options */
  constructor(options) {
    super();
    this.options = complete(options);
    const { clock, firstRetryMs, mostRetryMs, queueMessages, queueBytes } = this.options;
    this.#backoff = new Backoff(clock, firstRetryMs, mostRetryMs);
    this.#budget = { messages: queueMessages, bytes: queueBytes };
  }

  get user() {
    return this.welcome?.user;
  }

  /** Begins, or begins again after `close`. Does nothing where it has begun; while waiting, the wait is over. */
  connect() {
    if (this.state === "connecting" || this.state === "online") return this;
    void this.#try();
    return this;
  }

  /** Ends the connection, and keeps rooms, cursors and what waits to be sent for the next `connect`. */
  close() {
    this.#link?.drop(1000, CLOSED);
    this.#become("stopped", { code: 1000, reason: CLOSED });
  }

  /**
   * The room of this name: the same object each time.
   * @param {RoomName} name
   */
  room(name) {
    const key = keyOf(name);
    const room = this.#rooms.get(key) ?? new Room(this, name, this.#budget);
    this.#rooms.set(key, room);
    return room;
  }

  /** Lets go of a room that is not used any more. @param {RoomName} name */
  forgetRoom(name) {
    const room = this.#rooms.get(keyOf(name));
    if (room?.isWanted) void room.unsubscribe();
    this.#rooms.delete(keyOf(name));
  }

  /**
   * Any command of docs/protocol/commands.md that belongs to no room. Needs a connection.
   * @param {{ do: string } & Record<string, unknown>} command
   * @returns {Promise<any>}
   */
  request(command) {
    return new Promise((resolve, reject) => {
      this.ask(command, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  }

  /**
   * Finds out whether the connection is still alive: for when a machine wakes up, or changes its network.
   * @param {number} [withinMs]
   */
  probe(withinMs = 5000) {
    if (this.state === "online") this.#link?.probe(withinMs);
    else if (this.state === "waiting") this.connect();
  }

  // What its rooms ask for. Not for applications.

  /** @internal @param {any} command @param {Answer} answer */
  ask(command, answer) {
    if (this.state !== "online" || !this.#link) return answer(offline(), undefined);
    if (this.#inFlight >= IN_FLIGHT) return answer(new RookeryError("busy", "Too much is unanswered."), undefined);
    this.#inFlight++;
    this.#link.ask(command, (error, reply) => {
      this.#inFlight--;
      answer(error, reply);
    });
  }

  /** @internal @param {any} command */
  say(command) {
    if (this.state === "online") this.#link?.say(command);
  }

  /** @internal @param {number} handle */
  forget(handle) {
    this.#byHandle.delete(handle);
  }

  /** @internal @param {Room[]} rooms */
  subscribe(rooms) {
    for (const batch of batches(rooms, 0)) this.#ask("subscribe", batch);
  }

  async #try() {
    this.#become("connecting");
    // Who is told of it may have closed it.
    if (this.state !== "connecting") return;
    const wait = this.#wait(this.options.connectMs, () => this.#over(4002, "silent: no welcome in time"));
    let token;
    try {
      token = await this.#token();
    } catch (error) {
      if (!this.#timers.has(wait)) return;
      this.emit("trouble", new RookeryError("no_token", "No token could be got.", { detail: String(error) }));
      return this.#over(1006, "no token could be got");
    }
    // Meanwhile it was closed, or this took too long.
    if (!this.#timers.has(wait)) return;
    const { url, WebSocket, clock } = this.options;
    try {
      this.#link = new Link({
        url,
        WebSocket,
        clock,
        opened: () => {
          const rooms = [...this.#rooms.values()].filter((room) => room.isWanted);
          const [first, ...others] = batches(rooms, token.length);
          this.#ask("resume", first ?? [], token);
          for (const batch of others) this.#ask("subscribe", batch);
        },
        heard: (message) => this.#byHandle.get(message.room)?.take(message),
        measured: (ms) => this.emit("latency", (this.latency = ms)),
        closed: (code, reason) => this.#over(code, reason),
      });
    } catch (error) {
      this.emit("trouble", new RookeryError("no_socket", "No socket could be made.", { detail: String(error) }));
      this.#over(1006, "no socket could be made");
    }
  }

  async #token() {
    const { token } = this.options;
    return typeof token === "string" ? token : token({ refused: this.#refused });
  }

  /**
   * Subscribes to rooms, and with a token says who this is, in one command.
   * @param {"subscribe" | "resume"} word
   * @param {Room[]} rooms
   * @param {string} [token]
   */
  #ask(word, rooms, token) {
    const link = this.#link;
    const waiting = new Set(rooms);
    const command = { do: word, ...(token && { token }), rooms: rooms.map((room) => room.wish()) };
    /** @type {Answer} */
    const answer = (error, reply) => {
      if (link !== this.#link) return;
      const refused = /** @type {RookeryError | undefined} */ (error);
      if (!refused) {
        if (reply.ok === "welcome") return this.#welcomed(reply, /** @type {string} */ (token));
        return this.#subscribed(waiting, reply);
      }
      if (!reply) return;
      if (token && this.state === "connecting") return this.#unwelcome(refused);
      const named = reply.item === undefined ? [...waiting] : rooms.slice(reply.item, reply.item + 1);
      for (const room of named) {
        waiting.delete(room);
        this.#unsubscribed(room, refused);
      }
    };
    link?.ask(command, answer, rooms.length + (token ? 1 : 0));
  }

  /**
   * @param {Set<Room>} waiting
   * @param {Subscribed} told
   */
  #subscribed(waiting, told) {
    const key = keyOfTold(told.room, this.welcome?.realm);
    const room = [...waiting].find((one) => keyOf(one.name) === key);
    if (!room) return;
    waiting.delete(room);
    // It may have been unsubscribed from meanwhile.
    if (!room.isWanted) return void this.say({ do: "unsubscribe", rooms: [told.handle] });
    this.#byHandle.set(told.handle, room);
    room.subscribed(told);
  }

  /**
   * @param {Room} room
   * @param {RookeryError} error
   */
  #unsubscribed(room, error) {
    if (!error.retryable) return room.refused(error);
    this.#wait(error.retryMs ?? 1000 + this.options.clock.random() * 4000, () => {
      if (room.isWanted) this.subscribe([room]);
    });
  }

  /**
   * @param {Welcome} welcome
   * @param {string} token
   */
  #welcomed(welcome, token) {
    this.welcome = welcome;
    this.#refused = undefined;
    this.#become("online");
    const { pingMs, healthyMs } = this.options;
    this.#wait(healthyMs, () => this.#backoff.reset());
    this.#renewBefore(welcome.expires_at ?? endOf(token), welcome.now);
    this.#link?.watch(pingMs || welcome.ping_ms, welcome.silence_ms);
    if (this.#link) this.#link.mostBytes = welcome.max_message_bytes;
    this.emit("welcome", welcome);
    const rooms = [...this.#rooms.values()];
    for (const room of rooms) room.online();
    // Those that were asked for while this connection was being made.
    this.subscribe(rooms.filter((room) => room.isWanted && (room.state === "off" || room.state === "away")));
  }

  /** The token was refused. @param {RookeryError} error */
  #unwelcome(error) {
    this.emit("trouble", error);
    this.#link?.drop(ABOUT_TOKEN.has(error.code) ? 4201 : 1006, `${error.code}: ${error.message}`);
  }

  /**
   * @param {number | undefined} end by the node's clock
   * @param {number} now by the same
   */
  #renewBefore(end, now) {
    if (end === undefined || typeof this.options.token === "string") return;
    const at = this.options.clock.now();
    /** @param {number} ms */
    const again = (ms) => this.#wait(ms, renew);
    const renew = async () => {
      const link = this.#link;
      try {
        const token = await this.#token();
        await this.request({ do: "refresh", token });
        if (link !== this.#link) return;
        const later = now + this.options.clock.now() - at;
        this.#renewBefore(endOf(token) ?? later + (end - now), later);
      } catch (error) {
        if (link !== this.#link || this.state !== "online") return;
        this.emit("trouble", new RookeryError("no_token", "The token was not renewed.", { detail: String(error) }));
        again(RENEW_AGAIN_MS);
      }
    };
    again(renewIn(end - now));
  }

  /**
   * A connection, or the try to get one, is over.
   * @param {number} code
   * @param {string} reason
   */
  #over(code, reason) {
    const link = this.#link;
    this.#link = undefined;
    link?.drop(code, reason);
    if (this.state === "stopped" || this.state === "waiting") return;
    this.#byHandle.clear();
    const what = verdict(code);
    const isAfresh = what === "afresh";
    if (what === "token") this.#refused = reason.split(":")[0] || "not_authenticated";
    for (const room of this.#rooms.values()) room.lost({ isSuspect: isAfresh, isAfresh });
    const isStuck = what === "token" && typeof this.options.token === "string";
    if (what === "stop" || isStuck || (code === 1000 && reason === CLOSED)) {
      return this.#become("stopped", { code, reason });
    }
    const retryInMs = delayIn(reason) ?? this.#backoff.next();
    this.#become("waiting", { retryInMs, code, reason });
    this.#wait(retryInMs, () => void this.#try());
  }

  /**
   * @param {ClientState} state
   * @param {{ retryInMs?: number, code?: number, reason?: string }} [more]
   */
  #become(state, more = {}) {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    if (this.state === state) return;
    this.state = state;
    this.emit("state", { state, ...more });
  }

  /**
   * A timer that ends with the state.
   * @param {number} ms
   * @param {() => void} run
   */
  #wait(ms, run) {
    const cancel = this.options.clock.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
    return cancel;
  }
}

/** @param {RoomName} name */
function keyOf(name) {
  if (typeof name === "string") return `room//${name}`;
  if ("name" in name) return `room/${name.realm}/${name.name}`;
  if ("direct" in name) return `direct//${name.direct}`;
  return Object.keys(name)[0] ?? "";
}

/**
 * The key of a room as `subscribed` names it.
 * @param {Subscribed["room"]} room
 * @param {string | undefined} realm one's own
 */
function keyOfTold(room, realm) {
  if (room.kind !== "room" && room.kind !== "direct") return room.kind;
  return `${room.kind}/${room.realm === realm ? "" : room.realm}/${room.name}`;
}

/**
 * @param {Room[]} rooms
 * @param {number} taken bytes of the first batch that are not free
 */
function batches(rooms, taken) {
  /** @type {Room[][]} */
  const all = [];
  let bytes = Infinity;
  for (const room of rooms) {
    // A letter takes three bytes at most; a cursor, wishes and what stands around them about a hundred.
    const own = 120 + 3 * JSON.stringify(room.name).length;
    if (bytes + own > BATCH_BYTES || (all.at(-1)?.length ?? 0) >= BATCH_ROOMS) {
      all.push([]);
      bytes = all.length === 1 ? taken : 0;
    }
    all.at(-1)?.push(room);
    bytes += own;
  }
  return all;
}
