// The life of a client: tries, welcomes, ends, and what each end asks for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, world } from "../support/world.js";

test("it says who it is in its first command, and is online when welcomed", async () => {
  const w = world();
  w.client.connect();
  const socket = await w.welcome();
  assert.equal(socket.protocol, "rookery.v1.json");
  assert.deepEqual(socket.sent[0], { do: "resume", token: "t0", rooms: [], id: 1 });
  assert.deepEqual(w.states, ["connecting", "online"]);
  assert.equal(w.client.user, "alice");
});

test("the waits double with full jitter, up to the most, and begin anew after half a minute of health", async () => {
  const w = world();
  const waits = [];
  w.client.on("state", ({ retryInMs }) => retryInMs !== undefined && waits.push(retryInMs));
  w.client.connect();
  for (let i = 0; i < 8; i++) {
    await settle();
    w.socket.end();
    await w.clock.pass(waits.at(-1));
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  await w.welcome();
  await w.clock.pass(29_000);
  w.socket.end();
  assert.equal(waits.at(-1), 15_000);
  await w.clock.pass(15_000);
  await w.welcome();
  w.socket.say({ re: w.socket.last("ping").id, ok: "pong", at: 1 });
  await w.clock.pass(30_000);
  w.socket.end();
  assert.equal(waits.at(-1), 500);
  w.clock.chance = 0;
  await w.clock.pass(500);
  w.socket.end();
  assert.equal(waits.at(-1), 0);
});

test("a node that stops says when to come back", async () => {
  const w = world();
  let told;
  w.client.on("state", (state) => (told = state));
  w.client.connect();
  const socket = await w.welcome();
  socket.end(4000, "draining: come back elsewhere in 1234 ms");
  assert.deepEqual(told, { state: "waiting", retryInMs: 1234, code: 4000, reason: "draining: come back elsewhere in 1234 ms" });
});

for (const [code, what] of [
  [1000, "resume"], [1001, "resume"], [1005, "resume"], [1006, "resume"], [1011, "resume"], [4000, "resume"],
  [4001, "resume"], [4099, "resume"], [1009, "afresh"], [1002, "afresh"], [4100, "afresh"], [4103, "afresh"],
  [4199, "afresh"], [4200, "token"], [4202, "token"], [4299, "token"], [4300, "stop"], [4399, "stop"],
]) {
  test(`after ${code}: ${what}`, async () => {
    const asked = [];
    const w = world({ token: (why) => (asked.push(why.refused), "fresh") });
    w.client.connect();
    void w.client.room("general").subscribe();
    await w.welcome();
    w.subscribed("general");
    w.socket.say({ ev: "posted", room: 3, seq: 6, at: 1, by: "bob", n: 6, body: "x" });
    w.socket.end(code, "word: sentence");
    await w.clock.pass(1000);
    if (what === "stop") {
      assert.equal(w.client.state, "stopped");
      assert.equal(w.sockets.length, 1);
      return;
    }
    assert.equal(w.sockets.length, 2);
    w.socket.open();
    const [room] = w.socket.last("resume").rooms;
    assert.deepEqual(room.cursor, what === "afresh" ? undefined : [100, 6]);
    assert.deepEqual(asked, [undefined, what === "token" ? "word" : undefined]);
  });
}

test("with a fixed token that was refused there is nothing to try", async () => {
  const w = world();
  w.client.connect();
  await settle();
  w.socket.open();
  w.socket.say({ re: 1, error: "token_expired", message: "Over." });
  assert.equal(w.client.state, "stopped");
  assert.equal(w.socket.isClosed, true);
  assert.equal(w.clock.waiting, 0);
});

test("a refused token is told to the function that gets them", async () => {
  const asked = [];
  const w = world({ token: async ({ refused }) => (asked.push(refused), `t${asked.length}`) });
  w.client.connect();
  await settle();
  w.socket.open();
  w.socket.say({ re: 1, error: "token_expired", message: "Over." });
  await w.clock.pass(1000);
  await w.welcome();
  assert.deepEqual(asked, [undefined, "token_expired"]);
  assert.equal(w.socket.last("resume").token, "t2");
});

test("a token is renewed in band before it ends, and again before the next end", async () => {
  let number = 0;
  const exp = (seconds) => `h.${btoa(JSON.stringify({ exp: seconds }))}.s`;
  const w = world({ token: () => (number++ === 0 ? "opaque" : exp(1000 + 600 * number)) });
  w.client.connect();
  const socket = await w.welcome({ now: 1_000_000, expires_at: 1_600_000 });
  const stay = async (ms) => {
    for (let left = ms; left > 0; left -= 20_000) {
      await w.clock.pass(Math.min(left, 20_000));
      socket.say({ mark: "sign of life" });
      const ping = socket.last("ping");
      socket.say({ re: ping.id, ok: "pong", at: 1 });
    }
  };
  await stay(539_000);
  assert.equal(socket.all("refresh").length, 0);
  await stay(1000);
  const refresh = socket.last("refresh");
  assert.equal(refresh.token, exp(2200));
  socket.say({ re: refresh.id, ok: "done" });
  await settle();
  await stay(599_000);
  assert.equal(socket.all("refresh").length, 1);
  await stay(2000);
  assert.equal(socket.all("refresh").length, 2);
  assert.equal(w.client.state, "online");
});

test("a failing token function is told, and tried again", async () => {
  let tries = 0;
  const w = world({
    token: () => {
      if (tries++ < 2) throw new Error("backend away");
      return "t";
    },
  });
  const troubles = [];
  w.client.on("trouble", (error) => troubles.push(error.detail));
  w.client.connect();
  await w.clock.pass(3000);
  await w.welcome();
  assert.deepEqual(troubles, ["Error: backend away", "Error: backend away"]);
  assert.equal(w.client.state, "online");
});

test("a try that leads nowhere ends in time", async () => {
  const w = world({ connectMs: 7000 });
  w.client.connect();
  await w.clock.pass(6999);
  assert.equal(w.client.state, "connecting");
  await w.clock.pass(1);
  assert.equal(w.client.state, "waiting");
  assert.equal(w.sockets[0].isClosed, true);
});

test("a token that comes too late opens no second connection", async () => {
  const gives = [];
  const w = world({ token: () => new Promise((resolve) => gives.push(resolve)) });
  w.client.connect();
  await w.clock.pass(11_000);
  assert.equal(gives.length, 2);
  gives[0]("late");
  await settle();
  assert.equal(w.sockets.length, 0);
  gives[1]("in time");
  await settle();
  assert.equal(w.sockets.length, 1);
});

test("a connection that says nothing for too long is given up, and signs of life keep it", async () => {
  const w = world();
  w.client.connect();
  const socket = await w.welcome();
  await w.clock.pass(59_000);
  assert.equal(w.client.state, "online");
  socket.say({ ev: "newer than us", room: 9 });
  await w.clock.pass(59_999);
  assert.equal(w.client.state, "online");
  await w.clock.pass(25_001);
  assert.notEqual(w.client.state, "online");
  assert.equal(socket.isClosed, true);
});

test("latency is what a ping takes there and back", async () => {
  const w = world({ pingMs: 1000 });
  const measured = [];
  w.client.on("latency", (ms) => measured.push(ms));
  w.client.connect();
  const socket = await w.welcome();
  await w.clock.pass(42);
  socket.say({ re: socket.last("ping").id, ok: "pong", at: 1 });
  await w.clock.pass(1000 - 42 + 7);
  socket.say({ re: socket.last("ping").id, ok: "pong", at: 1 });
  assert.deepEqual(measured, [42, 7]);
  assert.equal(w.client.latency, 7);
});

test("a probe finds a dead connection within its time, and leaves a live one", async () => {
  const w = world();
  w.client.connect();
  const socket = await w.welcome();
  await w.clock.pass(10);
  w.client.probe(3000);
  socket.say({ re: socket.last("ping").id, ok: "pong", at: 1 });
  await w.clock.pass(3000);
  assert.equal(w.client.state, "online");
  w.client.probe(3000);
  await w.clock.pass(3000);
  assert.equal(w.client.state, "waiting");
});

test("closing keeps everything for the next time", async () => {
  const w = world();
  const room = w.client.room("general");
  w.client.connect();
  void room.subscribe();
  await w.welcome();
  w.subscribed("general");
  w.client.close();
  assert.equal(w.client.state, "stopped");
  assert.equal(w.clock.waiting, 0);
  const delivery = room.post("later");
  w.client.connect();
  await w.welcome();
  assert.deepEqual(w.socket.last("resume").rooms, [{ room: "general", cursor: [100, 5], wants: [] }]);
  w.subscribed("general", { start: "resuming" });
  assert.equal(w.socket.last("post"), undefined);
  w.socket.say({ mark: "resumed", room: 3, at: [100, 5] });
  assert.equal(w.socket.last("post").body, "later");
  assert.equal(delivery.state, "sent");
});

test("many rooms come back in commands that a node takes from a stranger", async () => {
  const w = world({ token: "t".repeat(8000) });
  for (let i = 0; i < 250; i++) void w.client.room(`room ${i} ${"✓".repeat(100 + (i % 100))}`).subscribe();
  w.client.connect();
  await settle();
  w.socket.open();
  const sent = w.socket.sent;
  assert.equal(sent[0].do, "resume");
  assert.equal(sent.flatMap((command) => command.rooms).length, 250);
  for (const command of sent) assert.ok(Buffer.byteLength(JSON.stringify(command)) < 16_384);
});

test("options that are wrong say so", () => {
  assert.throws(() => world({ tokn: "x" }), /option "tokn" is unknown/);
  assert.throws(() => world({ url: "http://x" }), /give it as ws:/);
  assert.throws(() => world({ token: "" }), /option "token" is missing/);
  assert.throws(() => world({ WebSocket: null }), /no WebSocket here/);
});

test("a listener that throws stops nobody", async (t) => {
  const w = world();
  const told = t.mock.method(console, "error", () => {});
  w.client.on("welcome", () => {
    throw new Error("application's own fault");
  });
  w.client.connect();
  await w.welcome();
  assert.match(String(told.mock.calls[0].arguments[0]), /application's/);
  assert.equal(w.client.state, "online");
});
