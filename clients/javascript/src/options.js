// Every option of a client, with its default. docs/clients/javascript.md has them in a table; a test compares.

import { systemClock } from "./clock.js";

export const DEFAULTS = {
  /** `ws://` or `wss://` address of the node: its `/v1/ws`. */
  url: /** @type {string | undefined} */ (undefined),
  /** A token, or a function that gets one. It is asked before each connection, and before a token ends. */
  token: /** @type {string | ((why: { refused?: string }) => string | Promise<string>) | undefined} */ (undefined),
  /** The WebSocket class, for Node below 22 and for tests. */
  WebSocket: /** @type {any} */ (globalThis.WebSocket),
  /** Messages that wait to be placed, over all rooms. */
  queueMessages: 1000,
  /** Bytes of their bodies. */
  queueBytes: 4 * 1024 * 1024,
  /** How often to ask for a sign of life, which is also how often latency is measured; 0: as often as the node does. */
  pingMs: 0,
  /** From the start of a try until the node's welcome. */
  connectMs: 10_000,
  /** The span in which the first try to come back lies; it doubles with each. */
  firstRetryMs: 1000,
  mostRetryMs: 30_000,
  /** After so long online the span is the first one again. */
  healthyMs: 30_000,
  /** Time, timers and chance. */
  clock: systemClock,
};

/** @typedef {Partial<typeof DEFAULTS>} Options */

/**
 * @param {Options} given
 * @returns {typeof DEFAULTS & { url: string, token: NonNullable<typeof DEFAULTS.token> }}
 */
export function complete(given) {
  for (const name of Object.keys(given)) {
    if (!(name in DEFAULTS)) {
      throw new TypeError(`option "${name}" is unknown; there are: ${Object.keys(DEFAULTS).join(", ")}`);
    }
  }
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const options = { ...DEFAULTS, ...set };
  const { url, token } = options;
  if (!url || !/^wss?:\/\//.test(url)) {
    throw new TypeError(`option "url" is ${JSON.stringify(url)}; give it as ws://host:port/v1/ws`);
  }
  if (typeof token !== "function" && (typeof token !== "string" || !token)) {
    throw new TypeError('option "token" is missing; give a token, or a function that gets one');
  }
  if (typeof options.WebSocket !== "function") {
    throw new TypeError('there is no WebSocket here; give a class as option "WebSocket", for example that of ws');
  }
  return { ...options, url, token };
}
