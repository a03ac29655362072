// What every client of MCP is put through: all tools of `anchord mcp`, called by
// `answer(name, args)`, which gives the text of the answer and whether it is an
// error. `names` are the tools that the client was told of.

import assert from "node:assert/strict";

/** Calls every tool; returns the handle of the file `a` as it was. */
async function callAll(names, answer) {
  assert.equal(names.join(), process.env.ANCHORD_IT_TOOLS);
  const called = new Set();
  const call = async (name, args, failed = false) => {
    called.add(name);
    const [text, isError] = await answer(name, args);
    assert.equal(isError, failed, text);
    return text;
  };
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
    called.add(name);
    await answer(name, args);
  }
  assert.deepEqual(names.filter((name) => !called.has(name)), []);
  return handle;
}
