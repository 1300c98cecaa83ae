// How long to wait before the next try: a random part of a span that doubles.

/** @import { Clock } from "./types.js" */

export class Backoff {
  #tries = 0;

  /**
   * @param {Clock} clock
   * @param {number} first the first span, in ms
   * @param {number} most
   */
  constructor(clock, first, most) {
    this.clock = clock;
    this.first = first;
    this.most = most;
  }

  /** Full jitter: all of the span, so that clients that were cut together do not come back together. */
  next() {
    const span = Math.min(this.first * 2 ** Math.min(this.#tries++, 30), this.most);
    return this.clock.random() * span;
  }

  reset() {
    this.#tries = 0;
  }
}
