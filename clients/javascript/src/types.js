// Types that several files share. Nothing here runs, and no browser loads it.

/** @typedef {[epoch: number, seq: number]} Place */
/** @typedef {"accepted" | "local" | "durable"} Level */

/**
 * A room: an ordinary one by its name, or one of the others.
 * @typedef {string | { realm: string, name: string } | { direct: string } | { inbox: true } | { lobby: true } | { directory: true }} RoomName
 */

/**
 * @typedef {object} Clock
 * @property {() => number} now milliseconds that never go back
 * @property {(ms: number, run: () => void) => () => void} after a timer; the answer cancels it
 * @property {() => number} random from 0 up to 1
 */

/**
 * A message, in the protocol's own words (docs/protocol/events.md, `posted`).
 * @typedef {object} Message
 * @property {Place} place
 * @property {Place} version the place of its last change
 * @property {number} n its number among the room's messages
 * @property {string} sender
 * @property {number} posted_at
 * @property {string} kind
 * @property {string} body
 * @property {string} [body64]
 * @property {string} [display]
 * @property {string} [avatar]
 * @property {Place} [thread]
 * @property {string[]} [mentions]
 * @property {unknown} [metadata]
 * @property {number} [edited_at]
 * @property {number} [deleted_at]
 * @property {number} [expires_at]
 * @property {{ url: string, name?: string, media_type?: string, bytes?: number }[]} [attachments]
 */

/**
 * An event of a room: what all have, and by its word the fields of docs/protocol/events.md.
 * @typedef {{ ev: string, place: Place, at: number, by: string } & Record<string, any>} RoomEvent
 */

/** @typedef {RoomEvent & Message} Posted */
/** @typedef {Posted & { target: Place }} Edited */
/** @typedef {RoomEvent & { target: Place }} Deleted */
/** @typedef {RoomEvent & { target: Place, reaction: string }} Reacted */

/**
 * What lies above `above`, up to `upTo`, was not delivered.
 * @typedef {{ reason: string, above: Place, upTo: Place }} Gap
 */

/**
 * All that was missed has come: so many events, so many of them messages.
 * @typedef {{ at: Place, events: number, messages: number }} Resumed
 */

/**
 * @typedef {object} Subscribed
 * @property {{ realm: string, kind: string, name: string }} room
 * @property {number} handle
 * @property {"live" | "resuming" | { gap: string } | { retract: Place }} start
 * @property {Place} from
 * @property {Place} end
 * @property {number} messages
 * @property {Place} read
 * @property {number} read_n
 * @property {Record<string, any>} info
 * @property {string} [role]
 * @property {number} present
 */

/**
 * @typedef {object} Page
 * @property {Message[]} messages oldest first
 * @property {{ target: Place, reaction: string, count: number, sample?: string[] }[]} reactions
 * @property {Place} fence
 * @property {boolean} more_before
 * @property {boolean} more_after
 */

/**
 * @typedef {object} PageOptions
 * @property {Place} [before]
 * @property {Place} [after]
 * @property {Place} [around]
 * @property {number} [skip_oldest]
 * @property {number} [skip_newest]
 * @property {Place} [thread]
 * @property {number} [limit]
 */

/**
 * @typedef {object} PostOptions
 * @property {string} [kind]
 * @property {Level} [ack] the level to wait for; the highest that the store can reach
 * @property {Place} [thread]
 * @property {string[]} [mentions]
 * @property {object[]} [attachments]
 * @property {unknown} [metadata]
 * @property {number} [expires_in_ms]
 */

/**
 * @typedef {object} Welcome
 * @property {string} user
 * @property {string} realm
 * @property {number} run
 * @property {number} now
 * @property {number} ping_ms
 * @property {number} silence_ms
 * @property {number} max_message_bytes
 * @property {number} max_rooms
 * @property {Level} ack
 * @property {number} [expires_at]
 */

export {};
