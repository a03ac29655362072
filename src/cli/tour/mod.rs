//! `anchord tour`: one agent, another writer, and the daemon between them, on a
//! copy of a real directory.
//!
//! Everything is real: the daemon listens at a socket, the agent speaks the
//! protocol, the other writer writes to the disk. The copy is left to look at.

mod copy;
mod source;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, End, stats};
use crate::daemon::{self, Place, Settings};
use crate::protocol::wire::{self, HandleText};
use crate::service::Options;

#[derive(Debug, clap::Args)]
pub(super) struct Tour {
    /// The directory to copy; the program's own source if none is named
    directory: Option<PathBuf>,
}

/// How long the daemon may take to come up.
const START: Duration = Duration::from_secs(10);

pub(super) fn run(tour: &Tour, paint: &mut Paint) -> Result<End, CliError> {
    let base = std::env::temp_dir().join(format!("anchord-tour-{}", std::process::id()));
    let (root, home) = (base.join("copy"), base.join("state"));
    let files = match &tour.directory {
        Some(directory) => copy::copy(directory, &root)?,
        None => source::write(&root)?,
    };
    let socket = start_daemon(&root, &home)?;
    let mut guide = Guide { endpoint: Endpoint::at(&socket)?, paint, root: root.clone() };
    guide.paint.line(&format!("{} files copied to {}", files, root.display()))?;
    let path = copy::most_lines(&root)?
        .ok_or_else(|| CliError::Usage("no text file of 12 lines or more in there".into()))?;
    guide.walk(&path)?;
    paint.line("")?;
    paint.line(&format!("The copy is left at {}", root.display()))?;
    Ok(End::Done)
}

