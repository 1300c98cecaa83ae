// One room: its subscription and cursor through any number of connections, its events, and what is sent to it.

import { Emitter } from "./emitter.js";
import { RookeryError } from "./errors.js";
import { Here, Typing } from "./here.js";
import { compare } from "./place.js";
import { Sender } from "./sender.js";

/** @import { Client } from "./client.js" */
/** @import { Delivery } from "./delivery.js" */
/** @import * as T from "./types.js" */

/**
 * `off`; `joining`, asked for and not answered; `resuming`, taking what was missed; `live`; `away`, without a connection.
 * @typedef {"off" | "joining" | "resuming" | "live" | "away"} RoomState
 */

/**
 * @typedef {object} RoomEvents
 * @property {RoomState} state
 * @property {T.RoomEvent} event every event, in order
 * @property {T.Posted} posted
 * @property {T.Edited} edited
 * @property {T.Deleted} deleted
 * @property {T.Reacted} reacted
 * @property {T.Reacted} unreacted
 * @property {T.Gap} gap
 * @property {{ above: T.Place }} retract what was delivered above is gone, and was promised to nobody
 * @property {T.Resumed} resumed
 * @property {T.Subscribed} subscribed
 * @property {{ reason: string, at?: T.Place, error?: RookeryError }} ended
 * @property {Delivery} delivery one's own message has come further
 * @property {Here} here
 * @property {string[]} typing
 * @property {{ user: string, place: T.Place, state: string }} read
 * @property {any} signal every signal, as it came
 */

const CHANGES = new Set(["posted", "edited", "deleted", "reacted", "unreacted"]);

/** @extends {Emitter<RoomEvents>} */
export class Room extends Emitter {
  /** @type {RoomState} */
  state = "off";
  /** The last event that was taken. Kept by an application, it resumes after a restart. @type {T.Place | undefined} */
  cursor;
  /** @type {Record<string, any> | undefined} */
  info;
  /** @type {string | undefined} */
  role;
  /** One's own watermark. @type {T.Place} */
  read = [0, 0];
  here = new Here();
  /** What stands for it on this connection. @type {number | undefined} */
  handle;
  #client;
  #sender;
  #typing;
  #epoch = 0;
  /** What the node knows of `read`. @type {T.Place} */
  #readTold = [0, 0];
  /** The next subscription is to begin without the cursor. */
  #isAfresh = false;
  /** @type {string[] | undefined} */
  #wants;
  #missed = { events: 0, messages: 0 };
  /** @type {{ promise: Promise<T.Subscribed>, resolve: (s: T.Subscribed) => void, reject: (e: unknown) => void } | undefined} */
  #asked;

  /**
   * @param {Client} client
   * @param {T.RoomName} name
   * @param {import("./sender.js").SenderWorld["budget"]} budget
   */
  constructor(client, name, budget) {
    super();
    this.name = name;
    this.#client = client;
    const { clock } = client.options;
    this.#typing = new Typing(clock, (users) => this.emit("typing", users));
    this.#sender = new Sender({
      clock,
      budget,
      ask: (command, answer) => client.ask({ ...command, room: this.#address }, answer),
      highest: () => client.welcome?.ack ?? "durable",
      changed: (delivery) => this.emit("delivery", delivery),
    });
  }

  /** Sent and not at their level yet, in order. */
  get pending() {
    return this.#sender.pending.filter((delivery) => delivery.command.do === "post");
  }

  /** Oneself. @type {string | undefined} */
  get user() {
    return this.#client.user;
  }

  /** Whether it is subscribed to, or will be with the next connection. */
  get isWanted() {
    return this.#wants !== undefined;
  }

