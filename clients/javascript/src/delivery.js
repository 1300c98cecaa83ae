// One thing that was asked to be sent, and how far it has come.

/** @import { Sender } from "./sender.js" */
/** @import { RookeryError } from "./errors.js" */
/** @import { Level, Place } from "./types.js" */

/**
 * `waiting` here; `sent`, not answered; `placed`, in its order for everybody; `acked` at the level that was waited
 * for; `failed`, and not tried again.
 * @typedef {"waiting" | "sent" | "placed" | "acked" | "failed"} State
 */

export class Delivery {
  /** @type {State} */
  state = "waiting";
  /** @type {Place | undefined} */
  place;
  /** Its number among the room's messages. @type {number | undefined} */
  n;
  /** @type {Level | undefined} */
  level;
  /** Why it failed, or waits. @type {RookeryError | undefined} */
  error;
  /** The room's last place when it was sent. @type {Place | undefined} */
  sentAt;
  tries = 0;
  wasSent = 0;
  #sender;
  /** @type {(value: Delivery) => void} */
  #resolve = () => {};
  /** @type {(error: unknown) => void} */
  #reject = () => {};
  /** Ends with the delivery: at its level, or with the error. @type {Promise<Delivery>} */
  done;

  /**
   * @param {Sender} sender
   * @param {any} command
   * @param {Level | undefined} wanted
   * @param {number} bytes
   */
  constructor(sender, command, wanted, bytes) {
    this.#sender = sender;
    this.command = command;
    this.wanted = wanted;
    this.bytes = bytes;
    this.done = this.#promise();
  }

  /** Sends a failed one again, with its key: if it had arrived after all, it is not doubled. */
  retry() {
    if (this.state !== "failed") return;
    this.error = undefined;
    this.tries = 0;
    this.done = this.#promise();
    this.#sender.retry(this);
  }

  /** Takes back what still waits. @returns {boolean} whether it did */
  cancel() {
    return this.#sender.cancel(this);
  }

  /**
   * @param {State} state
   * @param {RookeryError} [error]
   */
  become(state, error) {
    this.state = state;
    this.error = error;
    if (state === "sent") this.wasSent++;
    if (state === "acked") this.#resolve(this);
    if (state === "failed") this.#reject(error);
  }

  #promise() {
    /** @type {Promise<Delivery>} */
    const done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who looks at states does not wait for this, and has no error to miss.
    done.catch(() => {});
    return done;
  }
}
