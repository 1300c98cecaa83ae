// What is sent: in order, once, and known how far it came.
import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "../support/world.js";

async function live(options = {}) {
  const w = world(options);
  const room = w.client.room("general");
  void room.subscribe();
  w.client.connect();
  await w.welcome();
  w.subscribed("general");
  const steps = [];
  room.on("delivery", (delivery) => steps.push(`${delivery.command.body} ${delivery.state}`));
  const back = async () => {
    await w.clock.pass(1000);
    await w.welcome();
    w.subscribed("general", { start: "resuming" });
    w.socket.say({ mark: "resumed", room: 3, at: [100, 5] });
  };
  const answer = (level, seq, more = {}) => {
    const { id } = w.socket.last("post");
    w.socket.say({ re: id, ok: "placed", place: [100, seq], n: seq, level, ...more });
  };
  const refuse = (error, more = {}) => w.socket.say({ re: w.socket.last("post").id, error, message: "No.", ...more });
  return { w, room, steps, back, answer, refuse };
}

test("a message is sent, placed, and acked at the level that was waited for", async () => {
  const { w, room, steps, answer } = await live();
  const delivery = room.post("one", { mentions: ["bob"] });
  const first = w.socket.last("post");
  assert.deepEqual([first.ack, first.room, first.mentions], ["accepted", 3, ["bob"]]);
  answer("accepted", 6);
  const second = w.socket.last("post");
  assert.deepEqual([second.ack, second.key, second.body], ["durable", first.key, "one"]);
  answer("durable", 6, { duplicate: true });
  assert.equal((await delivery.done).level, "durable");
  assert.deepEqual(delivery.place, [100, 6]);
  assert.deepEqual(steps, ["one waiting", "one sent", "one placed", "one acked"]);
  assert.deepEqual(room.pending, []);
});

test("one command is enough where the level is reached at once, or no more is wanted", async () => {
  const { w, room, answer } = await live();
  const low = room.post("low", { ack: "accepted" });
  answer("accepted", 6);
  await low.done;
  const high = room.post("high");
  answer("durable", 7);
  await high.done;
  assert.equal(w.socket.all("post").length, 2);
});

test("the next one goes when the one before has its place, not later", async () => {
  const { w, room, answer } = await live();
  room.post("one");
  room.post("two");
  assert.equal(w.socket.last("post").body, "one");
  answer("accepted", 6);
  assert.deepEqual(w.socket.all("post").map((c) => [c.body, c.ack]), [["one", "accepted"], ["one", "durable"], ["two", "accepted"]]);
  const [a, , b] = w.socket.all("post");
  assert.equal(a.key[0], b.key[0]);
  assert.match(a.key[0], /^\d{1,20}$/);
  assert.deepEqual([a.key[1], b.key[1]], [1, 2]);
});

test("what had no answer goes again with its key, first and in order", async () => {
  const { w, room, steps, back, answer } = await live();
  const one = room.post("one");
  answer("accepted", 6);
  const two = room.post("two");
  const keys = w.socket.all("post").map((c) => c.key);
  w.socket.end();
  assert.deepEqual([one.state, two.state], ["placed", "waiting"]);
  const three = room.post("three");
  await back();
  assert.deepEqual([w.socket.last("post").body, w.socket.last("post").key], ["one", keys[0]]);
  answer("accepted", 6, { duplicate: true });
  assert.deepEqual(w.socket.all("post").map((c) => c.body), ["one", "one", "two"]);
  assert.deepEqual(w.socket.last("post").key, keys.at(-1));
  const settle = w.socket.all("post")[1];
  w.socket.say({ re: settle.id, ok: "placed", place: [100, 6], n: 6, level: "durable" });
  answer("durable", 7);
  answer("durable", 8);
  await Promise.all([one.done, two.done, three.done]);
  assert.deepEqual(steps.filter((step) => step.startsWith("one")), ["one waiting", "one sent", "one placed", "one placed", "one acked"]);
});

test("an answer for a connection that is gone is nobody's", async () => {
  const { w, room, back } = await live();
  const delivery = room.post("one");
  const old = w.socket;
  const { id } = old.last("post");
  const take = old.onmessage;
  old.end();
  take?.({ data: JSON.stringify({ re: id, ok: "placed", place: [1, 1], n: 1, level: "durable" }) });
  assert.equal(delivery.state, "waiting");
  await back();
  assert.equal(delivery.state, "sent");
});

test("what may succeed later is tried again after its time, and nothing overtakes it", async () => {
  const { w, room, refuse, answer } = await live();
  const one = room.post("one");
  room.post("two");
  refuse("rate_limited", { retry_ms: 250 });
  assert.deepEqual([one.state, one.error.code], ["waiting", "rate_limited"]);
  await w.clock.pass(249);
  assert.equal(w.socket.all("post").length, 1);
  await w.clock.pass(1);
  assert.deepEqual(w.socket.all("post").map((c) => c.body), ["one", "one"]);
  refuse("busy");
  await w.clock.pass(2000);
  answer("durable", 6);
  assert.deepEqual(w.socket.all("post").map((c) => c.body), ["one", "one", "one", "two"]);
});

