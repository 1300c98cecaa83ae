// The conversation: what a timeline holds, drawn anew where it differs, with what happened on the way between messages.

import { compare } from "./client/index.js";
import { byId, counted, element, face, mark, span } from "./dom.js";

/** @import { Timeline } from "./client/index.js" */

const TOGETHER_MS = 5 * 60_000;
const REACTIONS = ["👍", "❤️", "🎉"];
const MARKS = { accepted: "placed", local: "placed", durable: "durable" };

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export class Messages {
  #list = byId("messages");
  #scroller = byId("scroller");
  #newer = byId("newer");
  /** @type {Map<string, { drawn: string, node: HTMLElement }>} */
  #nodes = new Map();
  /** What is told between messages, by the place behind which it stands. @type {{ behind: any, text: string, isBad: boolean }[]} */
  #notes = [];
  /** When each of one's own was sent, placed and durable. @type {WeakMap<object, Record<string, number>>} */
  #times = new WeakMap();
  #isAsked = false;
  #isAtEnd = true;
  #unseen = 0;
  #lastPlace = [0, 0];

  /** @param {Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    this.room = timeline.room;
    timeline.on("change", () => this.draw());
    this.room.on("delivery", (delivery) => {
      const times = this.#times.get(delivery) ?? {};
      times[delivery.state] ??= performance.now();
      this.#times.set(delivery, times);
      if (delivery.state === "waiting") this.#isAtEnd = true;
    });
    this.#scroller.addEventListener("scroll", () => {
      const { scrollTop, clientHeight, scrollHeight } = this.#scroller;
      this.#isAtEnd = scrollHeight - scrollTop - clientHeight < 80;
      if (this.#isAtEnd) this.#seen();
    });
    new ResizeObserver(() => this.#isAtEnd && this.#toEnd()).observe(this.#scroller);
    this.#newer.addEventListener("click", () => this.#toEnd());
    byId("older").addEventListener("click", () => void this.#older());
  }

  /** Tells something behind a place. @param {any} behind @param {string} text @param {boolean} [isBad] */
  note(behind, text, isBad = false) {
    this.#notes = [...this.#notes.slice(-20), { behind, text, isBad }];
    this.draw();
  }

  /** Once per picture, however much came. */
  draw() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      this.#draw();
    });
  }

  #draw() {
    const { messages, pending, moreBefore, isLoading } = this.timeline;
    const isEmpty = messages.length + pending.length === 0;
    byId("older").hidden = !moreBefore || messages.length >= this.timeline.limit;
    const empty = byId("empty");
    empty.hidden = !isEmpty;
    if (isEmpty) {
      const [title, more] =
        isLoading || this.room.state !== "live"
          ? ["Looking for what was said", ""]
          : ["Nothing was said here yet", "Write the first message, or open a second window and talk to yourself."];
      empty.replaceChildren(element("strong", {}, title), element("span", {}, more));
    }

    /** @type {[string, string, () => HTMLElement][]} */
    const rows = [];
    const notes = [...this.#notes];
    let before;
    for (const item of messages) {
      while (notes[0] && compare(notes[0].behind, item.place) < 0) rows.push(noteRow(notes.shift()));
      const date = day.format(item.posted_at);
      if (!before || day.format(before.posted_at) !== date) rows.push([`day ${date}`, date, () => element("li", { class: "day" }, date)]);
      const isFirst = before?.sender !== item.sender || item.posted_at - before.posted_at > TOGETHER_MS;
      const isLastOwn = item.sender === this.room.user && item === messages.at(-1) && pending.length === 0;
      rows.push(this.#row(item, isFirst, isLastOwn));
      before = item;
    }
    for (const note of notes) rows.push(noteRow(note));
    for (const delivery of pending) {
      const key = `own ${delivery.command.key[1]}`;
      rows.push([key, delivery.state + (delivery.error?.code ?? ""), () => this.#pending(delivery)]);
    }
    this.#place(rows);

    const last = messages.at(-1);
    if (last && compare(last.place, this.#lastPlace) > 0) {
      const news = messages.filter((item) => compare(item.place, this.#lastPlace) > 0 && item.sender !== this.room.user);
      if (!this.#isAtEnd && this.#lastPlace[1] > 0) this.#unseen += news.length;
      this.#lastPlace = last.place;
    }
    if (this.#isAtEnd) this.#toEnd();
    this.#newer.hidden = this.#unseen === 0;
    this.#newer.textContent = `${counted(this.#unseen, "new message")} below`;
  }

  /** Puts rows in order, and makes only those that differ. @param {[string, string, () => HTMLElement][]} rows */
  #place(rows) {
    const kept = new Set(rows.map(([key]) => key));
    for (const [key, { node }] of this.#nodes) {
      if (kept.has(key)) continue;
      node.remove();
      this.#nodes.delete(key);
    }
    let next = this.#list.firstElementChild;
    for (const [key, drawn, make] of rows) {
      let known = this.#nodes.get(key);
      if (known?.drawn !== drawn) {
        const node = make();
        if (known) {
          if (next === known.node) next = node;
          known.node.replaceWith(node);
        }
        this.#nodes.set(key, (known = { drawn, node }));
      }
      if (known.node === next) next = next.nextElementSibling;
      else this.#list.insertBefore(known.node, next);
    }
  }

  /** @param {any} item @param {boolean} isFirst @param {boolean} isLastOwn @returns {[string, string, () => HTMLElement]} */
  #row(item, isFirst, isLastOwn) {
    const { delivery } = item;
    const reactions = [...item.reactions].map(([what, { count, users }]) => [what, count, users.has(this.room.user)]);
    const drawn = JSON.stringify([item.version, item.deleted_at, isFirst, isLastOwn, delivery?.level, delivery?.state, reactions]);
    return [`message ${item.place}`, drawn, () => this.#message(item, isFirst, isLastOwn, reactions)];
  }

  #message(item, isFirst, isLastOwn, reactions) {
    const isMine = item.sender === this.room.user;
    const isGone = item.deleted_at !== undefined;
    const row = element("li", {
      class: ["message", isFirst && "first", isMine && "mine", isGone && "gone"].filter(Boolean).join(" "),
      "data-place": item.place.join("."),
    });
    const time = clock.format(item.posted_at);
    const text = isGone ? "This message was deleted" : item.body;
    row.append(
      face(item.display || item.sender),
      element("p", { class: "who" }, element("b", {}, item.display || item.sender), time),
      element("div", { class: "bubble" },
        element("p", { class: "text", title: time }, text, item.edited_at && element("span", { class: "edited" }, " edited")),
        !isGone && this.#tools(item, isMine)),
      element("p", { class: "reactions" }, ...reactions.map(([what, count, isOn]) =>
        element("button", { type: "button", "aria-pressed": String(isOn), "aria-label": `${what}, ${count}`,
          onclick: () => (isOn ? this.room.unreact(item.place, what) : this.room.react(item.place, what)) }, `${what} ${count}`))),
    );
    if (isMine && item.delivery && !isGone) this.#told(row, item.delivery, isLastOwn);
    return row;
  }

  #tools(item, isMine) {
    const button = (label, text, onclick) => element("button", { type: "button", "aria-label": label, title: label, onclick }, text);
    return element("span", { class: "tools" },
      ...REACTIONS.map((what) => button(`React with ${what}`, what, () => this.room.react(item.place, what))),
      isMine && button("Delete this message", "✕", () => this.room.delete(item.place)));
  }

  /** How far one's own has come, and for the last one how fast. */
  #told(row, delivery, isLast) {
    const name = MARKS[delivery.level] ?? "sent";
    const times = this.#times.get(delivery) ?? {};
    const since = (at) => at !== undefined && times.sent !== undefined && span(at - times.sent);
    const placed = since(times.placed ?? times.acked);
    const durable = delivery.level === "durable" && since(times.acked);
    const words = [placed && `placed in ${placed}`, durable && `durable in ${durable}`].filter(Boolean).join(", ");
    const told = element("span", { class: "told", title: words }, element("span", { class: "hidden" }, name), mark(name));
    row.querySelector(".text").append(told);
    if (isLast && words) row.append(element("p", { class: "meta" }, words));
  }

  #pending(delivery) {
    const row = element("li", { class: "message mine pending first", "data-state": delivery.state });
    const told = element("span", { class: "told" }, element("span", { class: "hidden" }, delivery.state), mark(delivery.state));
    row.append(element("div", { class: "bubble" }, element("p", { class: "text" }, delivery.command.body, told)));
    if (delivery.state === "failed") {
      row.append(element("p", { class: "meta failed" }, `Not sent: ${delivery.error.message}`,
        element("button", { type: "button", onclick: () => delivery.retry() }, "Try again"),
        element("button", { type: "button", onclick: () => this.timeline.discard(delivery) }, "Discard")));
    }
    return row;
  }

  /** What is above keeps its place on the screen. */
  async #older() {
    const { scrollHeight, scrollTop } = this.#scroller;
    await this.timeline.loadOlder();
    requestAnimationFrame(() => {
      this.#scroller.scrollTop = scrollTop + this.#scroller.scrollHeight - scrollHeight;
    });
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#seen();
  }

  #seen() {
    this.#unseen = 0;
    this.#newer.hidden = true;
    const last = this.timeline.messages.at(-1);
    if (last && document.hasFocus()) this.room.markRead(last.place);
  }
}

function noteRow({ behind, text, isBad }) {
  const make = () => element("li", { class: isBad ? "came bad" : "came" }, element("span", {}, text));
  return [`note ${behind} ${text}`, text, make];
}
