// What the client asks of the world besides sockets: time, timers and chance. Tests bring their own.

/** @import { Clock } from "./types.js" */

/** Timers of browsers overflow above this. */
const LONGEST = 2 ** 31 - 1;

/** @type {Clock} */
export const systemClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), LONGEST));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
