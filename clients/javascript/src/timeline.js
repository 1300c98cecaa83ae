// What is to be shown of a room: its messages as they are now, in order, bounded, whole after gaps and retractions.

import { Emitter } from "./emitter.js";
import { messageOf } from "./room.js";
import { compare, nameOf } from "./place.js";

/** @import { Room } from "./room.js" */
/** @import { Delivery } from "./delivery.js" */
/** @import { Gap, Message, Page, Place, RoomEvent } from "./types.js" */

/**
 * A message with its reactions, and for one's own of this session its delivery.
 * @typedef {Message & { reactions: Map<string, { count: number, users: Set<string> }>, delivery?: Delivery }} Item
 */

/** The largest page that the node gives. */
const PAGE = 200;
/** Events that are kept while a page is on its way; beyond, it is asked for again. */
const MOST_EVENTS = 2000;
/** Of a reaction's users, so many are remembered. */
const MOST_USERS = 50;

/** @extends {Emitter<{ change: Timeline }>} */
export class Timeline extends Emitter {
  /** Whether older messages are there to be loaded. */
  moreBefore = false;
  isLoading = false;
  /** @type {Map<string, Item & { asOf: Place }>} */
  #items = new Map();
  /** @type {(Item & { asOf: Place })[] | undefined} */
  #sorted;
  /** @type {RoomEvent[]} */
  #log = [];
  #isStale = true;
  /** @type {Delivery[]} */
  #own = [];
  /** @type {(() => void)[]} */
  #ends;

