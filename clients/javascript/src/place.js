// Places: where an event stands in its room, as [epoch, seq].

/** @import { Place } from "./types.js" */

/**
 * Below 0: `a` comes first.
 * @param {Place} a
 * @param {Place} b
 */
export const compare = (a, b) => a[0] - b[0] || a[1] - b[1];

/**
 * A place as a key of a Map.
 * @param {Place} place
 */
export const nameOf = (place) => `${place[0]}.${place[1]}`;
