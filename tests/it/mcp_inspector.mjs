// Lists and calls every tool of `anchord mcp` through the command line of the official
// inspector (npm: @modelcontextprotocol/inspector), which lies in the directory
// ANCHORD_NODE_MODULES. Each call is a process of its own, on both sides.

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

/** Returns the text of an answer, and whether it is an error. */
async function answer(name, args) {
  const given = Object.entries(args).flatMap(([key, value]) => ["--tool-arg", `${key}=${value}`]);
  const result = await inspect("--method", "tools/call", "--tool-name", name, ...given);
  assert.equal(result.content[0].type, "text", name);
  return [result.content[0].text, result.isError];
}

const { tools } = await inspect("--method", "tools/list");
await callAll(tools.map((tool) => tool.name), answer);
console.log("every tool called");
