// The page at `/` in a real browser: two windows talk, one loses its network, and nothing is missing.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Node, token } from "../support/node.js";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Where pictures go, if anybody wants to look at them. */
const PICTURES = process.env.PICTURES;
const whole = { timeout: 120_000 };

const node = new Node({ isDevelopment: true });
let browser;
const faults = [];

before(async () => {
  assert.ok(existsSync(executablePath), `${executablePath} is missing: apt-get install chromium, or set CHROMIUM`);
  await node.start();
  browser = await chromium.launch({ executablePath, args: FLAGS });
  if (PICTURES) mkdirSync(PICTURES, { recursive: true });
});
after(async () => {
  await browser?.close();
  await node.stop();
});

/** A window of its own: other cookies, other storage. */
async function open(options = {}, at = "/") {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const foreign = [];
  page.on("request", (request) => new URL(request.url()).host !== node.address && foreign.push(request.url()));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await page.goto(`http://${node.address}${at}`);
  return Object.assign(page, { foreign });
}

/** Comes in, by keyboard alone. */
async function enter(page, name) {
  await page.waitForFunction(() => document.activeElement?.id === "name");
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#dot[data-state=online]");
  await page.waitForFunction(() => document.activeElement?.id === "body");
}

async function say(page, text) {
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

const texts = (page) =>
  page.$$eval("#messages .message .text", (all) =>
    all.map((one) => [...one.childNodes].find((child) => child.nodeType === 3)?.textContent));
const shows = (page, text) => page.locator("#messages .text", { hasText: text }).first().waitFor();
const picture = (page, name) => PICTURES && page.screenshot({ path: `${PICTURES}/${name}.png` });

/** Tabs until the focus is on what the selector names. */
async function tabTo(page, selector) {
  for (let i = 0; i < 60; i++) {
    if (await page.evaluate((it) => document.activeElement?.matches(it), selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`the keyboard does not reach ${selector}`);
}

test("two windows talk, one is cut off for ten messages, and comes back without a gap or a double", whole, async () => {
  const wren = await open();
  const heron = await open({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await enter(wren, "Wren");
  await enter(heron, "Heron");
  await wren.locator("#people", { hasText: "Heron" }).waitFor();
  await wren.locator("#room-here", { hasText: "you and Heron" }).waitFor();

  await heron.keyboard.type("h");
  await wren.locator("#typing", { hasText: "Heron is typing" }).waitFor();
  await say(heron, "ello");
  await shows(wren, "hello");
  assert.equal(await wren.locator("#typing").textContent(), "");
  await say(wren, "good morning");
  await shows(heron, "good morning");
  await wren.locator(".mine [data-mark=durable]").waitFor();
  await wren.locator(".mine .meta", { hasText: /placed in .* ms, durable in .* ms/ }).waitFor();
  await wren.locator("#latency", { hasText: "ms" }).waitFor();

  // The keyboard alone: to the switch, off, and back to writing.
  await tabTo(heron, "#network");
  await heron.keyboard.press("Space");
  await heron.locator("#network[aria-checked=false]").waitFor();
  await heron.locator("#banner", { hasText: "You cut the network" }).waitFor();
  await tabTo(heron, "#body");
  await say(heron, "from the tunnel");
  await heron.locator(".mine [data-mark=waiting]").waitFor();
  await heron.locator("#banner", { hasText: "1 message of yours waits" }).waitFor();
  await picture(heron, "phone-dark-cut");

  const missed = Array.from({ length: 10 }, (_, at) => `missed ${at + 1}`);
  for (const text of missed) await say(wren, text);
  await wren.locator(".mine .text", { hasText: "missed 10" }).locator("[data-mark=durable]").waitFor();
  assert.ok(!(await texts(heron)).some((text) => text.startsWith("missed")));

  await tabTo(heron, "#network");
  await heron.keyboard.press("Space");
  await heron.locator(".came", { hasText: "10 messages while you were away, none missing" }).waitFor();
  await heron.locator("#banner", { hasText: "none missing" }).waitFor();
  await shows(wren, "from the tunnel");
  const whatWasSaid = ["hello", "good morning", ...missed, "from the tunnel"];
  await heron.locator(".mine .text", { hasText: "from the tunnel" }).locator("[data-mark=durable]").waitFor();
  assert.deepEqual(await texts(heron), whatWasSaid);
  assert.deepEqual(await texts(wren), whatWasSaid);
  const order = await heron.$$eval("#messages > li", (rows) => rows.map((row) => row.textContent));
  const note = order.findIndex((text) => text.includes("none missing"));
  assert.ok(order[note - 1].includes("good morning") && order[note + 1].includes("missed 1"), order.join("\n"));
  assert.deepEqual([...wren.foreign, ...heron.foreign], []);

  for (const [page, size] of [[wren, "desk"], [heron, "phone"]]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `${size}-${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${size}: ${wide} px too wide`);
    }
  }
});

test("the node is killed under it: the window says so, comes back by itself, and sends what waited", whole, async () => {
  const page = await open({}, "/#killed");
  await enter(page, "Plover");
  await say(page, "before");
  await page.locator(".mine [data-mark=durable]").waitFor();
  await node.kill();
  await page.locator("#dot[data-state=waiting], #dot[data-state=connecting]").waitFor();
  await page.locator("#banner", { hasText: /No connection|Connecting/ }).waitFor();
  await picture(page, "desk-away");
  await say(page, "meanwhile");
  await page.locator(".pending [data-mark=waiting]").waitFor();
  await node.start();
  await page.locator(".mine .text", { hasText: "meanwhile" }).locator("[data-mark=durable]").waitFor({ timeout: 60_000 });
  assert.deepEqual(await texts(page), ["before", "meanwhile"]);
  // The browser's own words on a node that is away.
  faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(fault)));
});

test("reactions and deletions by keyboard, and names that are markup stay text", whole, async () => {
  const page = await open({}, "/#marks");
  await enter(page, "<b>Swift</b>");
  await say(page, "<img src=x onerror=alert(1)>");
  await page.locator(".mine [data-mark=durable]").waitFor();
  assert.equal(await page.locator("#messages img, #people b").count(), 0);
  await page.focus("#scroller");
  await tabTo(page, '.tools button[aria-label="React with 🎉"]');
  await picture(page, "desk-tools");
  await page.keyboard.press("Enter");
  await page.locator('.reactions button[aria-pressed="true"]', { hasText: "🎉 1" }).waitFor();
  await page.focus("#scroller");
  await tabTo(page, '.tools button[aria-label="Delete this message"]');
  await page.keyboard.press("Enter");
  await page.locator(".gone .text", { hasText: "This message was deleted" }).waitFor();
});

test("every text has its contrast, in light and in dark", whole, async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open({ colorScheme }, "/#contrast");
    await picture(page, `entry-${colorScheme}`);
    await enter(page, `Linnet ${colorScheme}`);
    await picture(page, `desk-empty-${colorScheme}`);
    await say(page, "something to look at");
    await page.locator(".mine [data-mark=durable]").waitFor();
    await page.click("#network");
    await page.focus("#body");
    await say(page, "waits");
    await page.locator(".pending [data-mark=waiting]").waitFor();
    const poor = await page.evaluate(measure);
    assert.deepEqual(poor.found, [], colorScheme);
    assert.ok(poor.count > 15, `${poor.count}`);
    await page.context().close();
  }
});

