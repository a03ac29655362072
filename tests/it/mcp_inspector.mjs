// Lists and calls every tool of `anchord mcp` through the command line of the official
// inspector (npm: @modelcontextprotocol/inspector), which lies in the directory
// ANCHORD_NODE_MODULES. Each call is a process of its own, on both sides.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const [program, root] = process.argv.slice(-2);
const inspector = `${process.env.ANCHORD_NODE_MODULES}/.bin/mcp-inspector`;
const state = `XDG_STATE_HOME=${process.env.XDG_STATE_HOME}`;
const server = [program, "mcp", "--root", root, "--tools", "all", "--session", "inspector"];
const fixed = ["--cli", "-e", state, ...server, "--durability", "none", "--idle-exit", "5"];

async function inspect(...args) {
  const { stdout } = await promisify(execFile)(inspector, [...fixed, ...args]);
  return JSON.parse(stdout);
}

const called = new Set();

/** Returns the text of a call, and whether it failed. */
async function answer(name, args) {
  called.add(name);
  const given = Object.entries(args).flatMap(([key, value]) => ["--tool-arg", `${key}=${value}`]);
  const result = await inspect("--method", "tools/call", "--tool-name", name, ...given);
  assert.equal(result.content[0].type, "text", name);
  return [result.content[0].text, result.isError];
}

/** Returns the text of a call, which must end as expected. */
async function call(name, args, failed = false) {
  const [text, isError] = await answer(name, args);
  assert.equal(isError, failed, text);
  return text;
}

const { tools } = await inspect("--method", "tools/list");
const names = tools.map((tool) => tool.name);
assert.equal(names.join(), process.env.ANCHORD_IT_TOOLS);

const read = await call("read", { path: "a" });
const handle = read.match(/^@a (\d+)\n/)[1];
const edited = await call("edit", { text: `@a ${handle}\n2c\nTWO\n.\n`, why: "louder" });
assert.match(edited, /^applied as operation 1\n/);
const stale = await call("edit", { text: `@a ${handle}\n2c\n2\n.\n` }, true);
const token = stale.match(/retry (r\d+)/)[1];
assert.match(await call("retry", { token }), /^applied as operation 2\n/);
await call("undo", { operation: 2 });
await call("redo", {});
await call("undo", {});
assert.match(await call("log", { limit: 1 }), /^5 undo of 4 by /);
assert.match(await call("show", { operation: 1 }), /\n-two\n\+TWO\n/);
assert.match(await call("stats", {}), /^all: 2 edits, 1 at first try, 2 landed/);
// The others are refused here or find nothing, but are understood.
const others = {
  list: {},
  search: { pattern: "two" },
  outline: { path: "a" },
  symbol: { path: "a", symbol: "x", action: "delete" },
  match: { pattern: "f($A)" },
  rewrite: { pattern: "f($A)", rewrite: "g($A)" },
  rename: { path: "a", to: "uno", line: 1, name: "one" },
  rename_file: { path: "a", to: "b", dry_run: true },
  diagnostics: { path: "a" },
  lookup: { what: "definition", path: "a", line: 1, name: "one" },
  actions: { path: "a" },
  format: { path: "a", dry_run: true },
  servers: {},
};
for (const [name, args] of Object.entries(others)) {
  await answer(name, args);
}
assert.deepEqual(names.filter((name) => !called.has(name)), []);
console.log("every tool called");
