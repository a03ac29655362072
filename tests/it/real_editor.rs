//! A person at a real editor: a Neovim, Emacs or VS Code, started without a screen, with our
//! own package for it and the real `anchord lsp`. What the person does is told to
//! the editor in its own language, over a socket.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::world::{PATIENCE, World, program, run, wait_for};

/// An editor that is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It says that it made edits that it threw away.
    Neovim,
    /// Another, in the folder that `ANCHORD_EDITORS` names.
    NewNeovim,
    /// With eglot.
    Emacs,
    /// In a browser without a screen. It takes long to start, so it is there for some
    /// tests only.
    VsCode,
}

impl Kind {
    /// Returns the editors that are installed, and says which are not.
    pub(crate) fn installed() -> Vec<Kind> {
        let kinds = [Kind::Neovim, Kind::NewNeovim, Kind::Emacs].into_iter();
        kinds.filter(|kind| kind.is_there()).collect()
    }

    /// Returns these and VS Code.
    pub(crate) fn all() -> Vec<Kind> {
        let code = [Kind::VsCode].into_iter().filter(|kind| kind.is_there());
        Kind::installed().into_iter().chain(code).collect()
    }

    /// Returns whether it is installed, and says so where it is not.
    pub(crate) fn is_there(self) -> bool {
        let there = self.is_installed();
        if !there {
            println!("passed over: {}", self.lack());
        }
        there
    }

    /// Returns the Neovims that are installed.
    pub(crate) fn neovims() -> Vec<Kind> {
        Kind::installed().into_iter().filter(|kind| kind.is_neovim()).collect()
    }

    fn is_neovim(self) -> bool {
        matches!(self, Kind::Neovim | Kind::NewNeovim)
    }

    fn program(self) -> PathBuf {
        match self {
            Kind::Neovim => "nvim".into(),
            Kind::NewNeovim => further("nvim"),
            Kind::Emacs => "emacs".into(),
            Kind::VsCode => further("code"),
        }
    }

    fn is_installed(self) -> bool {
        let arguments = match self {
            Kind::Neovim | Kind::NewNeovim => "--headless -u NONE +qall",
            Kind::Emacs => "-q --batch -f package-initialize -l eglot",
            Kind::VsCode => "--version",
        };
        let mut command = Command::new("sh");
        command.args(["-c", &format!("'{}' {arguments}", self.program().display())]);
        run(command, "").code == 0
    }

    fn lack(self) -> &'static str {
        match self {
            Kind::Neovim => "there is no nvim here",
            Kind::NewNeovim => "there is no nvim in the folder that ANCHORD_EDITORS names",
            Kind::Emacs => "there is no emacs with eglot here",
            Kind::VsCode => "there is no code in the folder that ANCHORD_EDITORS names",
        }
    }

    /// Returns the command that starts it.
    fn command(self, world: &World) -> Command {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
        match self {
            Kind::Neovim | Kind::NewNeovim => {
                let path = format!("set runtimepath^={}", tree.join("editors/neovim").display());
                let drive = format!("luafile {}", tree.join("tests/it/drive_neovim.lua").display());
                let mut command = Command::new(self.program());
                command.args(["-n", "--headless", "-u", "NONE", "-i", "NONE"]);
                command.args(["--cmd", &path, "-c", &drive]);
                command
            }
            Kind::Emacs => {
                let mut command = Command::new(self.program());
                // As a daemon, since one that runs a script is never idle.
                let name = world.outside("emacs.socket");
                command.args(["-q", &format!("--fg-daemon={}", name.display())]);
                command.args(["-f", "package-initialize", "-L"]).arg(tree.join("editors/emacs"));
                command.args(["-l", "anchord", "-l"]).arg(tree.join("tests/it/drive_emacs.el"));
                command
            }
            Kind::VsCode => {
                let mut command = Command::new(self.program());
                command.arg(tree.join("tests/it/drive_vscode.mjs"));
                command.arg(program()).arg(&world.root);
                command
            }
        }
    }
}

/// Returns where a further editor would be.
pub(crate) fn further(name: &str) -> PathBuf {
    Path::new(&std::env::var("ANCHORD_EDITORS").unwrap_or_default()).join("bin").join(name)
}

/// The editor.
pub(crate) struct Real {
    pub(crate) kind: Kind,
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    child: Child,
    log: PathBuf,
}

impl Real {
    /// Starts an editor that shares its files with agents.
    pub(crate) fn start(kind: Kind, world: &World) -> Real {
        let mut editor = Real::alone(kind, world);
        editor.set_up();
        editor
    }

