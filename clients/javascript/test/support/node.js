// The real broker as a child process, and a proxy in front of it whose wires can be cut.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SECRET = "a test's secret of more than thirty-two bytes";
const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** The binary that the workspace's tests use. */
export function binary() {
  const path = process.env.ROOKERY_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/rookery");
  if (!existsSync(path)) throw new Error(`${path} is missing: cargo build -p rookery, or set ROOKERY_BIN`);
  return path;
}

export class Node {
  #data = mkdtempSync(join(tmpdir(), "rookery-client-"));
  #listen = "127.0.0.1:0";
  #child;

  /** @param {{ isDevelopment?: boolean }} [options] */
  constructor({ isDevelopment = false } = {}) {
    const { ROOKERY_AUTH__SECRET, ...env } = process.env;
    this.env = isDevelopment ? env : { ...env, ROOKERY_AUTH__SECRET: SECRET };
  }

  /** Starts it, or starts it again at the same address with the same data. */
  async start() {
    const flags = ["serve", "--listen", this.#listen, "--shards", "2", "--data", this.#data];
    const child = spawn(binary(), flags, { env: this.env, stdio: ["ignore", "pipe", "ignore"] });
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    const first = await new Promise((resolve, reject) => {
      lines.once("line", resolve);
      child.once("exit", (status) => reject(new Error(`the node ended with ${status}`)));
    });
    this.#listen = first.split(/\s+/)[1];
    return this;
  }

  get address() {
    return this.#listen;
  }

  get url() {
    return `ws://${this.#listen}/v1/ws`;
  }

  /** As a power cut: nothing is said, nothing is finished. */
  async kill() {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  async stop() {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }
}

/** A token, as a backend would make it. */
export function token(user, seconds = 3600) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${head}.${createHmac("sha256", SECRET).update(head).digest("base64url")}`;
}

/** Carries bytes between clients and an address, until it is cut. */
export class Proxy {
  #wires = new Set();
  #server;
  isCut = false;

  async open(address) {
    const [host, port] = address.split(":");
    this.#server = createServer((near) => {
      if (this.isCut) return near.resetAndDestroy();
      const far = connect(Number(port), host);
      for (const wire of [near, far]) {
        this.#wires.add(wire);
        wire.setNoDelay(true);
        wire.on("error", () => {});
        wire.on("close", () => {
          this.#wires.delete(wire);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far);
      far.pipe(near);
    });
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `ws://127.0.0.1:${this.#server.address().port}/v1/ws`;
    return this;
  }

  /** Whatever is on the wires is lost. */
  cut() {
    this.isCut = true;
    for (const wire of this.#wires) wire.resetAndDestroy();
  }

  mend() {
    this.isCut = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}

/** Resolves when `isSo`, which is asked whenever one of the named events comes. */
export function until(emitter, names, isSo = () => true) {
  return new Promise((resolve) => {
    const ends = [names].flat().map((name) =>
      emitter.on(name, (value) => {
        if (!isSo(value)) return;
        for (const end of ends) end();
        resolve(value);
      }));
  });
}
