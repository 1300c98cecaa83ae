// Who is in a room, and who types, as its signals tell.

/** @import { Clock } from "./types.js" */

/** Typing ends by itself after this: the signal that says so may have been shed. */
const TYPING_MS = 6000;
/** While somebody types, the room is told this often. */
const TELL_EVERY_MS = 3000;

export class Here {
  /** Of a huge room, some of them. @type {Set<string>} */
  users = new Set();
  count = 0;
  /** Whether `users` are all. */
  isComplete = false;

  /**
   * @param {string} word
   * @param {any} told
   * @returns {boolean} whether that changed anything
   */
  take(word, told) {
    if (word === "present" || word === "crowd") {
      this.users = new Set(told.users ?? told.sample);
      this.count = told.count;
      this.isComplete = told.complete === true;
      return true;
    }
    const before = this.users.size;
    for (const user of told.users ?? []) {
      if (word === "connected") this.users.add(user);
      else this.users.delete(user);
    }
    const changed = this.users.size - before;
    this.count = this.isComplete ? this.users.size : Math.max(0, this.count + changed);
    return changed !== 0;
  }
}

export class Typing {
  /** @type {Map<string, () => void>} */
  #typing = new Map();
  #toldAt = -Infinity;

  /**
   * @param {Clock} clock
   * @param {(users: string[]) => void} changed
   */
  constructor(clock, changed) {
    this.clock = clock;
    this.changed = changed;
  }

  /**
   * @param {string} user
   * @param {boolean} on
   */
  take(user, on) {
    const known = this.#typing.get(user);
    known?.();
    if (on) this.#typing.set(user, this.clock.after(TYPING_MS, () => this.take(user, false)));
    else this.#typing.delete(user);
    if (on !== (known !== undefined)) this.changed([...this.#typing.keys()]);
  }

  clear() {
    for (const user of [...this.#typing.keys()]) this.take(user, false);
  }

  /** Whether the room is to be told that oneself types, or stopped. @param {boolean} on */
  shouldTell(on) {
    const now = this.clock.now();
    if (on ? now - this.#toldAt < TELL_EVERY_MS : this.#toldAt === -Infinity) return false;
    this.#toldAt = on ? now : -Infinity;
    return true;
  }
}
