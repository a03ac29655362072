//! `anchord lsp`: a language server for editors, on our standard streams. It
//! holds the documents of one editor; all else is in the daemon of the root,
//! which is started if none runs.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::serve::DaemonOptions;
use super::{CliError, Common, End, state_home};
use crate::client;
use crate::daemon::{Place, nearest_root};
use crate::faces::lsp::{self, Connect};

#[derive(Debug, clap::Args)]
pub(super) struct Lsp {
    /// Speak on standard input and output, which is the only way; editors say it
    #[arg(long)]
    stdio: bool,
    #[command(flatten)]
    daemon: DaemonOptions,
}

pub(super) fn run(lsp: &Lsp, common: &Common) -> Result<End, CliError> {
    super::begin_log("warn");
    let root = common.root.is_some().then(|| common.root()).transpose()?;
    let daemon = Daemon {
        program: std::env::current_exe()?,
        home: state_home()?,
        options: lsp.daemon.clone(),
        root,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let session = format!("editor-{}-{}", std::process::id(), now.as_nanos());
    match lsp::serve(daemon, session)? {
        true => Ok(End::Done),
        false => Ok(End::Rejected),
    }
}

/// The daemon, as one editor finds it.
struct Daemon {
    program: PathBuf,
    home: PathBuf,
    options: DaemonOptions,
    /// The root that the command line names.
    root: Option<PathBuf>,
}

impl Connect for Daemon {
    fn root(&self, folder: Option<&Path>) -> io::Result<PathBuf> {
        let root = match (&self.root, folder) {
            (Some(root), _) => root.clone(),
            (None, Some(folder)) => nearest_root(folder),
            (None, None) => nearest_root(&std::env::current_dir()?),
        };
        root.canonicalize()
    }

    fn connect(&self, root: &Path) -> io::Result<UnixStream> {
        let place = Place::of(root, &self.home)?;
        let arguments = self.options.arguments(&place.root.to_string_lossy());
        client::find_or_start(&place.socket(), &self.program, &arguments, &place.root)
    }
}
