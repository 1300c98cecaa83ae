// What is to be sent to one room, in order, through any number of connections.
//
// One command of a room is on its way at a time, so a refusal and a retry cannot change their order. A message is first
// asked to be placed; then the next one may go. If a higher level is waited for, the same key asks for that.

import { Delivery } from "./delivery.js";
import { RookeryError } from "./errors.js";

/** @import { Answer } from "./link.js" */
/** @import { Clock, Level } from "./types.js" */

const LEVELS = ["accepted", "local", "durable"];

/**
 * @typedef {object} SenderWorld
 * @property {Clock} clock
 * @property {{ messages: number, bytes: number }} budget what may still wait, over all rooms
 * @property {(command: any, answer: Answer) => void} ask
 * @property {() => Level} highest what the store can reach
 * @property {(delivery: Delivery) => void} changed
 */

export class Sender {
  /** @type {Delivery[]} the first one is on its way if it is `sent` */
  #line = [];
  /** @type {Set<Delivery>} placed, and not at their level */
  #settling = new Set();
  #isReady = false;
  #isOnItsWay = false;
  #stream = crypto.getRandomValues(new BigUint64Array(1))[0]?.toString();
  #n = 0;
  /** Delays of an earlier connection are nobody's. */
  #era = 0;
  /** @type {(() => void) | undefined} */
  #pause;

  /** @param {SenderWorld} world */
  constructor(world) {
    this.world = world;
  }

  /** All that has not reached its level, in order. */
  get pending() {
    return [...this.#settling, ...this.#line];
  }

  /**
   * @param {any} command
   * @param {Level} [level]
   */
  add(command, level) {
    const { budget } = this.world;
    const bytes = (command.body ?? "").length;
    if (budget.messages < 1 || budget.bytes < bytes) {
      throw new RookeryError("queue_full", "So much waits to be sent already that no more is taken.");
    }
    const isKeyed = command.do === "post";
    const key = isKeyed ? [this.#stream, ++this.#n] : undefined;
    const delivery = new Delivery(this, isKeyed ? { ...command, key } : command, level, bytes);
    this.#enter(delivery);
    return delivery;
  }

  /** A connection is there, and the room's events are up to date. */
  ready() {
    this.#isReady = true;
    this.#pump();
  }

  /** @param {boolean} isSuspect what was on its way may have been why the connection ended */
  lost(isSuspect) {
    this.#era++;
    this.#isReady = this.#isOnItsWay = false;
    this.#resume();
    // What was placed and not promised may be gone: it goes first, and its key finds out.
    this.#line.unshift(...this.#settling);
    this.#settling.clear();
    for (const delivery of [...this.#line]) {
      if (delivery.state !== "sent") continue;
      if (isSuspect) {
        this.#fail(delivery, new RookeryError("rejected", "The node ended the connection over what it was sent."));
      } else {
        this.#change(delivery, "waiting");
      }
    }
  }

  /** @param {Delivery} delivery */
  retry(delivery) {
    this.#enter(delivery);
  }

  /** @param {Delivery} delivery */
  cancel(delivery) {
    if (delivery.state !== "waiting") return false;
    this.#fail(delivery, new RookeryError("cancelled", "It was taken back before it was sent."));
    return true;
  }

  /** @param {Delivery} delivery */
  #enter(delivery) {
    this.world.budget.messages -= 1;
    this.world.budget.bytes -= delivery.bytes;
    this.#line.push(delivery);
    this.#change(delivery, "waiting");
    this.#pump();
  }

  #pump() {
    const delivery = this.#line[0];
    if (!delivery || !this.#isReady || this.#isOnItsWay || this.#pause) return;
    this.#isOnItsWay = true;
    // Not from `placed` back: it may well stand where it stood.
    if (delivery.state === "waiting") this.#change(delivery, "sent");
    const isPost = delivery.command.do === "post";
    this.#ask(delivery, isPost ? "accepted" : undefined, (error, reply) => {
      this.#isOnItsWay = false;
      if (!error) this.#placed(delivery, reply);
      else if (isHarmless(delivery, error)) this.#finish(delivery);
      else if (!error.retryable) this.#fail(delivery, error);
      else this.#wait(delivery, error);
      this.#pump();
    });
  }

