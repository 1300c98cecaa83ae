// What is shown of a room: right after pages, changes, gaps and retractions, and bounded.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Timeline } from "../../src/index.js";
import { posted, settle, world } from "../support/world.js";

const message = (seq, more = {}) => ({ place: [100, seq], at: 1, by: "bob", n: seq, body: `m${seq}`, ...more });

async function shown(options, subscribed = {}) {
  const w = world();
  const room = w.client.room("general");
  const timeline = new Timeline(room, options);
  void room.subscribe();
  w.client.connect();
  await w.welcome();
  w.subscribed("general", subscribed);
  /** Answers the history that was asked for last. */
  const page = async (messages, fence, more = {}) => {
    const asked = w.socket.last("history");
    w.socket.say({ re: asked.id, ok: "history", messages, fence, ...more });
    await settle();
    return asked;
  };
  const bodies = () => timeline.messages.map((item) => item.body);
  return { w, room, timeline, page, bodies };
}

test("it subscribes first, and applies to the page what the page does not know", async () => {
  const { w, timeline, page, bodies } = await shown();
  assert.equal(timeline.isLoading, true);
  w.socket.say(posted(6), { ev: "deleted", room: 3, seq: 7, at: 2, by: "bob", target: [100, 4] });
  w.socket.say({ ev: "reacted", room: 3, seq: 8, at: 2, by: "carol", target: [100, 5], reaction: "👍" });
  const reactions = [{ target: [100, 5], reaction: "👍", count: 1, sample: ["bob"] }];
  await page([message(4), message(5), message(6)], [100, 6], { more_before: true, reactions });
  assert.deepEqual(bodies(), ["", "m5", "m6"]);
  assert.equal(timeline.messages[1].reactions.get("👍").count, 2);
  assert.deepEqual([timeline.moreBefore, timeline.isLoading], [true, false]);
});

test("what the page knows already is not applied again", async () => {
  const { w, timeline, page } = await shown();
  w.socket.say({ ev: "reacted", room: 3, seq: 6, at: 2, by: "carol", target: [100, 5], reaction: "👍" });
  await page([message(5)], [100, 6], { reactions: [{ target: [100, 5], reaction: "👍", count: 1, sample: ["carol"] }] });
  assert.equal(timeline.messages[0].reactions.get("👍").count, 1);
  w.socket.say({ ev: "unreacted", room: 3, seq: 7, at: 2, by: "carol", target: [100, 5], reaction: "👍" });
  assert.equal(timeline.messages[0].reactions.size, 0);
});

test("only rising versions are applied", async () => {
  const { w, page, bodies } = await shown();
  await page([message(5, { version: [100, 9], body: "newest" })], [100, 5]);
  const edit = { ev: "edited", room: 3, at: 2, by: "bob", target: [100, 5], n: 5 };
  w.socket.say({ ...edit, seq: 6, version: [100, 8], body: "older" });
  assert.deepEqual(bodies(), ["newest"]);
  w.socket.say({ ...edit, seq: 7, version: [100, 12], body: "later still", edited_at: 2 });
  assert.deepEqual(bodies(), ["later still"]);
});

test("after a gap it is whole again: what was missed, and what was changed", async () => {
  const { w, timeline, page, bodies } = await shown();
  await page([message(4), message(5)], [100, 5]);
  w.socket.say({ mark: "gap", room: 3, reason: "lagged", from: [100, 300] }, posted(301));
  await page([message(300), message(301)], [100, 301], { more_before: true });
  const asked = await page([message(4, { body: "edited", version: [100, 250] }), message(5), message(299)], [100, 301]);
  assert.deepEqual(asked.before, [100, 300]);
  assert.deepEqual(bodies(), ["edited", "m5", "m299", "m300", "m301"]);
  assert.equal(timeline.isLoading, false);
});

test("what is gone is dropped, and what it had changed is loaded", async () => {
  const { w, page, bodies } = await shown();
  await page([message(5)], [100, 5]);
  w.socket.say(posted(6), { ev: "edited", room: 3, seq: 7, at: 2, by: "bob", target: [100, 5], n: 5, body: "changed" });
  w.socket.say({ ev: "retract", room: 3, above: [100, 5], next: [200, 6] });
  assert.deepEqual(bodies(), ["changed"]);
  w.socket.say(posted(6, { epoch: 200, body: "anew" }));
  await page([message(5)], [100, 5]);
  assert.deepEqual(bodies(), ["m5", "anew"]);
});

test("a load that the end of a connection cut is done with the next one", async () => {
  const { w, timeline, page, bodies } = await shown();
  w.socket.end();
  assert.equal(timeline.isLoading, true);
  await w.clock.pass(1000);
  await w.welcome();
  w.subscribed("general", { start: "resuming" });
  w.socket.say({ mark: "resumed", room: 3, at: [100, 5] });
  await settle();
  await page([message(5)], [100, 5]);
  assert.deepEqual(bodies(), ["m5"]);
});

test("it is bounded: the oldest go, and can be loaded no more than fit", async () => {
  const { w, timeline, page, bodies } = await shown({ limit: 4 });
  await page([message(4), message(5)], [100, 5], { more_before: true });
  assert.equal(w.socket.last("history").limit, 4);
  const older = timeline.loadOlder();
  assert.deepEqual([w.socket.last("history").before, w.socket.last("history").limit], [[100, 4], 2]);
  await page([message(2), message(3)], [100, 5], { more_before: true });
  assert.equal(await older, true);
  assert.equal(await timeline.loadOlder(), false);
  w.socket.say(posted(6), posted(7));
  assert.deepEqual(bodies(), ["m4", "m5", "m6", "m7"]);
});

test("one's own message is shown once: waiting, then in its place with its delivery", async () => {
  const { w, room, timeline, page } = await shown();
  await page([message(5, { by: "alice", body: "same" })], [100, 5]);
  const delivery = room.post("same");
  assert.deepEqual(timeline.pending, [delivery]);
  w.socket.say(posted(6, { by: "alice", body: "same" }));
  assert.deepEqual(timeline.pending, []);
  const { id } = w.socket.last("post");
  w.socket.say({ re: id, ok: "placed", place: [100, 6], n: 6, level: "accepted" });
  assert.deepEqual([timeline.pending, timeline.messages.at(-1).delivery], [[], delivery]);
  const other = room.post("refused");
  w.socket.say({ re: w.socket.last("post").id, error: "too_large", message: "No." });
  assert.deepEqual(timeline.pending, [other]);
  timeline.discard(other);
  assert.deepEqual(timeline.pending, []);
});
