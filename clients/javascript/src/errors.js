// What errors and close codes ask of a client. The lists are those of docs/protocol/errors.md; a test compares.

/** Errors after which the same command, with the same key, may succeed. */
export const RETRYABLE = new Set([
  "rate_limited",
  "busy",
  "read_only",
  "not_stored",
  "unsure",
  "draining",
  "not_durable",
  "no_ruling",
]);

/** Errors that speak of the token and not of the command. */
export const ABOUT_TOKEN = new Set(["not_authenticated", "bad_token", "token_expired", "revoked"]);

/** A refusal by the node, or by this client before it asked. */
export class RookeryError extends Error {
  /**
   * @param {string} code a word of the protocol's list, or one of the client (docs/clients/javascript.md)
   * @param {string} message
   * @param {{ detail?: string, retryMs?: number }} [more]
   */
  constructor(code, message, more = {}) {
    super(more.detail ? `${message} (${more.detail})` : message);
    this.name = "RookeryError";
    this.code = code;
    this.detail = more.detail ?? "";
    /** The node's word on when to try again, in ms. */
    this.retryMs = more.retryMs;
  }

  /** Whether the same again may succeed. What is not known is never tried again. */
  get retryable() {
    return RETRYABLE.has(this.code) || this.code === "offline";
  }
}

/** @param {any} reply a reply with `error` */
export const refusal = (reply) =>
  new RookeryError(reply.error, reply.message ?? reply.error, { detail: reply.detail, retryMs: reply.retry_ms });

/** The connection went while somebody waited for an answer. */
export const offline = () => new RookeryError("offline", "The connection ended before the answer came.");

/**
 * What the end of a connection asks for: `resume` with cursors, `afresh` without, a new `token` first, or `stop`.
 * @param {number} code
 * @returns {"resume" | "afresh" | "token" | "stop"}
 */
export function verdict(code) {
  if (code >= 4300 && code < 4400) return "stop";
  if (code >= 4200 && code < 4300) return "token";
  // 1002, 1003, 1007 and 1009: something that was sent is the trouble.
  if ((code >= 4100 && code < 4200) || [1002, 1003, 1007, 1009].includes(code)) return "afresh";
  return "resume";
}

/** The time that a close frame's reason asks for: "draining: come back in 1234 ms". @param {string} reason */
export function delayIn(reason) {
  const found = /\bin (\d{1,9}) ms$/.exec(reason);
  return found ? Number(found[1]) : undefined;
}
