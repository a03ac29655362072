// Calls every tool of `anchord mcp` through the SDK for TypeScript (npm:
// @modelcontextprotocol/sdk), which lies in the directory ANCHORD_NODE_MODULES.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const sdk = pathToFileURL(`${process.env.ANCHORD_NODE_MODULES}/@modelcontextprotocol/sdk/`);
const { Client } = await import(new URL("dist/esm/client/index.js", sdk));
const { StdioClientTransport } = await import(new URL("dist/esm/client/stdio.js", sdk));

const [program, root] = process.argv.slice(-2);
const args = ["mcp", "--root", root, "--tools", "all", "--durability", "none", "--idle-exit", "1"];
const env = { XDG_STATE_HOME: process.env.XDG_STATE_HOME };
const client = new Client({ name: "it", version: "1" });
await client.connect(new StdioClientTransport({ command: program, args, env }));

const { tools } = await client.listTools();
const names = tools.map((tool) => tool.name);
assert.equal(names.join(), process.env.ANCHORD_IT_TOOLS);
const called = new Set();

/** Returns the text of a call, which must end as expected. */
async function call(name, args, failed = false) {
  called.add(name);
  const result = await client.callTool({ name, arguments: args });
  assert.equal(result.isError, failed, result.content[0].text);
  return result.content[0].text;
}

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
assert.match(await call("log", { limit: 1 }), /^5 undo of 4 by it, /);
assert.match(await call("show", { operation: 1 }), /\n-two\n\+TWO\n/);
assert.match(await call("stats", {}), /^all: 2 edits, 1 at first try, 2 landed/);
const { contents } = await client.readResource({ uri: `anchord:///a?handle=${handle}` });
assert.ok(contents[0].text.endsWith("\n2\ttwo\n3\tthree"));
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
  called.add(name);
  const result = await client.callTool({ name, arguments: args });
  assert.equal(result.content[0].type, "text", name);
}
assert.deepEqual(names.filter((name) => !called.has(name)), []);
await assert.rejects(client.callTool({ name: "nothing" }));
console.log("every tool called");
await client.close();