  /**
   * @param {Delivery} delivery
   * @param {Level | undefined} ack
   * @param {(error: RookeryError | undefined, reply: any) => void} answer
   */
  #ask(delivery, ack, answer) {
    this.world.ask(ack ? { ...delivery.command, ack } : delivery.command, (error, reply) => {
      const refused = /** @type {RookeryError | undefined} */ (error);
      // What had no answer is looked after when the connection's end is told.
      if (refused?.code !== "offline") answer(refused, reply);
    });
  }

  /**
   * @param {Delivery} delivery
   * @param {any} reply
   */
  #placed(delivery, reply) {
    delivery.tries = 0;
    this.#remove(delivery);
    Object.assign(delivery, { place: reply.place, n: reply.n, level: reply.level });
    const wanted = delivery.wanted ?? this.world.highest();
    if (delivery.command.do !== "post" || LEVELS.indexOf(reply.level) >= LEVELS.indexOf(wanted)) {
      return this.#finish(delivery);
    }
    this.#settling.add(delivery);
    this.#change(delivery, "placed");
    this.#settle(delivery, wanted);
  }

  /**
   * @param {Delivery} delivery
   * @param {Level} wanted
   */
  #settle(delivery, wanted) {
    this.#ask(delivery, wanted, (error, reply) => {
      if (!error) {
        Object.assign(delivery, { place: reply.place, n: reply.n, level: reply.level });
        return this.#finish(delivery);
      }
      if (!error.retryable) return this.#fail(delivery, error);
      if (error.code === "not_stored") {
        // Its place was taken back: it goes in front of what is younger.
        this.#settling.delete(delivery);
        delivery.place = delivery.n = delivery.level = undefined;
        this.#line.splice(this.#isOnItsWay ? 1 : 0, 0, delivery);
        this.#change(delivery, "waiting");
        return this.#pause ? undefined : this.#pump();
      }
      const era = this.#era;
      this.world.clock.after(this.#delay(delivery, error), () => {
        if (era === this.#era && this.#settling.has(delivery)) this.#settle(delivery, wanted);
      });
    });
  }

  /**
   * @param {Delivery} delivery
   * @param {RookeryError} error
   */
  #wait(delivery, error) {
    this.#change(delivery, delivery.place ? "placed" : "waiting", error);
    this.#pause = this.world.clock.after(this.#delay(delivery, error), () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  /**
   * @param {Delivery} delivery
   * @param {RookeryError} error
   */
  #delay(delivery, error) {
    const span = Math.min(500 * 2 ** Math.min(delivery.tries++, 6), 30_000);
    return error.retryMs ?? span / 2 + (this.world.clock.random() * span) / 2;
  }

  #resume() {
    this.#pause?.();
    this.#pause = undefined;
  }

  /** @param {Delivery} delivery */
  #remove(delivery) {
    const at = this.#line.indexOf(delivery);
    if (at >= 0) this.#line.splice(at, 1);
    this.#settling.delete(delivery);
  }

  /** @param {Delivery} delivery */
  #finish(delivery) {
    this.#leave(delivery);
    this.#change(delivery, "acked");
  }

  /**
   * @param {Delivery} delivery
   * @param {RookeryError} error
   */
  #fail(delivery, error) {
    this.#leave(delivery);
    this.#change(delivery, "failed", error);
  }

  /** @param {Delivery} delivery */
  #leave(delivery) {
    this.#remove(delivery);
    this.world.budget.messages += 1;
    this.world.budget.bytes += delivery.bytes;
  }

  /**
   * @param {Delivery} delivery
   * @param {import("./delivery.js").State} state
   * @param {RookeryError} [error]
   */
  #change(delivery, state, error) {
    delivery.become(state, error);
    this.world.changed(delivery);
  }
}

/**
 * A change that is sent again after a reconnect may find itself done; what is not yet `durable` will be.
 * @param {Delivery} delivery
 * @param {RookeryError} error
 */
function isHarmless(delivery, error) {
  const { command, wasSent } = delivery;
  if (command.do === "post") return false;
  return error.code === "not_durable" || (command.do === "delete" && wasSent > 1 && error.code === "no_such_message");
}
