// Calls every tool of `anchord mcp` through the SDK for TypeScript (npm:
// @modelcontextprotocol/sdk), which lies in the directory ANCHORD_NODE_MODULES.

import { pathToFileURL } from "node:url";

const sdk = pathToFileURL(`${process.env.ANCHORD_NODE_MODULES}/@modelcontextprotocol/sdk/`);
const { Client } = await import(new URL("dist/esm/client/index.js", sdk));
const { StdioClientTransport } = await import(new URL("dist/esm/client/stdio.js", sdk));

const [program, root] = process.argv.slice(-2);
const args = ["mcp", "--root", root, "--tools", "all", "--durability", "none", "--idle-exit", "1"];
const env = { XDG_STATE_HOME: process.env.XDG_STATE_HOME };
const client = new Client({ name: "it", version: "1" });
await client.connect(new StdioClientTransport({ command: program, args, env }));

/** Returns the text of an answer, and whether it is an error. */
async function answer(name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.equal(result.content[0].type, "text", name);
  return [result.content[0].text, result.isError];
}

const { tools } = await client.listTools();
const handle = await callAll(tools.map((tool) => tool.name), answer);
const { contents } = await client.readResource({ uri: `anchord:///a?handle=${handle}` });
assert.ok(contents[0].text.endsWith("\n2\ttwo\n3\tthree"));
await assert.rejects(client.callTool({ name: "nothing" }));
console.log("every tool called");
await client.close();
