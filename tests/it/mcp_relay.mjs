// Lets a client that speaks MCP over HTTP talk to `anchord mcp`: the HTTP is that of
// the official SDK for TypeScript (npm: @modelcontextprotocol/sdk, in the directory
// ANCHORD_NODE_MODULES), every session has a process of its own, and every message is
// handed over as it is, in both directions; only the names that a suite has for what it
// wants to call become those of ours. Prints the address, and a row whenever progress is
// told.
//
//   node mcp_relay.mjs NAMES PROGRAM ARGUMENT ...

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const sdk = pathToFileURL(`${process.env.ANCHORD_NODE_MODULES}/@modelcontextprotocol/sdk/`);
const { StreamableHTTPServerTransport } = await import(
  new URL("dist/esm/server/streamableHttp.js", sdk)
);

const [names, program, ...args] = process.argv.slice(2);
const { tools, resources } = JSON.parse(names);
const transports = new Map();

/** Puts the names of ours in a request. */
function renamed({ method, params, ...rest }) {
  const tool = method === "tools/call" ? tools[params.name] : undefined;
  const uri = method === "resources/read" ? resources[params.uri] : undefined;
  return { ...rest, method, params: { ...params, ...tool, ...(uri && { uri }) } };
}

/** Starts a server of its own for a session, and joins the two. */
async function begin() {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => transports.set(id, transport),
  });
  // Over HTTP an answer has its stream; what a server says by itself goes over that
  // of the request that it is about.
  const asked = new Map();
  let last;
  transport.onmessage = (message) => {
    if (message.method && message.id !== undefined) {
      last = message.id;
      const token = message.params?._meta?.progressToken;
      if (token !== undefined) asked.set(token, message.id);
    }
    const ours = message.params ? renamed(message) : message;
    child.stdin.write(`${JSON.stringify(ours)}\n`);
  };
  transport.onclose = () => {
    transports.delete(transport.sessionId);
    child.stdin.end();
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line);
    if (message.method === "notifications/progress") console.log("progress");
    const related = asked.get(message.params?.progressToken) ?? last;
    const options = message.method ? { relatedRequestId: related } : undefined;
    transport.send(message, options).catch((error) => console.error(error.message));
  });
  await transport.start();
  return transport;
}

const server = createServer(async (request, response) => {
  const known = transports.get(request.headers["mcp-session-id"]);
  await (known ?? (await begin())).handleRequest(request, response);
});
server.listen(0, "127.0.0.1", () => console.log(`http://localhost:${server.address().port}/mcp`));
// Ends with who started it.
process.stdin.on("end", () => process.exit()).resume();