  get #address() {
    return this.handle ?? this.name;
  }

  /**
   * Receives the room's events from now on; with a cursor, from there. Holds through reconnects, until `unsubscribe`.
   * @param {{ presence?: boolean, summaryOnly?: boolean, cursor?: T.Place }} [wishes]
   * @returns {Promise<T.Subscribed>}
   */
  subscribe({ presence = false, summaryOnly = false, cursor } = {}) {
    this.#wants = [...(presence ? ["presence"] : []), ...(summaryOnly ? ["summary_only"] : [])];
    this.cursor = cursor ?? this.cursor;
    const asked = (this.#asked ??= withResolvers());
    if (this.#client.state === "online") this.#client.subscribe([this]);
    return asked.promise;
  }

  async unsubscribe() {
    this.#wants = undefined;
    this.#asked?.reject(new RookeryError("cancelled", "It was unsubscribed from."));
    this.#asked = undefined;
    const { handle } = this;
    this.handle = undefined;
    this.#become("off");
    if (this.#client.state === "online") this.#sender.ready();
    if (handle === undefined) return;
    this.#client.forget(handle);
    // Whatever the node says to that, nothing of the room is taken any more.
    await this.#client.request({ do: "unsubscribe", rooms: [handle] }).catch(() => {});
  }

  /**
   * Sends a message: now, or when there is a connection.
   * @param {string} body
   * @param {T.PostOptions} [options]
   */
  post(body, { ack, ...more } = {}) {
    this.typing(false);
    return this.#sender.add({ do: "post", body, ...more }, ack);
  }

  /**
   * @param {T.Place} target
   * @param {string} body
   * @param {{ kind?: string, metadata?: unknown }} [more]
   */
  edit = (target, body, more = {}) => this.#sender.add({ do: "edit", target, body, ...more });
  /** @param {T.Place} target */
  delete = (target) => this.#sender.add({ do: "delete", target });
  /** @param {T.Place} target @param {string} reaction */
  react = (target, reaction) => this.#sender.add({ do: "react", target, reaction });
  /** @param {T.Place} target @param {string} reaction */
  unreact = (target, reaction) => this.#sender.add({ do: "unreact", target, reaction });

  /** Raises one's own watermark; kept, and told as soon as there is a connection. @param {T.Place} place */
  markRead(place) {
    if (compare(place, this.read) <= 0) return;
    this.read = place;
    this.#tellRead();
  }

  /** To be called with each key: the room is told as seldom as it needs to be. */
  typing(on = true) {
    if (this.state === "live" && this.#typing.shouldTell(on)) this.#client.say({ do: "typing", room: this.#address, on });
  }

  /**
   * @param {T.PageOptions} [page]
   * @returns {Promise<T.Page>}
   */
  async history(page = {}) {
    const { messages, reactions = [], fence, more_before = false, more_after = false } = await this.request("history", page);
    return { messages: messages.map(messageOf), reactions, fence, more_before, more_after };
  }

  /**
   * @param {{ of?: "members" | "present", after?: string, limit?: number }} [page]
   * @returns {Promise<{ members: { user: string, role?: string, present?: boolean }[], count: number, more?: boolean }>}
   */
  roster = (page = {}) => this.request("roster", page);

  /**
   * Any other command of this room: `join`, `leave`, `create`, `pin` and so on, with its fields.
   * @param {string} word
   * @param {Record<string, unknown>} [fields]
   * @returns {Promise<any>}
   */
  request(word, fields = {}) {
    return this.#client.request({ do: word, room: this.#address, ...fields });
  }

  // What the client tells its rooms. Not for applications.

  /** @internal */
  wish() {
    this.#become("joining");
    const cursor = this.#isAfresh ? undefined : this.cursor;
    return { room: this.name, ...(cursor && { cursor }), wants: this.#wants ?? [] };
  }

  /** @internal A connection is there. */
  online() {
    if (!this.isWanted) this.#sender.ready();
  }

  /** @internal @param {T.Subscribed} told */
  subscribed(told) {
    const { start, from } = told;
    const before = this.cursor;
    Object.assign(this, { handle: told.handle, info: told.info, role: told.role });
    this.#readTold = told.read;
    if (compare(told.read, this.read) > 0) this.read = told.read;
    this.#isAfresh = false;
    this.#epoch = from[0];
    this.#missed = { events: 0, messages: 0 };
    this.#asked?.resolve(told);
    this.#asked = undefined;
    this.emit("subscribed", told);
    if (typeof start === "object" && "retract" in start) this.#retract(start.retract);
    else if (start === "resuming") this.cursor ??= from;
    else {
      this.cursor = from;
      const reason = start === "live" ? "afresh" : start.gap;
      if (before && compare(before, from) !== 0) this.emit("gap", { reason, above: before, upTo: from });
      this.#live();
      return;
    }
    this.#become("resuming");
  }

  /** @internal @param {RookeryError} error */
  refused(error) {
    this.#asked?.reject(error);
    this.#asked = undefined;
    this.#end({ reason: error.code, error });
  }

  /** @internal @param {{ isSuspect: boolean, isAfresh: boolean }} how */
  lost({ isSuspect, isAfresh }) {
    this.handle = undefined;
    this.#sender.lost(isSuspect);
    this.#typing.clear();
    if (this.isWanted) this.#become("away");
    this.#isAfresh ||= isAfresh;
  }

  /** @internal An event, signal or mark of this room. @param {any} told */
  take(told) {
    if (told.mark) this.#mark(told);
    else if (told.seq !== undefined) this.#event(told);
    else this.#signal(told);
  }

  /** @param {any} told */
  #event(told) {
    this.#epoch = told.epoch ?? this.#epoch;
    /** @type {T.Place} */
    const place = [this.#epoch, told.seq];
    const before = this.cursor;
    if (before && compare(place, before) <= 0) return;
    if (before && told.seq > before[1] + 1) {
      // Not by the protocol; so it is told rather than believed.
      this.emit("gap", { reason: "missing", above: before, upTo: [this.#epoch, told.seq - 1] });
    }
    this.cursor = place;
    this.#missed.events++;
    if (told.ev === "posted") this.#missed.messages++;
    const event = told.ev === "posted" || told.ev === "edited" ? messageOf({ ...told, place }) : { ...told, place };
    if (told.ev === "posted") this.#typing.take(event.sender, false);
    if (told.ev === "updated") this.info = told.info;
    this.emit("event", event);
    if (CHANGES.has(told.ev)) this.emit(told.ev, event);
  }

  /** @param {any} told */
  #signal(told) {
    if (told.ev === "retract") this.#retract(told.above);
    else if (told.ev === "typing") this.#typing.take(told.user, told.on ?? true);
    else if (told.ev === "read_up_to") this.emit("read", told);
    else if (["connected", "disconnected", "crowd"].includes(told.ev) && this.here.take(told.ev, told)) {
      this.emit("here", this.here);
    }
    this.emit("signal", told);
  }

  /** @param {any} told */
  #mark(told) {
    if (told.mark === "resumed") {
      this.cursor = told.at;
      this.#epoch = told.at[0];
      this.emit("resumed", { at: told.at, ...this.#missed });
      this.#live();
    } else if (told.mark === "gap") {
      const above = this.cursor ?? told.from;
      this.cursor = told.from;
      this.#epoch = told.from[0];
      this.emit("gap", { reason: told.reason, above, upTo: told.from });
    } else if (told.mark === "present") {
      this.here.take("present", told);
      this.emit("here", this.here);
    } else if (told.mark === "ended") {
      if (this.handle !== undefined) this.#client.forget(this.handle);
      this.#end(told);
    }
  }

  /** @param {T.Place} above */
  #retract(above) {
    this.cursor = above;
    this.emit("retract", { above });
  }

  #live() {
    this.#become("live");
    this.#tellRead();
    this.#sender.ready();
  }

  #tellRead() {
    if (this.state === "live" && compare(this.read, this.#readTold) > 0) {
      this.#readTold = this.read;
      this.#client.say({ do: "mark_read", room: this.#address, place: this.read });
    }
  }

  /** @param {RoomEvents["ended"]} why */
  #end(why) {
    this.#wants = undefined;
    this.handle = undefined;
    this.#become("off");
    this.emit("ended", why);
    // What is still to be sent gets its own answers.
    this.#sender.ready();
  }

  /** @param {RoomState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }
}

/**
 * A message with what the wire leaves out.
 * @param {any} told
 */
export const messageOf = (told) => ({
  ...told,
  kind: told.kind ?? (told.body64 === undefined ? "text" : "binary"),
  body: told.body ?? "",
  sender: told.sender ?? told.by,
  posted_at: told.posted_at ?? told.at,
  version: told.version ?? told.place,
});

/** @returns {{ promise: Promise<any>, resolve: (value: any) => void, reject: (error: unknown) => void }} */
function withResolvers() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  // Who listens to events instead has no error to miss.
  made.promise.catch(() => {});
  return made;
}
