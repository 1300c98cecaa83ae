// A room through connections: cursors, gaps, retractions, and who is there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WELCOME, posted, settle, world } from "../support/world.js";

/** A client in a live room, and everything that the room says. */
async function live(more = {}) {
  const w = world();
  // Back at once.
  w.clock.chance = 0;
  const room = w.client.room("general");
  const said = [];
  for (const name of ["posted", "edited", "gap", "retract", "resumed", "ended", "typing"]) {
    room.on(name, (value) => said.push([name, value]));
  }
  const subscribed = room.subscribe({ presence: true });
  w.client.connect();
  await w.welcome();
  w.subscribed("general", more);
  await subscribed;
  const back = async (told) => {
    await w.clock.pass(1000);
    await w.welcome();
    w.subscribed("general", told);
  };
  return { w, room, said, back };
}

test("events come with their place, and what the wire leaves out", async () => {
  const { w, room, said } = await live();
  w.socket.say(posted(6), posted(7, { epoch: 200, sender: "carol" }), posted(8));
  assert.deepEqual(said.map(([, event]) => event.place), [[100, 6], [200, 7], [200, 8]]);
  const [, event] = said[1];
  assert.deepEqual([event.sender, event.kind, event.version, event.posted_at], ["carol", "text", [200, 7], 1]);
  assert.deepEqual(room.cursor, [200, 8]);
});

test("it comes back with its cursor and counts what it missed", async () => {
  const { w, room, said, back } = await live();
  w.socket.say(posted(6));
  w.socket.end();
  assert.equal(room.state, "away");
  await w.clock.pass(1000);
  await w.welcome();
  assert.deepEqual(w.socket.last("resume").rooms, [{ room: "general", cursor: [100, 6], wants: ["presence"] }]);
  w.subscribed("general", { start: "resuming", from: [100, 6], end: [100, 9], handle: 8 });
  assert.equal(room.state, "resuming");
  const here = { room: 8 };
  w.socket.say(posted(7, here), { ...here, ev: "deleted", seq: 8, at: 1, by: "bob", target: [100, 1] }, posted(9, here));
  w.socket.say({ mark: "resumed", at: [100, 9], ...here });
  assert.equal(room.state, "live");
  assert.deepEqual(said.at(-1), ["resumed", { at: [100, 9], events: 3, messages: 2 }]);
  assert.equal(said.filter(([name]) => name === "gap").length, 0);
  void back;
});

test("an event that was taken already is not taken again", async () => {
  const { w, said } = await live();
  w.socket.say(posted(6), posted(6), posted(5), posted(7));
  assert.deepEqual(said.map(([, event]) => event.place[1]), [6, 7]);
});

test("a hole is told, whoever made it", async () => {
  const { w, said } = await live();
  w.socket.say(posted(6), posted(9));
  assert.deepEqual(said[1], ["gap", { reason: "missing", above: [100, 6], upTo: [100, 8] }]);
  assert.deepEqual(said[2][1].place, [100, 9]);
});

test("a gap is told with its ends: as a mark, at the start, and after starting afresh", async () => {
  const { w, said, back } = await live();
  w.socket.say({ mark: "gap", room: 3, reason: "lagged", from: [100, 60] }, posted(61));
  assert.deepEqual(said.splice(0).map(([name, value]) => [name, value.above ?? value.place, value.upTo]), [
    ["gap", [100, 5], [100, 60]],
    ["posted", [100, 61], undefined],
  ]);
  w.socket.end();
  await back({ start: { gap: "too_old" }, from: [300, 900] });
  assert.deepEqual(said.splice(0), [["gap", { reason: "too_old", above: [100, 61], upTo: [300, 900] }]]);
  w.socket.say(posted(901));
  assert.deepEqual(said.splice(0)[0][1].place, [300, 901]);
  w.socket.end(4103, "reset: come back");
  await back({ start: "live", from: [300, 950] });
  assert.deepEqual(said.splice(0), [["gap", { reason: "afresh", above: [300, 901], upTo: [300, 950] }]]);
  w.socket.end(4103, "reset: come back");
  await back({ start: "live", from: [300, 950] });
  assert.deepEqual(said, []);
});

test("what was promised to nobody is taken back, live and at the start", async () => {
  const { w, room, said, back } = await live();
  w.socket.say(posted(6), posted(7), { ev: "retract", room: 3, above: [100, 6], next: [200, 7] });
  assert.deepEqual(said.at(-1), ["retract", { above: [100, 6] }]);
  assert.deepEqual(room.cursor, [100, 6]);
  w.socket.say(posted(7, { epoch: 200 }));
  assert.deepEqual(said.at(-1)[1].place, [200, 7]);
  w.socket.end();
  await back({ start: { retract: [200, 6] }, from: [200, 6], end: [300, 7] });
  assert.deepEqual(said.at(-1), ["retract", { above: [200, 6] }]);
  w.socket.say(posted(7, { epoch: 300 }), { mark: "resumed", room: 3, at: [300, 7] });
  assert.deepEqual(said.at(-1), ["resumed", { at: [300, 7], events: 1, messages: 1 }]);
});

test("an ended subscription stays ended, and is asked for anew only by subscribing", async () => {
  const { w, room, said } = await live();
  w.socket.say({ mark: "ended", room: 3, at: [100, 5], reason: "removed" }, posted(6));
  assert.equal(room.state, "off");
  assert.deepEqual(said.map(([name]) => name), ["ended"]);
  w.socket.end();
  await w.clock.pass(1000);
  w.socket.open();
  assert.deepEqual(w.socket.last("resume").rooms, []);
});

