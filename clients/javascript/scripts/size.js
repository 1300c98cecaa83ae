// Fails when the client is larger than we promise: as it is shipped by whoever strips comments, which is everybody.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import ts from "typescript";

const MOST = 12 * 1024;
const folder = new URL("../src/", import.meta.url);
// types.js is loaded by nobody.
const files = readdirSync(folder).filter((name) => name !== "types.js");
const sources = files.map((name) => readFileSync(new URL(name, folder), "utf8"));
const compilerOptions = { removeComments: true, target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext };
const bare = sources.map((text) => ts.transpileModule(text, { compilerOptions }).outputText);
const gzipped = (texts) => gzipSync(texts.join(""), { level: 9 }).length;
const size = gzipped(bare);
console.log(`${files.length} files, gzipped: ${size} bytes, ${gzipped(sources)} with comments; at most ${MOST}`);
if (size < 1000 || size > MOST) process.exit(1);
