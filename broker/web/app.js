// The demo chat: one room, one client, and a switch that cuts its network.

import { Client, Timeline, compare } from "./client/index.js";
import { byId, counted } from "./dom.js";
import { enter } from "./entry.js";
import { Messages } from "./messages.js";
import { Network } from "./network.js";
import { Status } from "./status.js";

const ROOM = decodeURIComponent(location.hash.slice(1)) || "lounge";

const network = new Network();
const { token } = await enter(network);
const client = new Client({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws`,
  token,
  WebSocket: network.WebSocket,
  pingMs: 1000,
});
const room = client.room(ROOM);
const timeline = new Timeline(room);
const messages = new Messages(timeline);
const status = new Status(client, room, network);

byId("chat").hidden = false;
byId("second").setAttribute("href", `/${location.hash}`);
const body = /** @type {HTMLTextAreaElement} */ (byId("body"));
body.focus();

// What was missed, and proof that nothing else was: the places of a room have no holes, and its messages are numbered.
let left = room.cursor;
room.on("state", (state) => {
  if (state === "away") left = room.cursor;
});
room.on("resumed", ({ messages: missed, events }) => {
  if (!left || events === 0) return;
  const numbers = timeline.messages.filter((item) => compare(item.place, left) >= 0).map((item) => item.n);
  const isWhole = numbers.every((n, at) => at === 0 || n === numbers[at - 1] + 1);
  const what = missed ? counted(missed, "message") : counted(events, "change");
  const text = `${what} while you were away, ${isWhole ? "none missing" : "and some are missing"}`;
  messages.note(left, text, !isWhole);
  if (isWhole) status.cheer(text);
});
room.on("gap", ({ above, reason }) => {
  const why = reason === "too_old" ? "you were away longer than is kept for replay" : "this window was too far behind";
  messages.note(above, `Here replay ended: ${why}. What is shown was loaded from history.`, true);
});
room.on("retract", ({ above }) => {
  messages.note(above, "The node crashed before it had promised what stood here. It is gone for everybody.", true);
});

function send() {
  const text = body.value.trim();
  if (!text) return;
  try {
    room.post(text);
    body.value = "";
  } catch (error) {
    messages.note(room.cursor ?? [0, 0], /** @type {Error} */ (error).message, true);
  }
}
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
  body.focus();
});
body.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
body.addEventListener("input", () => room.typing(body.value !== ""));
body.addEventListener("blur", () => room.typing(false));

const networkSwitch = byId("network");
networkSwitch.addEventListener("click", () => {
  if (network.isOn) network.cut();
  else network.mend();
  networkSwitch.setAttribute("aria-checked", String(network.isOn));
  if (network.isOn) client.connect();
});
byId("banner-now").addEventListener("click", () => client.connect());

// A machine that wakes up, or changes its network, finds out at once.
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && client.probe());
addEventListener("online", () => client.probe());
addEventListener("hashchange", () => location.reload());

void room.subscribe({ presence: true });
client.connect();