test("a refused room rejects, one that may be tried again is", async () => {
  const w = world();
  const secret = w.client.room("secret").subscribe();
  const full = w.client.room("full").subscribe();
  w.client.connect();
  const socket = await w.welcome();
  const { id } = socket.last("resume");
  socket.say({ re: id, error: "not_allowed", item: 0, message: "No." });
  await assert.rejects(secret, { code: "not_allowed" });
  socket.say({ re: id, error: "busy", item: 1, retry_ms: 700, message: "Later." });
  await w.clock.pass(700);
  assert.deepEqual(socket.last("subscribe").rooms.map((room) => room.room), ["full"]);
  w.subscribed("full");
  await full;
});

test("an unsubscribed room takes nothing more and does not come back", async () => {
  const { w, room, said } = await live();
  const gone = room.unsubscribe();
  w.socket.say(posted(6));
  const { id, rooms } = w.socket.last("unsubscribe");
  assert.deepEqual(rooms, [3]);
  w.socket.say({ re: id, ok: "unsubscribed", room: 3 });
  await gone;
  assert.deepEqual([room.state, said.length], ["off", 0]);
});

test("a room that was let go before the answer came is not kept", async () => {
  const w = world();
  const room = w.client.room("general");
  const asked = room.subscribe();
  w.client.connect();
  const socket = await w.welcome();
  await room.unsubscribe();
  await assert.rejects(asked, { code: "cancelled" });
  w.subscribed("general");
  assert.deepEqual(socket.last("unsubscribe").rooms, [3]);
  socket.say(posted(6));
  assert.deepEqual([room.state, room.cursor], ["off", undefined]);
});

test("a room that is asked for while the connection is being made is subscribed to with it", async () => {
  const w = world();
  w.client.connect();
  const early = w.client.room("early");
  const late = w.client.room("late");
  void early.subscribe();
  await settle();
  w.socket.open();
  void late.subscribe();
  w.socket.say({ re: 1, ...WELCOME });
  assert.deepEqual(w.socket.sent.flatMap(({ rooms = [] }) => rooms.map(({ room }) => room)), ["early", "late"]);
});

test("a room that is left and entered again at once is live", async () => {
  const { w, room } = await live();
  void room.unsubscribe();
  const again = room.subscribe();
  w.socket.say({ re: w.socket.last("unsubscribe").id, ok: "unsubscribed", room: 3 });
  w.subscribed("general", { start: "resuming", handle: 4 });
  w.socket.say({ mark: "resumed", room: 4, at: [100, 5] });
  await again;
  assert.deepEqual([room.state, room.handle, room.isWanted], ["live", 4, true]);
});

test("it knows who is here and who types", async () => {
  const { w, room, said } = await live();
  w.socket.say({ mark: "present", room: 3, users: ["alice", "bob"], count: 2, complete: true });
  w.socket.say({ ev: "connected", room: 3, users: ["carol"] }, { ev: "disconnected", room: 3, users: ["bob"] });
  assert.deepEqual([[...room.here.users], room.here.count], [["alice", "carol"], 2]);
  w.socket.say({ ev: "crowd", room: 3, count: 5000, sample: ["x", "y"] });
  assert.deepEqual([room.here.count, room.here.isComplete], [5000, false]);
  w.socket.say({ ev: "typing", room: 3, user: "bob" });
  await w.clock.pass(5999);
  w.socket.say({ ev: "typing", room: 3, user: "bob", on: true });
  await w.clock.pass(5999);
  assert.deepEqual(said.filter(([name]) => name === "typing"), [["typing", ["bob"]]]);
  await w.clock.pass(1);
  w.socket.say({ ev: "typing", room: 3, user: "bob" }, posted(6));
  assert.deepEqual(said.filter(([name]) => name === "typing").map(([, users]) => users), [["bob"], [], ["bob"], []]);
});

test("the room is told of typing as seldom as it needs to be", async () => {
  const { w, room } = await live();
  for (let i = 0; i < 50; i++) room.typing();
  await w.clock.pass(3000);
  room.typing();
  room.typing(false);
  room.typing(false);
  assert.deepEqual(w.socket.all("typing").map((command) => command.on), [true, true, false]);
  room.typing();
  room.post("hi");
  assert.deepEqual(w.socket.all("typing").map((command) => command.on), [true, true, false, true, false]);
});

test("the watermark only rises, and waits for a connection", async () => {
  const { w, room, back } = await live({ read: [100, 2] });
  room.markRead([100, 4]);
  room.markRead([100, 3]);
  w.socket.end();
  room.markRead([100, 5]);
  await back({ start: "resuming", read: [100, 4] });
  assert.equal(w.socket.last("mark_read"), undefined);
  w.socket.say({ mark: "resumed", room: 3, at: [100, 5] });
  assert.deepEqual(w.socket.all("mark_read").map((c) => c.place), [[100, 5]]);
  await w.clock.pass(1);
  w.socket.end();
  await back({ start: "resuming", read: [100, 5] });
  w.socket.say({ mark: "resumed", room: 3, at: [100, 5] });
  assert.equal(w.socket.last("mark_read"), undefined);
});
