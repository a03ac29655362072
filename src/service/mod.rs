//! The service: sessions, queue, policy and one file an operation, over the
//! files and the state of one root.

pub mod api;
mod buffers;
mod contents;
mod diff;
mod health;
pub mod languages;
mod ledger;
mod mail;
mod names;
mod ops;
pub mod policy;
mod queue;
mod rules;
mod session;
mod streams;
mod sweep;
/// The locks of the queue, which a model checker puts its own in place of.
mod sync {
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard};

    /// Runs a test where these locks work.
    #[cfg(test)]
    pub(super) fn run(test: fn()) {
        test();
    }
}
mod walk;
mod watch;
mod workspace;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::apply::Durability;
use engine::error::{Code, Refusal};
use engine::store::{FsError, OsFs, Trouble};
use grammars::SyntaxCheck;
use grammars::worker::{Channel, Workers};

use crate::process::Worker;
use crate::state::{State, StateError};
use api::{
    Attempt, Call, Context, Fault, Interest, Notes, Reply, Request, Response, Traffic, Wake,
};
use languages::{Languages, Surroundings};
use ledger::{Job, Ledger};
use mail::Mail;
use policy::{Limits, Rules};
use queue::{Queue, Turn};
use rules::{Rules as UserRules, RulesError};
use session::{Session, Sessions};
use streams::Streams;
use watch::Watch;
use workspace::Workspace;

/// Why a root cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state is not readable.
    #[error(transparent)]
    State(#[from] StateError),
    /// The root or its slot directory cannot be opened.
    #[error("{0}")]
    Files(#[from] FsError),
    /// The system gives no thread.
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}

/// How a root is served.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What an answered edit survives.
    pub durability: Durability,
    /// The limits in force.
    pub limits: Limits,
    /// The program that counts tokens when called with `tokens::SERVE`, and
    /// parses what is risky when called with [`PARSE`]. Without one, tokens are
    /// counted in this process, and what is risky is not parsed.
    pub helper: Option<PathBuf>,
    /// What language servers are started with.
    pub surroundings: Surroundings,
    /// The safeguard that is left out on purpose, by its name.
    #[cfg(feature = "mutants")]
    pub lacks: Option<String>,
}

#[cfg(feature = "mutants")]
impl Options {
    /// Returns what the files are served with.
    fn facilities(&self) -> engine::store::os::Facilities {
        engine::store::os::Facilities {
            lacks: self.lacks.as_deref().and_then(engine::store::os::Safeguard::named),
            ..engine::store::os::Facilities::default()
        }
    }
}

/// The service of one root. There is only one at a time: the caller holds the
/// lock of the root.
pub struct Service {
    workspace: Arc<Workspace>,
    sessions: Sessions,
    queue: Queue,
    streams: Streams,
    /// The user's own rules, or why they cannot be read.
    user_rules: Result<UserRules, RulesError>,
    ledger: Ledger,
    /// What sessions are told without asking.
    mail: Arc<Mail>,
    watch: Watch,
    looks: ops::marks::Looks,
    syntax: Arc<SyntaxCheck>,
    languages: Languages,
    rules: Rules,
    durability: Durability,
}