  /**
   * @param {Room} room
   * @param {{ limit?: number }} [options] the most messages that are kept; the oldest go
   */
  constructor(room, { limit = 1000 } = {}) {
    super();
    this.room = room;
    this.limit = limit;
    this.#ends = [
      room.on("event", (event) => this.#take(event)),
      room.on("gap", () => this.#renew()),
      room.on("retract", ({ above }) => this.#retract(above)),
      room.on("state", (state) => state === "live" && this.#isStale && this.#renew()),
      room.on("delivery", (delivery) => this.#delivered(delivery)),
    ];
    if (room.state === "live") this.#renew();
  }

  /** Ends it. */
  close() {
    for (const end of this.#ends) end();
  }

  /** The messages, oldest first. @returns {readonly Item[]} */
  get messages() {
    this.#sorted ??= [...this.#items.values()].sort((a, b) => compare(a.place, b.place));
    return this.#sorted;
  }

  /** One's own that have no place yet, in the order in which they will get it; and those that failed. */
  get pending() {
    const open = this.#own.filter((delivery) => !delivery.place);
    const first = open[0];
    // The event of a message comes ahead of its answer: it would be shown twice for a moment.
    if (first?.state === "sent") {
      const last = this.messages.findLast((item) => item.sender === this.room.user && !item.delivery);
      const isIt = last && last.body === first.command.body && compare(last.place, first.sentAt ?? [0, 0]) > 0;
      if (isIt) return open.slice(1);
    }
    return open;
  }

  /** Loads the page before the oldest message. @returns {Promise<boolean>} whether there was one */
  async loadOlder() {
    const oldest = this.messages[0];
    if (!oldest || this.isLoading || !this.moreBefore || this.#items.size >= this.limit) return false;
    return this.#load(async () => {
      const page = await this.room.history({ before: oldest.place, limit: Math.min(PAGE, this.limit - this.#items.size) });
      this.#merge(page);
      this.moreBefore = page.more_before;
    });
  }

  /** Takes a failed or waiting message of one's own off the list. @param {Delivery} delivery */
  discard(delivery) {
    delivery.cancel();
    this.#own = this.#own.filter((one) => one !== delivery);
    this.#changed();
  }

  /** Everything that is shown, anew: what was missed may have changed any of it. */
  async #renew() {
    this.#isStale = true;
    if (this.isLoading || this.room.state === "away") return;
    const oldest = this.messages[0];
    const isDone = await this.#load(async () => {
      this.#isStale = false;
      let page = await this.room.history({ limit: Math.min(PAGE, this.limit) });
      const pages = [page];
      let count = page.messages.length;
      const isEnough = () => !oldest || !page.messages[0] || compare(page.messages[0].place, oldest.place) <= 0;
      while (page.more_before && !isEnough() && count < this.limit) {
        const before = page.messages[0]?.place;
        page = await this.room.history({ before, limit: Math.min(PAGE, this.limit - count) });
        pages.push(page);
        count += page.messages.length;
      }
      this.#items.clear();
      for (const one of pages) this.#merge(one);
      this.moreBefore = page.more_before;
    });
    if (!isDone) this.#isStale = true;
    // Another gap came meanwhile.
    else if (this.#isStale) void this.#renew();
  }

  /** @param {() => Promise<void>} work */
  async #load(work) {
    this.isLoading = true;
    this.#log = [];
    this.#changed();
    try {
      await work();
      for (const event of this.#log) this.#apply(event);
      return true;
    } catch {
      // The connection ended, which the room's state tells, or the room is closed to us, which its end tells.
      return false;
    } finally {
      this.isLoading = false;
      this.#log = [];
      this.#changed();
    }
  }

  /** @param {Page} page */
  #merge({ messages, reactions, fence }) {
    for (const message of messages) {
      const known = this.#items.get(nameOf(message.place));
      // The page may be older than what came by subscription meanwhile.
      if (known && compare(known.asOf, fence) > 0) continue;
      this.#add(message, fence);
    }
    for (const { target, reaction, count, sample = [] } of reactions) {
      const item = this.#items.get(nameOf(target));
      if (item && compare(item.asOf, fence) === 0) item.reactions.set(reaction, { count, users: new Set(sample) });
    }
  }

  /** @param {RoomEvent} event */
  #take(event) {
    if (this.isLoading) {
      this.#log.push(event);
      if (this.#log.length > MOST_EVENTS) {
        this.#log = [];
        this.#isStale = true;
      }
    }
    this.#apply(event);
    this.#changed();
  }

  /** @param {RoomEvent} event */
  #apply(event) {
    if (event.ev === "posted") {
      const message = /** @type {Message & RoomEvent} */ (event);
      if (!this.#items.has(nameOf(event.place))) this.#add(message, event.place);
      return;
    }
    const item = this.#items.get(nameOf(/** @type {any} */ (event).target ?? [0, 0]));
    if (!item || compare(item.asOf, event.place) >= 0) return;
    item.asOf = event.place;
    if (event.ev === "edited") {
      if (compare(event.version, item.version) <= 0) return;
      const { ev, target, by, at, seq, epoch, room, ...now } = messageOf(event);
      Object.assign(item, now, { place: item.place });
    } else if (event.ev === "deleted") {
      Object.assign(item, { body: "", deleted_at: event.at, version: event.place });
    } else if (event.ev === "reacted" || event.ev === "unreacted") {
      react(item, event);
    }
  }

  /**
   * @param {Message} message
   * @param {Place} asOf
   */
  #add(message, asOf) {
    const delivery = this.#own.find((one) => one.place && compare(one.place, message.place) === 0);
    const item = { ...message, reactions: new Map(), asOf, ...(delivery && { delivery }) };
    this.#items.set(nameOf(message.place), item);
    this.#sorted = undefined;
  }

  /** @param {Place} above */
  #retract(above) {
    for (const [name, item] of this.#items) {
      if (compare(item.place, above) > 0) this.#items.delete(name);
    }
    this.#changed();
    void this.#renew();
  }

  /** @param {Delivery} delivery */
  #delivered(delivery) {
    if (delivery.command.do !== "post") return;
    if (!this.#own.includes(delivery)) this.#own.push(delivery);
    if (delivery.state === "sent") delivery.sentAt = this.room.cursor;
    const item = delivery.place && this.#items.get(nameOf(delivery.place));
    if (item) item.delivery = delivery;
    // Enough is remembered for the marks of what is shown last.
    const over = this.#own.length - PAGE;
    if (over > 0) this.#own = this.#own.filter((one, at) => at >= over || one.state !== "acked");
    this.#changed();
  }

  #changed() {
    this.#sorted = undefined;
    const over = this.#items.size - this.limit;
    if (over > 0) {
      for (const item of this.messages.slice(0, over)) this.#items.delete(nameOf(item.place));
      this.#sorted = undefined;
      this.moreBefore = true;
    }
    this.emit("change", this);
  }
}

/**
 * @param {Item} item
 * @param {RoomEvent} event
 */
function react(item, event) {
  const known = item.reactions.get(event.reaction) ?? { count: 0, users: new Set() };
  const isOn = event.ev === "reacted";
  known.count += isOn ? 1 : -1;
  if (!isOn) known.users.delete(event.by);
  else if (known.users.size < MOST_USERS) known.users.add(event.by);
  if (known.count > 0) item.reactions.set(event.reaction, known);
  else item.reactions.delete(event.reaction);
}
