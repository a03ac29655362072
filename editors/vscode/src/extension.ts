// Starts `anchord lsp` for each folder of the workspace, and does what only the
// editor can: the clipboard.

import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

const clients = new Map<string, LanguageClient>();

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const copy = vscode.commands.registerCommand("anchord.copyAnchorOfSelection", copySelection);
  context.subscriptions.push(copy);
  const folders = vscode.workspace.onDidChangeWorkspaceFolders(async (change) => {
    await Promise.all(change.removed.map(stop));
    await Promise.all(change.added.map(start));
  });
  context.subscriptions.push(folders);
  await Promise.all((vscode.workspace.workspaceFolders ?? []).map(start));
}

export async function deactivate(): Promise<void> {
  await Promise.all([...clients.values()].map((client) => client.stop()));
}

async function start(folder: vscode.WorkspaceFolder): Promise<void> {
  if (folder.uri.scheme !== "file") {
    return;
  }
  const command = vscode.workspace.getConfiguration("anchord", folder).get("command", "anchord");
  const pattern = `${folder.uri.fsPath}/**/*`;
  const client = new LanguageClient(
    `anchord ${folder.name}`,
    { command, args: ["lsp"], options: { cwd: folder.uri.fsPath } },
    {
      documentSelector: [{ scheme: "file", pattern }],
      workspaceFolder: folder,
      middleware: {
        executeCommand: async (name, args, next) => {
          if (name !== "anchord.copyAnchor") {
            return next(name, args);
          }
          await copied(String(args[0]));
        },
      },
    },
  );
  clients.set(folder.uri.toString(), client);
  await client.start();
}

async function stop(folder: vscode.WorkspaceFolder): Promise<void> {
  const client = clients.get(folder.uri.toString());
  clients.delete(folder.uri.toString());
  await client?.stop();
}

async function copySelection(): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const folder = editor && vscode.workspace.getWorkspaceFolder(editor.document.uri);
  const client = folder && clients.get(folder.uri.toString());
  if (!editor || !client) {
    return;
  }
  const { start, end } = editor.selection;
  const range = { start: { line: start.line, character: 0 }, end: { line: end.line, character: 0 } };
  const textDocument = { uri: editor.document.uri.toString() };
  const found = await client.sendRequest<{ anchor?: string } | null>("anchord/anchors", {
    textDocument,
    range,
  });
  if (found?.anchor) {
    await copied(found.anchor);
  }
}

async function copied(anchor: string): Promise<void> {
  await vscode.env.clipboard.writeText(anchor);
  vscode.window.setStatusBarMessage(`copied ${anchor}`, 3000);
}