test("what can never succeed fails aloud, and the next one goes", async () => {
  const { w, room, refuse, answer } = await live();
  const one = room.post("one");
  room.post("two");
  refuse("too_large", { detail: "body" });
  await assert.rejects(one.done, { code: "too_large", message: "No. (body)" });
  assert.equal(w.socket.last("post").body, "two");
  answer("durable", 6);
  one.retry();
  assert.deepEqual(w.socket.last("post").key[1], 1);
  answer("durable", 7);
  assert.deepEqual((await one.done).place, [100, 7]);
});

test("a place that was taken back is asked for anew, ahead of what is younger", async () => {
  const { w, room, answer } = await live();
  const one = room.post("one");
  answer("accepted", 6);
  const settle = w.socket.last("post");
  const two = room.post("two");
  room.post("three");
  w.socket.say({ re: settle.id, error: "not_stored", message: "Gone." });
  assert.deepEqual([one.state, one.place], ["waiting", undefined]);
  assert.equal(two.state, "sent");
  answer("durable", 7);
  assert.equal(w.socket.last("post").body, "one");
});

test("what is not durable yet is asked about again, and holds nobody up", async () => {
  const { w, room, answer } = await live();
  const one = room.post("one");
  answer("accepted", 6);
  const settle = w.socket.last("post");
  w.socket.say({ re: settle.id, error: "not_durable", message: "Later.", retry_ms: 100 });
  assert.equal(one.state, "placed");
  await w.clock.pass(100);
  assert.deepEqual([w.socket.last("post").body, w.socket.last("post").ack], ["one", "durable"]);
  const again = w.socket.last("post").id;
  room.post("two");
  assert.equal(w.socket.last("post").body, "two");
  w.socket.say({ re: again, ok: "placed", place: [100, 6], n: 6, level: "durable" });
  await one.done;
});

test("a delay of an earlier connection asks nothing on the next one", async () => {
  const { w, room, back, answer } = await live();
  w.clock.chance = 0;
  room.post("one");
  answer("accepted", 6);
  w.socket.say({ re: w.socket.last("post").id, error: "not_durable", message: "Later.", retry_ms: 5000 });
  w.socket.end();
  await back();
  answer("accepted", 6);
  assert.equal(w.socket.all("post").length, 2);
  await w.clock.pass(5000);
  assert.equal(w.socket.all("post").length, 2);
});

test("what a connection was ended over is not sent for ever", async () => {
  const { w, room, back } = await live();
  const bad = room.post("bad");
  const good = room.post("good");
  w.socket.end(4101, "malformed: what follows cannot be read");
  await assert.rejects(bad.done, { code: "rejected" });
  assert.equal(good.state, "waiting");
  await back();
  assert.equal(w.socket.last("post").body, "good");
});

test("what is larger than a message may be fails here, and ends no connection", async () => {
  const { w, room } = await live();
  const large = room.post("✓".repeat(22_000));
  await assert.rejects(large.done, { code: "too_large" });
  assert.equal(w.socket.last("post"), undefined);
  room.post("✓".repeat(21_000));
  assert.equal(w.socket.all("post").length, 1);
});

test("the queue is bounded in number and bytes, over all rooms, and says so", async () => {
  const w = world({ queueMessages: 3, queueBytes: 100 });
  const [one, two] = [w.client.room("one"), w.client.room("two")];
  one.post("a");
  two.post("b");
  assert.throws(() => two.post("x".repeat(99)), { code: "queue_full" });
  const last = two.post("c");
  assert.throws(() => one.post("d"), { code: "queue_full" });
  assert.equal(last.cancel(), true);
  await assert.rejects(last.done, { code: "cancelled" });
  one.post("d");
  assert.equal(one.pending.length, 2);
});

test("a room that is not subscribed to can be posted to", async () => {
  const w = world();
  w.client.room("elsewhere").post("hello");
  w.client.connect();
  await w.welcome();
  assert.deepEqual([w.socket.last("post").room, w.socket.last("post").body], ["elsewhere", "hello"]);
});

test("changes go in the same line; a deletion that was done already is done", async () => {
  const { w, room, back } = await live();
  room.react([100, 2], "👍");
  const gone = room.delete([100, 3]);
  w.socket.say({ re: w.socket.last("react").id, ok: "done" });
  assert.deepEqual(w.socket.last("delete").target, [100, 3]);
  w.socket.end();
  await back();
  w.socket.say({ re: w.socket.last("delete").id, error: "no_such_message", message: "Gone." });
  await gone.done;
  const edit = room.edit([100, 4], "better");
  assert.deepEqual([w.socket.last("edit").body, w.socket.last("edit").key], ["better", undefined]);
  w.socket.say({ re: w.socket.last("edit").id, ok: "placed", place: [100, 9], level: "durable" });
  await edit.done;
});
