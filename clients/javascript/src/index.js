// Rookery's client for browsers and Node: `import { Client, Timeline } from "…/index.js"`.

export { Client } from "./client.js";
export { Room } from "./room.js";
export { Timeline } from "./timeline.js";
export { Delivery } from "./delivery.js";
export { RookeryError } from "./errors.js";
export { compare } from "./place.js";