test("a node with a secret of its own says how to bring a token, and takes it", whole, async () => {
  const own = new Node();
  await own.start();
  try {
    const visit = async (text) => {
      const page = await open();
      await page.goto(`http://${own.address}/`);
      await page.locator("#entry-token", { hasText: "rookery token NAME" }).waitFor();
      await page.waitForFunction(() => document.activeElement?.id === "token");
      await page.keyboard.insertText(text);
      await page.keyboard.press("Enter");
      return page;
    };
    const good = await visit(token("Dunlin"));
    await good.waitForSelector("#dot[data-state=online]");
    await good.locator("#people", { hasText: "Dunlin" }).waitFor();
    const bad = await visit(`${token("Dunlin")}x`);
    await bad.locator("#banner", { hasText: "does not accept this token" }).waitFor();
    assert.equal(await bad.locator("#dot").getAttribute("data-state"), "stopped");
  } finally {
    await own.stop();
  }
});

test("nothing failed in any window", () => assert.deepEqual(faults, []));

/** Runs in the page: texts with less than 4.5 : 1 on what is behind them. */
function measure() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [...[0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])), 1];
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    if (!node) return [255, 255, 255, 1];
    const own = read(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(node.parentElement));
  };
  const found = [];
  let count = 0;
  for (const node of document.querySelectorAll("#chat *, #entry *")) {
    const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!hasText || !node.checkVisibility({ opacityProperty: true })) continue;
    count++;
    const ground = behind(node);
    const color = read(getComputedStyle(node).color);
    const faded = [...color.slice(0, 3), color[3] * Number(getComputedStyle(node).opacity)];
    const [a, b] = [light(over(faded, ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(`${node.className || node.tagName} "${node.textContent.trim().slice(0, 20)}" ${ratio.toFixed(2)}`);
  }
  return { found, count };
}
