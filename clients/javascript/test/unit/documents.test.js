// Lists that stand in documents too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { RETRYABLE, verdict } from "../../src/errors.js";
import { DEFAULTS } from "../../src/options.js";

const read = (path) => readFileSync(new URL(`../../../../docs/${path}`, import.meta.url), "utf8");
const rows = (text, pattern) => [...text.matchAll(pattern)].map((match) => match.slice(1));

test("errors that may succeed later are those of the protocol", () => {
  const errors = rows(read("protocol/errors.md"), /^\| (\d+) \| `(\w+)` \| \d+ \| [^|]+ \| ([^|]+) \|/gm);
  assert.ok(errors.length > 25);
  // From 40 on: what only a request over HTTP can do wrong.
  const ours = errors.filter(([number]) => Number(number) < 40);
  const later = ours.filter(([, , again]) => again.includes("retry_ms")).map(([, name]) => name);
  assert.deepEqual(later.sort(), [...RETRYABLE].sort());
});

test("every close code of the protocol asks for what its range says", () => {
  const codes = rows(read("protocol/errors.md"), /^\| (\d{4}) \| `\w+` \|/gm).map(([code]) => Number(code));
  assert.ok(codes.length > 12);
  const ranges = { 40: "resume", 41: "afresh", 42: "token", 43: "stop" };
  for (const code of codes.filter((code) => code >= 4000)) assert.equal(verdict(code), ranges[Math.floor(code / 100)]);
});

test("every option is documented with its default", () => {
  const table = Object.fromEntries(rows(read("clients/javascript.md"), /^\| `(\w+)` \| ([^|]+) \|/gm));
  for (const [name, value] of Object.entries(DEFAULTS)) {
    assert.ok(name in table, name);
    if (typeof value === "number") assert.equal(Number(table[name].replaceAll(",", "")), value, name);
  }
});