    /// Starts a Neovim that starts the server by what Neovim has for that alone,
    /// without our package.
    pub(crate) fn start_bare(kind: Kind, world: &World) -> Real {
        assert!(kind.is_neovim(), "{kind:?}");
        let mut editor = Real::alone(kind, world);
        let words = server().map(|word| format!("{word:?}")).join(", ");
        let root = world.root.display();
        editor.ask(&format!(
            "vim.api.nvim_create_autocmd('BufReadPost', {{ callback = function(event) \
             local client = vim.lsp.start_client({{ name = 'anchord', cmd = {{ {words} }}, \
             root_dir = '{root}', cmd_cwd = '{root}' }}) \
             vim.lsp.buf_attach_client(event.buf, client) end }})"
        ));
        editor
    }

    /// Starts an editor that shares nothing yet.
    fn alone(kind: Kind, world: &World) -> Real {
        let socket = world.outside("person.socket");
        let listener = UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let log = world.outside("editor.log");
        let mut command = kind.command(world);
        world.settle(&mut command);
        command.env("ANCHORD_IT_SOCKET", &socket).env("HOME", world.outside("person"));
        command.env_remove("XDG_RUNTIME_DIR").env_remove("NVIM_LISTEN_ADDRESS");
        let out = File::create(&log).unwrap();
        command.stdout(out.try_clone().unwrap()).stderr(out).stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stream = None;
        wait_for("the editor to start", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{kind:?}: {}", fs::read_to_string(&log).unwrap());
            stream = listener.accept().ok();
            stream.is_some()
        });
        let (writer, _) = stream.unwrap();
        writer.set_nonblocking(false).unwrap();
        // That of VS Code starts a browser first, and loads the whole of it.
        let patience = if kind == Kind::VsCode { 5 * PATIENCE } else { PATIENCE };
        writer.set_read_timeout(Some(patience)).unwrap();
        let reader = BufReader::new(writer.try_clone().unwrap());
        Real { kind, reader, writer, child, log }
    }

    fn set_up(&mut self) {
        let command = server().map(|word| format!("{word:?}"));
        match self.kind {
            Kind::Neovim | Kind::NewNeovim => {
                let words = command.join(", ");
                self.ask(&format!("require('anchord').setup({{ cmd = {{ {words} }} }})"))
            }
            Kind::Emacs => {
                let words = command.join(" ");
                self.ask(&format!(
                    "(progn (setq anchord-command (list {words})) (anchord-share 'text-mode) nil)"
                ))
            }
            // It has been told of the program, and starts it by itself.
            Kind::VsCode => Value::Null,
        };
    }

    /// Has the editor evaluate something; returns what comes of it.
    #[track_caller]
    pub(crate) fn ask(&mut self, code: &str) -> Value {
        self.tell(code);
        self.answer(code)
    }

    /// Has the editor evaluate something, without waiting for it.
    #[track_caller]
    pub(crate) fn tell(&mut self, code: &str) {
        self.writer.write_all(format!("{}\n", json!(code)).as_bytes()).unwrap();
    }

    /// Returns what came of it.
    #[track_caller]
    pub(crate) fn answer(&mut self, code: &str) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap_or_else(|error| panic!("{code}: {error}"));
        let mut answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{code}: {error}: {line}"));
        assert_eq!(answer["ok"], true, "{:?}: {code}: {answer}", self.kind);
        answer["value"].take()
    }

    /// Opens a file, and waits until the service knows the document.
    #[track_caller]
    pub(crate) fn open(&mut self, path: &Path) {
        let path = path.to_str().unwrap();
        let (open, known) = match self.kind {
            Kind::Neovim | Kind::NewNeovim => (
                format!("vim.cmd('edit ' .. vim.fn.fnameescape({path:?}))"),
                "local answers = vim.lsp.buf_request_sync(0, 'anchord/anchors', \
                 { textDocument = vim.lsp.util.make_text_document_params() }, 1000) or {} \
                 local _, answer = next(answers) return answer and answer.result or vim.NIL",
            ),
            Kind::Emacs => (
                // What eglot puts there is run after the next key.
                format!("(progn (find-file {path:?}) (run-hooks 'post-command-hook) nil)"),
                "(and (eglot-current-server) \
                 (jsonrpc-request (eglot-current-server) :anchord/anchors \
                 (list :textDocument (eglot--TextDocumentIdentifier))))",
            ),
            // It is open once an anchor of it can be copied.
            Kind::VsCode => (format!("return it.open({path:?})"), "return true"),
        };
        self.ask(&open);
        wait_for("the service to know the document", || !self.ask(known).is_null());
    }

    /// Returns the text of the buffer.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        let text = self.ask(match self.kind {
            Kind::Neovim | Kind::NewNeovim => "return it.text()",
            Kind::Emacs => "(buffer-substring-no-properties (point-min) (point-max))",
            Kind::VsCode => "return it.text()",
        });
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Types something at the start of a line.
    #[track_caller]
    pub(crate) fn insert(&mut self, line: usize, text: &str) {
        let code = self.typing(line, text);
        self.ask(&code);
    }

    /// Returns the code that types something at the start of a line.
    fn typing(&self, line: usize, text: &str) -> String {
        match self.kind {
            Kind::Neovim | Kind::NewNeovim => {
                format!("it.type({:?})", format!("{line}GI{text}<Esc>"))
            }
            Kind::Emacs => format!("(it-keys {line} {text:?})"),
            Kind::VsCode => format!("return it.type({line}, {text:?})"),
        }
    }

    /// Begins to do nothing for a while, at whose end something is typed before
    /// anything is heard. Returns what is to be awaited with [`Real::answer`].
    #[track_caller]
    pub(crate) fn freeze_and_type(&mut self, line: usize, text: &str) -> String {
        let typing = self.typing(line, text);
        let code = match self.kind {
            Kind::Neovim | Kind::NewNeovim => format!("it.block(400) {typing}"),
            Kind::Emacs => format!("(progn (it-block 400) {typing})"),
            Kind::VsCode => panic!("VS Code is never still as a whole"),
        };
        self.tell(&code);
        code
    }

    /// Takes back the last change, as a person does.
    #[track_caller]
    pub(crate) fn undo(&mut self) {
        self.ask(match self.kind {
            Kind::Neovim | Kind::NewNeovim => "it.type('u')",
            Kind::Emacs => "(progn (setq last-command nil) (undo) nil)",
            Kind::VsCode => "return it.press('Control+Z')",
        });
    }

    /// Saves the buffer.
    #[track_caller]
    pub(crate) fn save(&mut self) {
        self.ask(match self.kind {
            Kind::Neovim | Kind::NewNeovim => "vim.cmd('write')",
            Kind::Emacs => "(progn (save-buffer) nil)",
            Kind::VsCode => "return it.save()",
        });
    }

    /// Asks for what can be done about a line, and takes what begins so.
    #[track_caller]
    pub(crate) fn choose(&mut self, line: usize, choice: &str) {
        self.ask(&match self.kind {
            Kind::Neovim | Kind::NewNeovim => format!(
                "it.choice = {choice:?} vim.api.nvim_win_set_cursor(0, {{ {line}, 0 }}) \
                 vim.lsp.buf.code_action()"
            ),
            Kind::Emacs => format!("(it-choose {line} {choice:?})"),
            Kind::VsCode => format!("return it.choose({line}, {choice:?})"),
        });
    }

    /// Returns what can be done about a line.
    #[track_caller]
    pub(crate) fn offers(&mut self, line: usize) -> Vec<String> {
        let offered = self.ask(&match self.kind {
            Kind::Neovim | Kind::NewNeovim => format!("return it.offers({line})"),
            Kind::Emacs => format!("(it-offers {line})"),
            Kind::VsCode => format!("return it.offers({line})"),
        });
        texts(&offered)
    }

    /// Returns what is told of a line.
    #[track_caller]
    pub(crate) fn hover(&mut self, line: usize) -> String {
        let told = self.ask(&match self.kind {
            Kind::Neovim | Kind::NewNeovim => format!("return it.hover({line})"),
            Kind::Emacs => format!("(it-hover {line})"),
            Kind::VsCode => format!("return it.hover({line})"),
        });
        told.as_str().unwrap_or_default().to_owned()
    }

    /// Returns the diagnostics of the buffer: line and text of each.
    #[track_caller]
    pub(crate) fn diagnostics(&mut self) -> Vec<String> {
        let found = self.ask(match self.kind {
            Kind::Neovim | Kind::NewNeovim => {
                "return vim.tbl_map(function(found) return (found.lnum + 1) .. ' ' .. \
                 found.message end, vim.diagnostic.get(0))"
            }
            Kind::Emacs => "(it-diagnostics)",
            Kind::VsCode => "return it.diagnostics()",
        });
        texts(&found)
    }

    /// Returns what stands in the register or the kill ring.
    #[track_caller]
    pub(crate) fn copied(&mut self) -> String {
        let text = self.ask(match self.kind {
            Kind::Neovim | Kind::NewNeovim => "return vim.fn.getreg('\"')",
            Kind::Emacs => "(car kill-ring)",
            Kind::VsCode => "return it.copied()",
        });
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Dies without a word.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // That of VS Code has children of its own, which it ends with itself.
        let _ended_before = match (self.kind, Pid::from_raw(self.child.id() as i32)) {
            (Kind::VsCode, Some(pid)) => kill_process(pid, Signal::TERM).map_err(Into::into),
            _ => self.child.kill(),
        };
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            println!("what {:?} said:\n{log}", self.kind);
        }
    }
}

/// Returns the command that starts the server.
fn server() -> [String; 4] {
    [program().to_str().unwrap(), "lsp", "--durability", "none"].map(str::to_owned)
}

/// Returns the strings of a list.
pub(crate) fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
