// The person at a real VS Code, played by a test: the server of VS Code (npm:
// code-server) with our extension, in a Chromium without a screen (npm:
// playwright-core). A line that comes in over the socket is a string of JSON with
// JavaScript in it, and what that returns goes back.
//
//   node drive_vscode.mjs PROGRAM FOLDER
//
// ANCHORD_EDITORS names the folder of what it needs (`.ci/editors` makes one).

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [program, folder] = process.argv.slice(2);
const modules = `${process.env.ANCHORD_EDITORS}/vscode/node_modules`;
const extension = `${process.env.ANCHORD_EDITORS}/vscode/anchord.vsix`;
const { chromium } = await import(pathToFileURL(`${modules}/playwright-core/index.mjs`));

/** Returns a port that nobody listens at. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const data = `${process.env.TMPDIR}/vscode`;
mkdirSync(`${data}/data/User`, { recursive: true });
mkdirSync(`${data}/data/Machine`, { recursive: true });
const settings = JSON.stringify({
  "anchord.command": program,
  "chat.disableAIFeatures": true,
  "editor.acceptSuggestionOnEnter": "off",
  "editor.autoClosingBrackets": "never",
  "editor.minimap.enabled": false,
  "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "extensions.autoUpdate": false,
  "files.autoSave": "off",
  "telemetry.telemetryLevel": "off",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
});
for (const place of ["User", "Machine"]) writeFileSync(`${data}/data/${place}/settings.json`, settings);

const main = `${modules}/code-server/lib/vscode/out/server-main.js`;
const place = ["--server-data-dir", data, "--extensions-dir", `${data}/extensions`];
const agreed = ["--accept-server-license-terms", "--disable-workspace-trust"];
const install = [main, ...place, ...agreed, "--install-extension", extension];
execFileSync(process.execPath, install, { stdio: "inherit" });
const port = await freePort();
const listen = ["--host", "127.0.0.1", "--port", String(port), "--without-connection-token"];
const server = spawn(process.execPath, [main, ...place, ...agreed, ...listen], {
  stdio: ["ignore", "pipe", "inherit"],
});
await new Promise((resolve, reject) => {
  server.on("exit", reject);
  createInterface({ input: server.stdout }).on("line", (line) => {
    console.log(line);
    if (line.includes("Extension host agent listening")) resolve();
  });
});
server.removeAllListeners("exit");

const found = process.env.ANCHORD_CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath: found, args: ["--no-sandbox"] });
const context = await browser.newContext({
  viewport: { width: 920, height: 480 },
  permissions: ["clipboard-read", "clipboard-write"],
});
const page = await context.newPage();
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Carries out a command of the palette, by its name. */
async function command(name) {
  await page.keyboard.press("F1");
  const input = page.locator(".quick-input-widget input.input");
  await input.waitFor({ state: "visible" });
  await input.fill(`>${name}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first().waitFor();
  await page.keyboard.press("Enter");
  await input.waitFor({ state: "hidden" });
}

/** Goes to the start of a line. */
async function go(line) {
  await page.keyboard.press("Control+G");
  const input = page.locator(".quick-input-widget input.input");
  await input.waitFor({ state: "visible" });
  await input.fill(`:${line}`);
  await page.keyboard.press("Enter");
  await input.waitFor({ state: "hidden" });
}

/**
 * Opens the menu of the light bulb at a line; returns its rows. It is not opened, or
 * closes, where the text changes just then: a person presses again.
 */
async function menu(line) {
  await go(line);
  const rows = page.locator(".action-widget .monaco-list-row.action");
  for (let tries = 0; tries < 4; tries += 1) {
    await page.keyboard.press("Control+.");
    const shown = rows.first().waitFor({ timeout: 5000 });
    if (await shown.then(() => true, () => false)) return rows;
  }
  throw new Error("the menu of the light bulb does not open");
}

const it = {
  /** Opens a file; returns once the service knows the document. */
  async open(path) {
    const file = `vscode-remote://127.0.0.1:${port}${path}`;
    const payload = encodeURIComponent(JSON.stringify([["openFile", file]]));
    await page.goto(`http://127.0.0.1:${port}/?folder=${folder}&payload=${payload}`);
    await page.locator(".editor-instance .view-lines").first().waitFor({ timeout: 120_000 });
    await page.locator(".editor-instance .view-lines").first().click();
    await page.keyboard.press("Control+Home");
    for (let tries = 0; tries < 60; tries += 1) {
      await command("anchord: Copy Anchor of Selection").catch(() => page.keyboard.press("Escape"));
      await pause(500);
      if ((await it.copied()).startsWith("@")) return null;
    }
    throw new Error("the service does not get to know the document");
  },

  /** Returns the text of the editor, as it is copied. */
  async text() {
    await page.locator(".editor-instance .view-lines").first().click();
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Control+C");
    await pause(100);
    return page.evaluate(() => navigator.clipboard.readText());
  },

  copied: () => page.evaluate(() => navigator.clipboard.readText()),

  /** Types something at the start of a line. */
  async type(line, text) {
    await go(line);
    await page.keyboard.type(text);
    return null;
  },

  async press(keys) {
    await page.keyboard.press(keys);
    return null;
  },

  async save() {
    await page.keyboard.press("Control+S");
    await page.locator(".tab.active.dirty").waitFor({ state: "detached" });
    return null;
  },

  /** Returns the lenses, from top to bottom. */
  lenses: () => page.locator(".codelens-decoration a").allInnerTexts(),

  /** Follows a lens. */
  async follow(title) {
    await page.locator(".codelens-decoration a", { hasText: title }).first().click();
    return null;
  },

  /** Returns the titles of the light bulb at a line. */
  async offers(line) {
    const titles = await (await menu(line)).allInnerTexts();
    await page.keyboard.press("Escape");
    return titles.map((title) => title.trim());
  },

  /** Chooses from the light bulb at a line what begins so. */
  async choose(line, choice) {
    await (await menu(line)).filter({ hasText: choice }).first().click();
    return null;
  },

  /** Returns what is told of a line. */
  async hover(line) {
    await go(line);
    await page.keyboard.press("Control+K");
    await page.keyboard.press("Control+I");
    const told = page.locator(".monaco-hover .hover-row").first();
    await told.waitFor();
    const text = await told.innerText();
    await page.keyboard.press("Escape");
    return text;
  },

  /** Returns the first problem that is underlined: line and text. */
  async diagnostics() {
    const marks = page.locator(".squiggly-warning, .squiggly-info, .squiggly-error");
    const widget = page.locator(".marker-widget");
    // A problem may go while it is gone to.
    while ((await marks.count()) > 0) {
      await page.keyboard.press("F8");
      const shown = widget.waitFor({ timeout: 3000 });
      if (!(await shown.then(() => true, () => false))) continue;
      const text = await widget.innerText();
      const [, line] = (await page.locator(".statusbar").innerText()).match(/Ln (\d+)/);
      await page.keyboard.press("Escape");
      await widget.waitFor({ state: "detached" });
      return [`${line} ${text}`];
    }
    return [];
  },

  async shoot(path) {
    await page.screenshot({ path });
    return null;
  },
};

/** Ends with all that was started. */
async function end() {
  server.kill();
  await browser.close();
  process.exit();
}

const socket = createConnection(process.env.ANCHORD_IT_SOCKET);
const AsyncFunction = it.open.constructor;
createInterface({ input: socket })
  .on("line", async (line) => {
    let answer;
    try {
      const value = await new AsyncFunction("it", JSON.parse(line))(it);
      answer = { ok: true, value: value ?? null };
    } catch (error) {
      answer = { ok: false, value: String(error) };
    }
    socket.write(`${JSON.stringify(answer)}\n`);
  })
  .on("close", end);
process.on("SIGTERM", end);
