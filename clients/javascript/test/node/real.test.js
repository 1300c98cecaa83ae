// The client and the real broker: what was acked is there once and in order, whatever is killed or cut.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Client, Timeline } from "../../src/index.js";
import { Node, Proxy, token, until } from "../support/node.js";

const node = new Node();
const clients = [];
let named = 0;

before(() => node.start());
after(async () => {
  for (const client of clients) client.close();
  await node.stop();
});

function open(user, options = {}) {
  const client = new Client({ url: node.url, token: () => token(user), WebSocket, firstRetryMs: 40, mostRetryMs: 200, ...options });
  clients.push(client);
  return client.connect();
}

const fresh = () => `room ${++named}`;
const whole = { timeout: 120_000 };

/** All messages of a room, by paging. */
async function everything(room) {
  const found = [];
  let page = await room.history({ skip_oldest: 0, limit: 200 });
  found.push(...page.messages);
  while (page.more_after) {
    page = await room.history({ after: found.at(-1).place, limit: 200 });
    found.push(...page.messages);
  }
  return found;
}

test("two people talk: levels, typing, presence, edits, reactions, deletions, roster, watermarks", whole, async () => {
  const name = fresh();
  const [alice, bob] = [open("alice").room(name), open("bob").room(name)];
  const shown = new Timeline(bob);
  await Promise.all([alice.subscribe({ presence: true }), bob.subscribe({ presence: true })]);
  if (!alice.here.users.has("bob")) await until(alice, "here", ({ users }) => users.has("bob"));

  const typing = until(bob, "typing", (users) => users.includes("alice"));
  alice.typing();
  await typing;

  const states = [];
  alice.on("delivery", ({ state }) => states.push(state));
  const heard = until(bob, "posted");
  const one = await alice.post("hello", { mentions: ["bob"] }).done;
  assert.deepEqual([one.level, states], ["durable", ["waiting", "sent", "placed", "acked"]]);
  const event = await heard;
  assert.deepEqual([event.place, event.sender, event.body, event.mentions], [one.place, "alice", "hello", ["bob"]]);

  const changes = until(bob, "event", ({ ev }) => ev === "deleted");
  const two = await alice.post("second").done;
  alice.edit(one.place, "hello, all");
  alice.react(one.place, "👍");
  await alice.delete(two.place).done;
  await changes;
  const [first, second] = shown.messages;
  assert.deepEqual([first.body, first.reactions.get("👍").count, second.body, second.deleted_at > 0], ["hello, all", 1, "", true]);

  const read = until(alice, "read", ({ user }) => user === "bob");
  bob.markRead(one.place);
  assert.deepEqual((await read).place, one.place);
  const { members } = await alice.roster({ of: "present" });
  assert.deepEqual(members.map(({ user }) => user).sort(), ["alice", "bob"]);
  await assert.rejects(alice.edit([1, 1], "no such place").done, { code: "no_such_message" });
  const page = await alice.history({ limit: 1, before: two.place });
  assert.deepEqual(page.messages.map(({ body }) => body), ["hello, all"]);
});

test("killed and started again: nothing acked is lost, nothing is doubled, order is kept", whole, async () => {
  const name = fresh();
  const own = new Node();
  await own.start();
  try {
    const [writer, reader] = [open("alice", { url: own.url }).room(name), open("bob", { url: own.url }).room(name)];
    const shown = new Timeline(reader);
    const gaps = [];
    reader.on("gap", (gap) => gaps.push(gap));
    await Promise.all([writer.subscribe(), reader.subscribe()]);
    const sent = [];
    for (const round of [1, 2, 3, 4]) {
      for (let i = 0; i < 100; i++) sent.push(writer.post(`${round}.${i}`));
      // In the middle of a stream of answers: the next ones have no place yet.
      const middle = sent[round * 100 - 60];
      await until(writer, "delivery", (delivery) => delivery === middle && delivery.place);
      await own.kill();
      assert.ok(sent.some(({ state }) => state !== "acked"), "it was killed too late to show anything");
      await own.start();
    }
    sent.push(writer.post("end"));
    await Promise.all(sent.map(({ done }) => done));
    const kept = await everything(writer);
    assert.deepEqual(kept.map(({ body }) => body), sent.map(({ command }) => command.body));
    assert.deepEqual(kept.map(({ place }) => place), sent.map(({ place }) => place));
    assert.deepEqual(kept.map(({ n }) => n), sent.map((_, at) => at + 1));
    while (shown.messages.at(-1)?.body !== "end" || shown.isLoading) await until(shown, "change");
    assert.deepEqual(shown.messages.map(({ body }) => body), kept.map(({ body }) => body));
    assert.deepEqual(gaps, []);
  } finally {
    await own.stop();
  }
});