impl Service {
    /// Starts the service of `root`, with its state in the directory `state`
    /// and its slots in the directory `slots`, and puts right what a death left
    /// behind. Where that fails, or the state cannot be opened, files are only
    /// read.
    ///
    /// # Errors
    /// [`StartError`]; nothing is changed then.
    pub fn start(
        root: &Path,
        state: &Path,
        slots: &Path,
        options: Options,
    ) -> Result<Service, StartError> {
        let state =
            State::open(state, options.durability == Durability::Full).or_else(State::stand_in)?;
        #[cfg(not(feature = "mutants"))]
        let fs = OsFs::open(root, slots, &state.name())?;
        #[cfg(feature = "mutants")]
        let fs = {
            state.leave_out(options.lacks.as_deref().unwrap_or_default());
            OsFs::open_with(root, slots, &state.name(), options.facilities())?
        };
        let workspace = Arc::new(Workspace::new(root, fs, state, options.limits));
        if let Err(refusal) = health::recover(&workspace, options.durability) {
            workspace.health.enter(Trouble::Unfinished, &refusal.to_string());
        }
        let mail = Arc::<Mail>::default();
        let syntax = Arc::new(syntax_check(options.helper.clone()));
        Ok(Service {
            watch: Watch::new(root, Arc::clone(&mail)),
            looks: ops::marks::Looks::default(),
            languages: Languages::new(&workspace, &syntax, &mail, &options.surroundings),
            mail,
            syntax,
            ledger: Ledger::start(Arc::clone(&workspace), options.helper)?,
            workspace,
            sessions: Sessions::default(),
            queue: Queue::default(),
            streams: Streams::default(),
            user_rules: UserRules::of(&options.surroundings.configuration),
            rules: Rules::configured(&options.surroundings.configuration, root),
            durability: options.durability,
        })
    }

    /// Finishes what can wait and folds the log, for a clean end.
    pub fn stop(&self) {
        self.languages.stop();
        self.ledger.stop();
        let state = &self.workspace.state;
        let kept = self.workspace.store_what_we_wrote();
        if let Err(error) = kept.and_then(|()| state.flush_settled()).and_then(|()| state.close()) {
            tracing::warn!("at the end: {error}");
        }
    }

    /// Returns the session that speaks.
    fn session(&self, context: &Context) -> Result<Arc<Session>, Fault> {
        let id = context.session.as_deref().ok_or(Fault::NotOpened)?;
        self.sessions.get(id, &self.workspace.state).map_err(internal)?.ok_or(Fault::NotOpened)
    }

    /// Returns the user's own rules.
    ///
    /// # Errors
    /// `denied` where they cannot be read: what they forbid would be done.
    fn user_rules(&self) -> Result<&UserRules, Refusal> {
        self.user_rules.as_ref().map_err(|why| {
            let text = format!("the rules of your configuration cannot be read: {why}");
            Refusal::new(Code::Denied, text)
        })
    }

    /// Waits for the turn at some files.
    fn turn(&self, mut paths: Vec<engine::store::RelPath>) -> Result<Turn<'_>, Refusal> {
        paths.sort();
        paths.dedup();
        self.queue.take(paths, Duration::from_millis(self.workspace.limits.wait_ms))
    }
}

impl Call for Service {
    fn call(&self, request: Request, context: &Context) -> Result<Reply, Fault> {
        if context.cancel.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        self.workspace.health.see_to_halves(&self.workspace, self.durability);
        match request {
            Request::Open(open) => ops::open::open(self, open),
            Request::Read(read) => ops::read::read(self, &read, &*self.session(context)?),
            Request::List(list) => ops::list::list(self, list, &*self.session(context)?),
            Request::Search(search) => {
                ops::search::search(self, search, &*self.session(context)?, &context.cancel)
            }
            Request::Outline(outline) => {
                ops::outline::outline(self, &outline, &*self.session(context)?)
            }
            Request::Pattern(pattern) => {
                ops::pattern::pattern(self, pattern, &*self.session(context)?, &context.cancel)
            }
            Request::Apply(apply) => ops::apply::apply(self, apply, &*self.session(context)?),
            Request::Stream(step) => ops::stream::stream(self, step, &*self.session(context)?),
            Request::Diagnose(diagnose) => {
                ops::diagnose::diagnose(self, &diagnose, &*self.session(context)?)
            }
            Request::Rename(rename) => ops::rename::rename(self, &rename, &*self.session(context)?),
            Request::RenameFile(rename) => {
                ops::rename::rename_file(self, &rename, &*self.session(context)?)
            }
            Request::Ask(ask) => ops::ask::ask(self, &ask, &*self.session(context)?),
            Request::Actions(actions) => {
                ops::actions::actions(self, &actions, &*self.session(context)?)
            }
            Request::Format(format) => ops::format::format(self, &format, &*self.session(context)?),
            Request::Servers => ops::servers::servers(self),
            Request::Retry(retry) => ops::retry::retry(self, &retry, &*self.session(context)?),
            Request::Undo(undo) => ops::undo::undo(self, &undo, &*self.session(context)?),
            Request::Redo => ops::undo::redo(self, &*self.session(context)?),
            Request::Log(log) => ops::log::log(self, &log),
            Request::Show(show) => ops::show::show(self, &show),
            Request::Stats(stats) => ops::stats::stats(self, &stats),
            Request::Tail(tail) => ops::tail::tail(self, &tail),
            Request::Examine => ops::examine::examine(self),
            Request::Buffer(buffer) => ops::buffer::heed(self, buffer, &*self.session(context)?),
            Request::EditorAnswer(answer) => ops::buffer::answered(self, answer),
            Request::Marks { path } => ops::marks::marks(self, &path, &*self.session(context)?),
            Request::Accept(accept) => ops::marks::accept(self, &accept, &*self.session(context)?),
            Request::Resolve(resolve) => {
                ops::marks::resolve(self, &resolve, &*self.session(context)?)
            }
        }
    }

