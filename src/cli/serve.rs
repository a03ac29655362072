//! `anchord serve`: the daemon itself, or one conversation with it over stdio.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::apply::Durability;

use super::{CliError, Common, End, state_home, surroundings};
use crate::daemon::{Place, Settings};
use crate::service::Options;
use crate::service::policy::Limits;
use crate::{client, daemon, process};

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Speak on standard input and output; the daemon is started if none runs
    #[arg(long)]
    stdio: bool,
    #[command(flatten)]
    daemon: DaemonOptions,
    /// Leave the terminal, as the daemon that --stdio starts does
    #[arg(long, hide = true)]
    detached: bool,
}

/// How a daemon runs that is started here.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DaemonOptions {
    /// What an answered edit survives: loss of power, or only our own death
    #[arg(long, value_parser = ["full", "none"], default_value = "full")]
    durability: String,
    /// End when nobody has been connected for so many seconds; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    idle_exit: u64,
    /// Set a limit, as file_bytes=1000000; `session/open` answers with all of them
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    limits: Vec<String>,
}

impl DaemonOptions {
    /// Returns the arguments with which a daemon of `root` is started that runs
    /// this way.
    pub(super) fn arguments(&self, root: &str) -> Vec<String> {
        let idle = self.idle_exit.to_string();
        let fixed = ["serve", "--detached", "--root", root, "--idle-exit", &idle];
        let durability = ["--durability", &self.durability];
        let limits = self.limits.iter().flat_map(|limit| ["--limit", limit]);
        fixed.into_iter().chain(durability).chain(limits).map(str::to_owned).collect()
    }
}

pub(super) fn run(serve: &Serve, common: &Common) -> Result<End, CliError> {
    let root = common.root()?;
    process::give_back_large_memory();
    if serve.stdio {
        return attach(serve, &root);
    }
    if serve.detached {
        process::leave_terminal();
    }
    super::begin_log("info");
    daemon::run(&root, settings(&serve.daemon)?)?;
    Ok(End::Done)
}

fn settings(options: &DaemonOptions) -> Result<Settings, CliError> {
    let durability = match options.durability.as_str() {
        "none" => Durability::None,
        _ => Durability::Full,
    };
    let helper = std::env::current_exe().ok();
    Ok(Settings {
        home: state_home()?,
        options: Options {
            durability,
            limits: limits(&options.limits)?,
            helper,
            surroundings: surroundings(),
            #[cfg(feature = "mutants")]
            lacks: std::env::var("ANCHORD_LACKS").ok(),
        },
        idle: (options.idle_exit > 0).then(|| Duration::from_secs(options.idle_exit)),
    })
}

fn limits(settings: &[String]) -> Result<Limits, CliError> {
    let mut limits = Limits::default();
    for setting in settings {
        let parts =
            setting.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?)));
        if !parts.is_some_and(|(name, value)| limits.set(name, value)) {
            let known: Vec<&str> = limits.entries().iter().map(|(name, _)| *name).collect();
            let text = format!(
                "{setting:?} is no limit: write NAME=VALUE with one of {}",
                known.join(", ")
            );
            return Err(CliError::Usage(text));
        }
    }
    Ok(limits)
}

/// Carries lines between our own standard streams and the daemon.
fn attach(serve: &Serve, root: &Path) -> Result<End, CliError> {
    let place = Place::of(root, &state_home()?)?;
    let program = std::env::current_exe()?;
    let root = place.root.to_string_lossy().into_owned();
    let arguments = serve.daemon.arguments(&root);
    let stream = client::find_or_start(&place.socket(), &program, &arguments, &place.root)?;
    let inward = stream.try_clone()?;
    let over = Arc::new(AtomicBool::new(false));
    let input_ended = Arc::clone(&over);
    std::thread::spawn(move || {
        let _ended = pump(&mut io::stdin().lock(), &mut &inward);
        input_ended.store(true, Ordering::SeqCst);
        // The daemon answers what it has, and then ends the conversation.
        let _gone = inward.shutdown(Shutdown::Write);
    });
    pump(&mut &stream, &mut io::stdout().lock())?;
    match over.load(Ordering::SeqCst) {
        true => Ok(End::Done),
        false => Err(CliError::Usage("the daemon went away; start again to go on".into())),
    }
}

fn pump(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