/// Serves the copy on a thread of this process, at a real socket.
fn start_daemon(root: &Path, home: &Path) -> Result<PathBuf, CliError> {
    let settings =
        Settings { home: home.to_owned(), options: Options::default(), idle: Some(START) };
    let socket = Place::of(root, home)?.socket();
    let root = root.to_owned();
    std::thread::spawn(move || daemon::run(&root, settings));
    let deadline = Instant::now() + START;
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        if Instant::now() > deadline {
            return Err(CliError::Usage("the daemon did not come up".into()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(socket)
}

/// Who leads the tour.
struct Guide<'a> {
    endpoint: Endpoint,
    paint: &'a mut Paint,
    root: PathBuf,
}

impl Guide<'_> {
    fn walk(&mut self, path: &str) -> Result<(), CliError> {
        self.open()?;
        let read = self.read(path)?;
        self.edit(path, &read)?;
        let second = self.edit_again(path, &read)?;
        let token = self.interfere(path, &second)?;
        self.retry(&token)?;
        self.undo(path)?;
        self.count()
    }

    fn open(&mut self) -> Result<(), CliError> {
        self.step("An agent opens a session")?;
        let params = wire::OpenParams {
            client: wire::Client { name: "tour".into(), version: env!("CARGO_PKG_VERSION").into() },
            agent: Some(wire::Agent { name: "guide".into(), model: "none".into() }),
            ..wire::OpenParams::default()
        };
        let opened: wire::OpenResult = serde_json::from_str(&self.ask("session/open", &params)?)?;
        self.paint.faint(&format!("session {} on {}", opened.session, opened.root))?;
        Ok(())
    }

    fn read(&mut self, path: &str) -> Result<wire::ReadResult, CliError> {
        self.step("It reads some lines, and gets a handle for exactly these bytes")?;
        let params = wire::ReadParams {
            path: path.to_owned(),
            lines: Some(vec![(1, 12)]),
            ..wire::ReadParams::default()
        };
        let read: wire::ReadResult = self.expect("file/read", &params)?;
        self.paint.title(&format!("@{path} {}", read.handle))?;
        self.paint.rows(read.text.as_deref().unwrap_or_default())?;
        Ok(read)
    }

    fn edit(&mut self, path: &str, read: &wire::ReadResult) -> Result<(), CliError> {
        self.step("It edits: new lines after line 3")?;
        let text =
            format!("@{path} {}\n3a\nwritten by an agent,\nthrough the daemon\n.\n", read.handle);
        self.paint.faint(&text)?;
        let applied: wire::EditResult = self.expect("edit/apply", &of_text(text))?;
        self.landed(&applied)
    }

    fn edit_again(
        &mut self,
        path: &str,
        read: &wire::ReadResult,
    ) -> Result<wire::EditResult, CliError> {
        self.step("It edits again under the old handle: our own edit is followed exactly")?;
        let text = format!(
            "@{path} {}\n9c\nline 9 of what was read, wherever it is now\n.\n",
            read.handle
        );
        self.paint.faint(&text)?;
        let applied: wire::EditResult = self.expect("edit/apply", &of_text(text))?;
        self.landed(&applied)?;
        Ok(applied)
    }

    /// Another program writes to the file; returns the token under which the
    /// refused edit waits.
    #[expect(clippy::disallowed_methods, reason = "here we play the program that does not know us")]
    fn interfere(&mut self, path: &str, last: &wire::EditResult) -> Result<String, CliError> {
        self.step(
            "Another program saves the file, line 5 too; the agent's next edit is refused, with the cure",
        )?;
        let file = self.root.join(path);
        let mut bytes = std::fs::read(&file)?;
        let line: usize =
            bytes.split_inclusive(|byte| *byte == b'\n').take(4).map(<[u8]>::len).sum();
        bytes.splice(line..line, *b"saved by another program: ");
        bytes.splice(0..0, *b"saved by another program\n");
        std::fs::write(&file, bytes)?;
        let handle = last.files.first().and_then(|file| file.handle.clone()).unwrap_or_default();
        let ops = vec![wire::OpParams {
            op: wire::LineOp::Replace,
            lines: Some((5, 5)),
            after: None,
            text: Some("decided again, in view of what is there\n".into()),
        }];
        let file = wire::FileParams {
            path: path.to_owned(),
            handle: Some(HandleText::Text(handle)),
            ops: Some(ops),
            ..wire::FileParams::default()
        };
        let params = wire::ApplyParams {
            format: "anchor".into(),
            files: Some(vec![file]),
            verify: Some(UNCHECKED),
            ..wire::ApplyParams::default()
        };
        match typed::<wire::EditResult>(&self.ask("edit/apply", &params)?)? {
            Answer::Yes(_) => {
                Err(CliError::Usage("BUG: an edit of a stale file was applied".into()))
            }
            Answer::No(rejection) => {
                self.paint.bad(&format!("{}: {}", rejection.code, rejection.message))?;
                self.paint.rows(rejection.rows.as_deref().unwrap_or_default())?;
                rejection.retry.ok_or_else(|| CliError::Usage("BUG: no token".into()))
            }
        }
    }

    fn retry(&mut self, token: &str) -> Result<(), CliError> {
        self.step("It looks at the rows and retries by token: nothing is written twice")?;
        let params = wire::RetryParams {
            retry: token.to_owned(),
            at: Some(vec![(6, 6)]),
            ..wire::RetryParams::default()
        };
        self.paint.faint(&serde_json::to_string(&params)?)?;
        let applied: wire::EditResult = self.expect("edit/retry", &params)?;
        self.landed(&applied)
    }

    fn undo(&mut self, path: &str) -> Result<(), CliError> {
        self.step("It takes that back; the undo before that would lose the other program's save")?;
        let undone: wire::EditResult = self.expect("edit/undo", &wire::UndoParams::default())?;
        self.landed(&undone)?;
        match typed::<wire::EditResult>(&self.ask("edit/undo", &wire::UndoParams::default())?)? {
            Answer::Yes(undone) => self.landed(&undone)?,
            Answer::No(rejection) => {
                let path = rejection.path.as_deref().unwrap_or(path);
                self.paint.bad(&format!("{}: {path}: {}", rejection.code, rejection.message))?;
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), CliError> {
        self.step("What it came to")?;
        let summary: wire::StatsResult =
            self.expect("stats/summary", &wire::StatsParams::default())?;
        stats::show(&summary, self.paint)
    }

    /// Shows what an operation changed.
    fn landed(&mut self, applied: &wire::EditResult) -> Result<(), CliError> {
        let Some(operation) = applied.operation else { return Ok(()) };
        let params = wire::ShowParams { session: None, operation };
        let shown: wire::ShowResult = self.expect("edit/show", &params)?;
        self.paint.good(&format!("{} as operation {operation}", applied.status))?;
        self.paint.diff(&shown.diff)?;
        Ok(())
    }

    fn step(&mut self, what: &str) -> Result<(), CliError> {
        self.paint.line("")?;
        self.paint.title(&format!("── {what}"))?;
        Ok(())
    }

    fn ask(&mut self, method: &str, params: &impl Serialize) -> Result<String, CliError> {
        self.endpoint.raw(method, params)
    }

    fn expect<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, CliError> {
        match typed(&self.ask(method, params)?)? {
            Answer::Yes(answer) => Ok(answer),
            Answer::No(rejection) => {
                let text =
                    format!("{method} was refused: {}: {}", rejection.code, rejection.message);
                Err(CliError::Usage(text))
            }
        }
    }
}

/// What the guide writes is prose, whatever the file holds.
const UNCHECKED: wire::Verify = wire::Verify {
    syntax: Some(wire::Policy::Off),
    lint: Some(wire::Policy::Off),
    lsp: Some(wire::Policy::Off),
    lsp_ms: None,
};

fn of_text(text: String) -> wire::ApplyParams {
    wire::ApplyParams {
        text: Some(text),
        verify: Some(UNCHECKED),
        format: "anchor".into(),
        ..wire::ApplyParams::default()
    }
}
