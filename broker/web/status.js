// What stands around the conversation: the connection, who is here, who types, and the figures.

import { byId, counted, element, face, mark, span } from "./dom.js";

/** @import { Client, Room } from "./client/index.js" */

const KEPT = 40;

export class Status {
  #latencies = [];
  #counts = { "Came back": 0, "Messages caught up on": 0, "Gaps": 0 };
  #place = "–";
  #level = "–";
  #until = 0;
  #timer;
  #good = "";
  #isRefused = false;

  /** @param {Client} client @param {Room} room @param {{ isOn: boolean }} network */
  constructor(client, room, network) {
    this.client = client;
    this.room = room;
    this.network = network;
    byId("room-name").textContent = `#${room.name}`;
    document.title = `#${room.name} – Rookery`;
    for (const slot of document.querySelectorAll("dt[data-mark]")) slot.append(mark(slot.dataset.mark));

    client.on("state", ({ retryInMs, code = 0 }) => {
      this.#isRefused = code >= 4200 && code < 4300;
      this.#until = performance.now() + (retryInMs ?? 0);
      this.#connection();
    });
    client.on("welcome", ({ ack }) => {
      this.#level = ack;
      this.#facts();
    });
    client.on("latency", (ms) => {
      this.#latencies = [...this.#latencies.slice(1 - KEPT), ms];
      byId("latency").textContent = span(ms);
      this.#spark();
      this.#facts();
    });
    room.on("state", () => this.#connection());
    room.on("here", () => this.#here());
    room.on("event", ({ place }) => this.#at(place));
    room.on("subscribed", ({ from }) => this.#at(from));
    room.on("resumed", ({ messages }) => {
      this.#counts["Came back"] += 1;
      this.#counts["Messages caught up on"] += messages;
      this.#facts();
    });
    room.on("gap", () => {
      this.#counts["Gaps"] += 1;
      this.#facts();
    });
    room.on("typing", (users) => this.#typing(users));
    room.on("delivery", () => this.#connection());
    this.#connection();
    this.#facts();
  }

  /** Good news, for a while. @param {string} text */
  cheer(text) {
    this.#good = text;
    setTimeout(() => {
      this.#good = "";
      this.#connection();
    }, 8000);
    this.#connection();
  }

  #at(place) {
    this.#place = place[1].toLocaleString("en");
    this.#facts();
  }

  #facts() {
    const counts = Object.entries(this.#counts).map(([name, count]) => [name, count.toLocaleString("en")]);
    const last = this.#latencies.at(-1);
    const rows = [["There and back", last === undefined ? "–" : span(last)], ["Acks reach", this.#level], ["Last place taken", this.#place], ...counts];
    byId("facts").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  }

  /** The dot, and a banner with what is going on while there is no connection. */
  #connection() {
    clearTimeout(this.#timer);
    const { state } = this.client;
    const isUp = state === "online";
    byId("dot").dataset.state = state;
    if (!isUp) byId("latency").textContent = "offline";
    const banner = byId("banner");
    const waits = this.room.pending.length;
    const kept = waits ? ` ${counted(waits, "message")} of yours ${waits === 1 ? "waits" : "wait"} here and will be sent.` : "";
    let text = "";
    if (isUp && this.room.state === "resuming") text = "Catching up…";
    else if (state === "stopped" && this.#isRefused) text = "The node does not accept this token. Load the page again to bring another one.";
    else if (state === "stopped") text = "The node ended this connection for good. Load the page again to come back.";
    else if (!this.network.isOn) text = `You cut the network. Write on, and switch it on again when you like.${kept}`;
    else if (state === "connecting") text = `Connecting…${kept}`;
    else if (state === "waiting") {
      const left = Math.max(0, Math.ceil((this.#until - performance.now()) / 1000));
      text = `No connection. Next try ${left > 0 ? `in ${left} s` : "now"}.${kept}`;
      this.#timer = setTimeout(() => this.#connection(), 500);
    }
    banner.classList.toggle("good", text === "");
    text ||= this.#good;
    byId("banner-text").textContent = text;
    banner.hidden = text === "";
    byId("banner-now").hidden = state !== "waiting" || !this.network.isOn;
    this.#here();
  }

  #here() {
    const { users, count, isComplete } = this.room.here;
    const isUp = this.client.state === "online";
    const own = this.client.user;
    const others = [...users].filter((user) => user !== own).sort((a, b) => a.localeCompare(b));
    const shown = own ? [own, ...others] : others;
    const rows = shown.slice(0, 30).map((user) =>
      element("li", {}, face(user), element("span", { class: "name" }, user), user === own && element("small", {}, "you")));
    byId("people").replaceChildren(...(isUp ? rows : [element("li", {}, element("small", {}, "Not known without a connection"))]));
    const many = isComplete ? counted(Math.max(count, shown.length), "person", "people") : `about ${counted(count, "person", "people")}`;
    const names = others.length && others.length <= 3 ? `you and ${others.join(", ")}` : many;
    byId("room-here").textContent = isUp ? `Here: ${others.length ? names : "only you"}` : "Not connected";
  }

  #typing(users) {
    const others = users.filter((user) => user !== this.client.user);
    const who = others.length > 2 ? "Several people are" : `${others.join(" and ")} ${others.length > 1 ? "are" : "is"}`;
    const dots = element("i", { "aria-hidden": "true" }, element("span"), element("span"), element("span"));
    byId("typing").replaceChildren(...(others.length ? [dots, `${who} typing`] : []));
  }

  #spark() {
    const most = Math.max(...this.#latencies, 1);
    const step = 240 / (KEPT - 1);
    const from = KEPT - this.#latencies.length;
    const points = this.#latencies.map((ms, at) => `${((from + at) * step).toFixed(1)},${(42 - (ms / most) * 38).toFixed(1)}`);
    byId("spark").firstElementChild?.setAttribute("points", points.join(" "));
  }
}