    fn count(&self, attempt: Attempt, sent: Traffic) {
        let job = Job::Count(Box::new((attempt, sent)));
        if let Err(Job::Count(job)) = self.ledger.send(job) {
            let cost = ledger::estimated(&job.0, &job.1);
            if let Err(error) = self.workspace.state.put_costs(&[(job.0.event, cost)]) {
                tracing::warn!("counting: {error}");
            }
        }
    }

    fn limits(&self) -> Limits {
        self.workspace.limits.clone()
    }

    fn is_quick(&self) -> bool {
        // An edit may wait for an editor, which others of its threads must hear.
        self.durability == Durability::None && !self.mail.is_heard()
    }

    fn listen(&self, session: &str, interest: Interest, wake: Wake) -> Result<u64, Fault> {
        let context = Context { session: Some(session.to_owned()), ..Context::default() };
        ops::notes::listen(self, &*self.session(&context)?, interest, wake)
    }

    fn notes(&self, listener: u64) -> Notes {
        ops::notes::take(self, listener)
    }

    fn hang_up(&self, listener: u64) {
        ops::buffer::hang_up(self, listener);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The name under which the program parses for others.
pub const PARSE: &str = "parse-risky";

/// How many processes parse at once, at most.
const PARSERS: usize = 2;

/// How long a risky parse may take.
const PARSE_PATIENCE: Duration = Duration::from_secs(2);

/// How long the process that parses for others tries before it gives up.
const PARSE_TIME: Duration = Duration::from_millis(1500);

/// Parses what is asked on `input` and answers on `output`, until the input
/// ends: what a process does that was called with [`PARSE`].
///
/// # Errors
/// Where the streams fail, or what comes is no request.
pub fn parse_for_others(input: &mut dyn Read, output: &mut dyn Write) -> std::io::Result<()> {
    grammars::worker::serve(input, output, PARSE_TIME)
}

/// Returns the syntax check, which gives what is risky to children of `helper`.
fn syntax_check(helper: Option<PathBuf>) -> SyntaxCheck {
    let Some(program) = helper else { return SyntaxCheck::default() };
    let spawn = move || {
        let worker = Worker::spawn(&program, &[PARSE], PARSE_PATIENCE)?;
        Ok(Box::new(worker) as Box<dyn Channel>)
    };
    SyntaxCheck::with_workers(Workers::new(Box::new(spawn), PARSERS, PARSE_PATIENCE))
}

/// Returns an answer that has nothing to count.
fn plain(response: Response) -> Reply {
    Reply { response, attempt: None }
}

/// Returns the time in milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

fn internal(error: StateError) -> Fault {
    Fault::Internal(error.to_string())
}
