// The token of a client: got before each connection, and got again before it ends.

/** Unless the token is shorter-lived, it is renewed so long before its end. */
const EARLY_MS = 60_000;

/**
 * When to renew a token, in ms from now.
 * @param {number} leftMs
 */
export const renewIn = (leftMs) => Math.max(leftMs - EARLY_MS, leftMs * 0.7, 0);

/**
 * The end of a token as it says itself, in ms since 1970. What cannot be read has none.
 * @param {string} token
 * @returns {number | undefined}
 */
export function endOf(token) {
  try {
    const claims = JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims.exp === "number" ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
