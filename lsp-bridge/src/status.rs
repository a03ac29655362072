//! What runs and what could: for people who ask how things are.

use crate::server::Readiness;
use crate::supervisor::Supervisor;
use crate::table::Role;

/// One server of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// Its row of the table.
    pub name: String,
    /// The folder of its project beneath the root; empty for the root itself.
    pub project: String,
    /// How it is.
    pub state: State,
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running {
        /// The id that the system knows it by.
        process: u32,
        /// How often servers were started in this root, with this one.
        epoch: u64,
        /// What it knows of its project.
        readiness: Readiness,
        /// What it is doing, in its own words.
        doing: Vec<String>,
        /// The memory that it holds with all that it started, in bytes.
        memory_bytes: Option<u64>,
        /// Documents that are open at it.
        documents: usize,
        /// Seconds since its start.
        seconds: u64,
        /// The last rows of its standard error.
        complaints: Vec<String>,
    },
    /// It ended, and not by our wish.
    Down {
        /// What happened.
        why: String,
    },
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// What it does for a file.
    pub role: Role,
    /// The protocol's names of its languages.
    pub languages: Vec<String>,
    /// Where its program lies, or why it is not used.
    pub program: Result<std::path::PathBuf, String>,
    /// How a person gets it.
    pub install: String,
}

/// Returns all servers that run or are down.
pub(crate) fn of_running(supervisor: &Supervisor) -> Vec<ServerStatus> {
    let running = supervisor.running().into_iter().map(|server| ServerStatus {
        name: server.spec.name.clone(),
        project: server.project.clone(),
        state: State::Running {
            process: server.process_id(),
            epoch: server.epoch,
            readiness: server.readiness(),
            doing: server.known.look(|said| said.progress.titles()),
            memory_bytes: server.memory_bytes(),
            documents: server.open_paths().len(),
            seconds: server.started.elapsed().as_secs(),
            complaints: server.complaints(),
        },
    });
    let down = supervisor.failures().into_iter().map(|(name, project, why)| {
        let state = State::Down { why };
        ServerStatus { name, project, state }
    });
    running.chain(down).collect()
}

/// Returns for each row of the table whether it is installed and allowed.
pub(crate) fn of_table(supervisor: &Supervisor) -> Vec<Installed> {
    let rows = supervisor.specs().map(|spec| Installed {
        name: spec.name.clone(),
        role: spec.role,
        languages: spec.languages.keys().cloned().collect(),
        program: supervisor.program(spec).map_err(|error| error.to_string()),
        install: spec.install.clone(),
    });
    rows.collect()
}