test("wires that are cut twenty times: a gapless resume each time, and no message twice", whole, async () => {
  const name = fresh();
  const proxy = await new Proxy().open(node.address);
  try {
    const [far, near] = [open("alice", { url: proxy.url }).room(name), open("bob").room(name)];
    await Promise.all([far.subscribe(), near.subscribe()]);
    const [taken, trouble] = [[], []];
    let resumed = 0;
    far.on("event", ({ place, ev, body }) => taken.push([place, ev, body]));
    far.on("gap", (gap) => trouble.push(gap));
    far.on("retract", (retract) => trouble.push(retract));
    far.on("resumed", () => resumed++);
    const sent = [];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 10; i++) sent.push(far.post(`far ${round}.${i}`), near.post(`near ${round}.${i}`));
      // Somewhere among the answers of this round.
      await sent[round * 20 + (round % 10) * 2].done;
      proxy.cut();
      const missed = near.post(`missed ${round}`);
      await missed.done;
      proxy.mend();
      if (far.state !== "live") await until(far, "state", (state) => state === "live");
    }
    await Promise.all(sent.map(({ done }) => done));
    await near.post("end").done;
    while (taken.at(-1)?.[2] !== "end") await until(far, "event");
    assert.deepEqual(trouble, []);
    assert.ok(resumed >= 20, `${resumed}`);
    const kept = await everything(near);
    assert.deepEqual(taken.map(([, , body]) => body), kept.map(({ body }) => body));
    assert.equal(kept.length, 20 * 21 + 1);
    const seqs = taken.map(([place]) => place[1]);
    assert.ok(seqs.every((seq, at) => at === 0 || seq === seqs[at - 1] + 1));
    for (const who of ["far", "near"]) {
      const own = kept.map(({ body }) => body).filter((body) => body.startsWith(who));
      assert.deepEqual(own, sent.map(({ command }) => command.body).filter((body) => body.startsWith(who)));
    }
  } finally {
    proxy.close();
  }
});

test("what cannot be continued is told, and the timeline is whole all the same", whole, async () => {
  const name = fresh();
  const bob = open("bob").room(name);
  for (let i = 0; i < 250; i++) bob.post(`m${i}`);
  await bob.post("end").done;
  const alice = open("alice").room(name);
  const shown = new Timeline(alice, { limit: 300 });
  const gap = until(alice, "gap");
  /** Of a run that never was. @type {[number, number]} */
  const cursor = [99_999_999_999, 7];
  await alice.subscribe({ cursor });
  const { reason, above, upTo } = await gap;
  assert.deepEqual([reason, above, upTo[1]], ["unknown_place", cursor, 251]);
  while (shown.messages.at(-1)?.body !== "end") await until(shown, "change");
  assert.equal(shown.messages.length, 200);
  assert.equal(await shown.loadOlder(), true);
  assert.deepEqual([shown.messages.length, shown.messages[0].body, shown.moreBefore], [251, "m0", false]);

  // And again, where much is shown already.
  const client = clients.at(-1);
  client.close();
  alice.cursor = cursor;
  await bob.post("missed").done;
  const second = until(alice, "gap");
  client.connect();
  await second;
  while (shown.messages.at(-1)?.body !== "missed" || shown.isLoading) await until(shown, "change");
  assert.deepEqual(shown.messages.map(({ n }) => n), Array.from({ length: 252 }, (_, at) => at + 1));
});

test("a token is renewed on the living connection", whole, async () => {
  const asked = [];
  const client = open("carol", {
    token: (why) => {
      asked.push(why.refused);
      return token("carol", asked.length === 1 ? 3 : 3600);
    },
  });
  const states = [];
  client.on("state", ({ state }) => states.push(state));
  const troubles = [];
  client.on("trouble", (error) => troubles.push(error));
  const { request } = client;
  const renewed = new Promise((resolve) => {
    client.request = async (command) => {
      const answer = await request.call(client, command);
      if (command.do === "refresh") resolve(answer);
      return answer;
    };
  });
  assert.equal((await renewed).ok, "done");
  assert.deepEqual([asked, states, troubles], [[undefined, undefined], ["online"], []]);
});

test("a token that is no good ends the tries where nobody can get another", whole, async () => {
  const client = open("dave", { token: `${token("dave")}x` });
  const { code, reason } = await until(client, "state", ({ state }) => state === "stopped");
  assert.equal(code, 4201);
  assert.match(reason, /^bad_token/);
});

test("latency is measured against the real thing", whole, async () => {
  const client = open("erin", { pingMs: 20 });
  const first = await until(client, "latency");
  const second = await until(client, "latency");
  assert.ok(first > 0 && first < 10_000 && second > 0 && second < 10_000);
});
