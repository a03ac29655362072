//! The command line: the same verbs for people, over the same service, in
//! process or through a running daemon; nobody can tell which.
//!
//! Exit codes: 0 done, 1 rejected, 2 usage or fault.

mod bench;
mod diagnostics;
mod doctor;
mod edit;
mod endpoint;
mod history;
mod lsp;
mod mcp;
mod outline;
mod paint;
mod read;
mod rename;
mod rewrite;
mod search;
mod serve;
mod stats;
mod tour;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::daemon;
use crate::service::languages::Surroundings;
use endpoint::Endpoint;
use paint::Paint;

/// The daemon through which coding agents change files: edits that are exact or
/// refused, with the cure; undone, and counted.
#[derive(Debug, Parser)]
#[command(name = "anchord", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Begins the log of this process, on its standard error: what `ANCHORD_LOG` asks
/// for, else from `level` on. Where it cannot be written, nothing else ends.
fn begin_log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ANCHORD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // What reports such a failure panics where it cannot be written either.
    log.log_internal_errors(false).init();
}

/// The session to speak in, unless another is named.
const SESSION: &str = "cli";

/// What every command understands.
#[derive(Debug, Clone, clap::Args)]
struct Common {
    /// The root to work in [default: the nearest version-control root, else here]
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The session to speak in
    #[arg(
        long,
        global = true,
        env = "ANCHORD_SESSION",
        default_value = SESSION,
        hide_env_values = true
    )]
    session: String,
    /// Print the protocol's JSON instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show lines of a file under the handle of its content
    Read(read::Read),
    /// List the files that are neither hidden nor ignored
    List(search::List),
    /// Find lines, each file under the handle of its content
    Search(search::Search),
    /// Show what a file defines: lines and signatures
    Outline(outline::Outline),
    /// Find code by its shape, however it is laid out
    Match(rewrite::Match),
    /// Rewrite code by its shape in many files: shown first, then applied by its token
    Rewrite(rewrite::Rewrite),
    /// Apply an edit from a file or from standard input
    Edit(edit::Edit),
    /// Apply a rejected edit after all, by its token
    Retry(edit::Retry),
    /// Rename a symbol everywhere, or move a file and what names it
    Rename(rename::Rename),
    /// Ask language servers what is wrong with files
    Diagnostics(diagnostics::Diagnostics),
    /// Take an operation back (the session's last one)
    Undo(history::Undo),
    /// Take the session's last undo back
    Redo,
    /// List the operations that took effect, newest first
    Log(history::Log),
    /// Show one operation with its diff
    Show(history::Show),
    /// Edit-success rate and wasted tokens
    Stats(stats::Stats),
    /// Serve a root, to many callers over its socket or to one over stdio
    Serve(serve::Serve),
    /// Offer the tools of an agent over MCP, on standard input and output
    Mcp(mcp::Mcp),
    /// Serve an editor as a language server, on standard input and output
    Lsp(lsp::Lsp),
    /// Measure edit formats on real edits, with and without a model
    Bench(bench::Bench),
    /// Look for trouble, and say what to do about it
    Doctor,
    /// See it work, on a copy of a real directory
    Tour(tour::Tour),
    /// Count tokens for the daemon, which has no room for the vocabulary
    #[command(name = crate::tokens::SERVE, hide = true)]
    CountTokens,
    /// Parse for the daemon what may not come back
    #[command(name = crate::service::PARSE, hide = true)]
    ParseRisky,
    /// Run a language server for the daemon, and not a moment longer
    #[command(name = crate::process::GUARD, hide = true)]
    GuardServer {
        /// The process for which it runs
        starter: u32,
        /// The server
        program: OsString,
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What the process that parses for others may take.
const PARSE_BYTES: u64 = 1 << 30;

/// How a command ended, if all went as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Rejected,
    /// With the exit code of another program.
    As(u8),
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Daemon(#[from] daemon::DaemonError),
    #[error("{0}")]
    Client(#[from] crate::client::ClientError),
    #[error("{0}")]
    Mcp(#[from] crate::faces::mcp::ServeError),
    #[error("{0}")]
    Bench(#[from] crate::bench::BenchError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("an answer that does not read as one: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Carries out the command line and returns the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _closed = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut paint = Paint::stdout();
    let result = run(&arguments, &mut paint)
        .and_then(|end| paint.flush().map(|()| end).map_err(CliError::Io));
    match result {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Rejected) => ExitCode::from(1),
        Ok(End::As(code)) => ExitCode::from(code),
        // Whoever reads us has seen enough.
        Err(CliError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            paint::complain(&error.to_string());
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments, paint: &mut Paint) -> Result<End, CliError> {
    let common = &arguments.common;
    let endpoint = || Endpoint::open(common);
    match &arguments.command {
        Command::Read(read) => read::run(read, common, &mut endpoint()?, paint),
        Command::List(list) => search::list(list, common, &mut endpoint()?, paint),
        Command::Search(search) => search::run(search, common, &mut endpoint()?, paint),
        Command::Outline(outline) => outline::run(outline, common, &mut endpoint()?, paint),
        Command::Match(find) => rewrite::find(find, common, &mut endpoint()?, paint),
        Command::Rewrite(rewrite) => rewrite::run(rewrite, common, &mut endpoint()?, paint),
        Command::Edit(edit) => edit::run(edit, common, &mut endpoint()?, paint),
        Command::Retry(retry) => edit::retry(retry, common, &mut endpoint()?, paint),
        Command::Rename(rename) => rename::run(rename, common, &mut endpoint()?, paint),
        Command::Diagnostics(which) => diagnostics::run(which, common, &mut endpoint()?, paint),
        Command::Undo(undo) => history::undo(undo, common, &mut endpoint()?, paint),
        Command::Redo => history::redo(common, &mut endpoint()?, paint),
        Command::Log(log) => history::log(log, common, &mut endpoint()?, paint),
        Command::Show(show) => history::show(show, common, &mut endpoint()?, paint),
        Command::Stats(stats) => stats::run(stats, common, &mut endpoint()?, paint),
        Command::Serve(serve) => serve::run(serve, common),
        Command::Mcp(mcp) => mcp::run(mcp, common),
        Command::Lsp(lsp) => lsp::run(lsp, common),
        Command::Bench(bench) => bench::run(bench, paint),
        Command::Doctor => doctor::run(common, paint),
        Command::Tour(tour) => tour::run(tour, paint),
        Command::CountTokens => {
            crate::tokens::serve(&mut std::io::stdin().lock(), &mut std::io::stdout().lock())?;
            Ok(End::Done)
        }
        Command::ParseRisky => {
            crate::process::limit_memory(PARSE_BYTES)?;
            let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
            crate::service::parse_for_others(&mut input, &mut output)?;
            Ok(End::Done)
        }
        Command::GuardServer { starter, program, arguments } => {
            Ok(End::As(crate::process::guard(*starter, program, arguments)))
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "anchord", &mut script);
            paint.raw(&String::from_utf8_lossy(&script))?;
            Ok(End::Done)
        }
    }
}

impl Common {
    /// Returns the root to work in.
    fn root(&self) -> Result<PathBuf, CliError> {
        match &self.root {
            Some(root) => Ok(root.canonicalize().map_err(|error| {
                CliError::Usage(format!("the root {}: {error}", root.display()))
            })?),
            None => Ok(daemon::nearest_root(&std::env::current_dir()?)),
        }
    }
}

/// The variables that language servers get of our environment: where things lie
/// and how people write. Nothing that may hold a secret.
const PASSED_ON: [&str; 34] = [
    "CARGO_HOME",
    "CONDA_PREFIX",
    "DOTNET_ROOT",
    "GOCACHE",
    "GOMODCACHE",
    "GOPATH",
    "GOROOT",
    "HOME",
    "JAVA_HOME",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LOGNAME",
    "NODE_PATH",
    "NVM_DIR",
    "PATH",
    "PKG_CONFIG_PATH",
    "PNPM_HOME",
    "PYENV_ROOT",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SHELL",
    "TEMP",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
];

/// Returns what language servers are started with.
fn surroundings() -> Surroundings {
    let passed = PASSED_ON.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    Surroundings {
        configuration: config_home().map(|home| daemon::configuration(&home)).unwrap_or_default(),
        environment: passed.collect(),
        guard: std::env::current_exe().ok(),
    }
}

/// Returns the directory of the user's configuration: `$XDG_CONFIG_HOME`, else
/// `~/.config`.
fn config_home() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
}

/// Returns the directory of states: `$XDG_STATE_HOME`, else `~/.local/state`.
fn state_home() -> Result<PathBuf, CliError> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(|| CliError::Usage("neither XDG_STATE_HOME nor HOME is set".into()))
}
