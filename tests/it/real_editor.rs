//! A person at a real editor: Neovim or Emacs, started without a screen, with our
//! own package for it and the real `anchord lsp`. What the person does is told to
//! the editor in its own language, over a socket.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::world::{PATIENCE, World, program, run, wait_for};

/// An editor that is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It says that it made edits that it threw away.
    Neovim,
    /// With eglot.
    Emacs,
}

impl Kind {
    /// Returns the editors that are installed, and says which are not.
    pub(crate) fn installed() -> Vec<Kind> {
        let kinds = [Kind::Neovim, Kind::Emacs].into_iter();
        kinds
            .filter(|kind| {
                let there = kind.is_installed();
                if !there {
                    println!("passed over: {}", kind.lack());
                }
                there
            })
            .collect()
    }

    fn is_installed(self) -> bool {
        let script = match self {
            Kind::Neovim => "nvim --headless -u NONE +qall",
            Kind::Emacs => "emacs -q --batch -f package-initialize -l eglot",
        };
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, "").code == 0
    }

    fn lack(self) -> &'static str {
        match self {
            Kind::Neovim => "there is no nvim here",
            Kind::Emacs => "there is no emacs with eglot here",
        }
    }

    /// Returns the command that starts it.
    fn command(self, world: &World) -> Command {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
        match self {
            Kind::Neovim => {
                let path = format!("set runtimepath^={}", tree.join("editors/neovim").display());
                let drive = format!("luafile {}", tree.join("tests/it/drive_neovim.lua").display());
                let mut command = Command::new("nvim");
                command.args(["-n", "--headless", "-u", "NONE", "-i", "NONE"]);
                command.args(["--cmd", &path, "-c", &drive]);
                command
            }
            Kind::Emacs => {
                let mut command = Command::new("emacs");
                // As a daemon, since one that runs a script is never idle.
                let name = world.outside("emacs.socket");
                command.args(["-q", &format!("--fg-daemon={}", name.display())]);
                command.args(["-f", "package-initialize", "-L"]).arg(tree.join("editors/emacs"));
                command.args(["-l", "anchord", "-l"]).arg(tree.join("tests/it/drive_emacs.el"));
                command
            }
        }
    }
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
        writer.set_read_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(writer.try_clone().unwrap());
        let mut editor = Real { kind, reader, writer, child, log };
        editor.set_up();
        editor
    }

    fn set_up(&mut self) {
        let command = [program().to_str().unwrap(), "lsp", "--durability", "none"]
            .map(|word| format!("{word:?}"));
        match self.kind {
            Kind::Neovim => {
                let words = command.join(", ");
                self.ask(&format!("require('anchord').setup({{ cmd = {{ {words} }} }})"))
            }
            Kind::Emacs => {
                let words = command.join(" ");
                self.ask(&format!(
                    "(progn (setq anchord-command (list {words})) (anchord-share 'text-mode) nil)"
                ))
            }
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
            Kind::Neovim => (
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
        };
        self.ask(&open);
        wait_for("the service to know the document", || !self.ask(known).is_null());
    }

    /// Returns the text of the buffer.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        let text = self.ask(match self.kind {
            Kind::Neovim => "return it.text()",
            Kind::Emacs => "(buffer-substring-no-properties (point-min) (point-max))",
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
            Kind::Neovim => format!("it.type({:?})", format!("{line}GI{text}<Esc>")),
            Kind::Emacs => format!("(it-keys {line} {text:?})"),
        }
    }

    /// Begins to do nothing for a while, at whose end something is typed before
    /// anything is heard. Returns what is to be awaited with [`Real::answer`].
    #[track_caller]
    pub(crate) fn freeze_and_type(&mut self, line: usize, text: &str) -> String {
        let typing = self.typing(line, text);
        let code = match self.kind {
            Kind::Neovim => format!("it.block(400) {typing}"),
            Kind::Emacs => format!("(progn (it-block 400) {typing})"),
        };
        self.tell(&code);
        code
    }

    /// Takes back the last change, as a person does.
    #[track_caller]
    pub(crate) fn undo(&mut self) {
        self.ask(match self.kind {
            Kind::Neovim => "it.type('u')",
            Kind::Emacs => "(progn (setq last-command nil) (undo) nil)",
        });
    }

    /// Saves the buffer.
    #[track_caller]
    pub(crate) fn save(&mut self) {
        self.ask(match self.kind {
            Kind::Neovim => "vim.cmd('write')",
            Kind::Emacs => "(progn (save-buffer) nil)",
        });
    }

    /// Asks for what can be done about a line, and takes what begins so.
    #[track_caller]
    pub(crate) fn choose(&mut self, line: usize, choice: &str) {
        self.ask(&match self.kind {
            Kind::Neovim => format!(
                "it.choice = {choice:?} vim.api.nvim_win_set_cursor(0, {{ {line}, 0 }}) \
                 vim.lsp.buf.code_action()"
            ),
            Kind::Emacs => format!("(it-choose {line} {choice:?})"),
        });
    }

    /// Returns what can be done about a line.
    #[track_caller]
    pub(crate) fn offers(&mut self, line: usize) -> Vec<String> {
        let offered = self.ask(&match self.kind {
            Kind::Neovim => format!("return it.offers({line})"),
            Kind::Emacs => format!("(it-offers {line})"),
        });
        texts(&offered)
    }

    /// Returns what is told of a line.
    #[track_caller]
    pub(crate) fn hover(&mut self, line: usize) -> String {
        let told = self.ask(&match self.kind {
            Kind::Neovim => format!("return it.hover({line})"),
            Kind::Emacs => format!("(it-hover {line})"),
        });
        told.as_str().unwrap_or_default().to_owned()
    }

    /// Returns the diagnostics of the buffer: line and text of each.
    #[track_caller]
    pub(crate) fn diagnostics(&mut self) -> Vec<String> {
        let found = self.ask(match self.kind {
            Kind::Neovim => {
                "return vim.tbl_map(function(found) return (found.lnum + 1) .. ' ' .. \
                 found.message end, vim.diagnostic.get(0))"
            }
            Kind::Emacs => "(it-diagnostics)",
        });
        texts(&found)
    }

    /// Returns what stands in the register or the kill ring.
    #[track_caller]
    pub(crate) fn copied(&mut self) -> String {
        let text = self.ask(match self.kind {
            Kind::Neovim => "return vim.fn.getreg('\"')",
            Kind::Emacs => "(car kill-ring)",
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
        let _ended_before = self.child.kill();
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            println!("what {:?} said:\n{log}", self.kind);
        }
    }
}

/// Returns the strings of a list.
pub(crate) fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
