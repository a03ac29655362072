//! Guests: language servers as children of this process.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use lsp_bridge::spawn::{Command, Guest, Process, Spawn};
use rustix::fs::{Access, access};

use super::Surroundings;
use crate::process::{Group, Start};

/// Starts language servers for one root.
pub(super) struct Guests {
    root: PathBuf,
    folders: Vec<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    guard: Option<PathBuf>,
}

impl Guests {
    pub(super) fn new(surroundings: &Surroundings, root: &Path) -> Guests {
        let environment = surroundings.environment.clone();
        let path = environment.iter().find(|(name, _)| name == "PATH");
        let folders = path.map(|(_, value)| split(value)).unwrap_or_default();
        Guests { root: root.to_owned(), folders, environment, guard: surroundings.guard.clone() }
    }

    /// Returns the program at `path`, if it can be run. One that lies in the
    /// root, by whatever way, is called by the name that shows it.
    fn program(&self, path: PathBuf) -> Option<PathBuf> {
        let is_program = path.is_file() && access(&path, Access::EXEC_OK).is_ok();
        let real = path.canonicalize().ok().filter(|_| is_program)?;
        Some(if real.starts_with(&self.root) { real } else { path })
    }
}

/// Returns the folders of a search path. A relative one depends on where one
/// stands, which may be a repository, so it does not count.
fn split(path: &OsString) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let parts = path.as_bytes().split(|&byte| byte == b':');
    let folders = parts.map(|part| PathBuf::from(std::ffi::OsStr::from_bytes(part)));
    folders.filter(|folder| folder.is_absolute()).collect()
}

impl Spawn for Guests {
    fn find(&self, program: &str) -> Option<PathBuf> {
        match program.contains('/') {
            true => self.program(PathBuf::from(program).canonicalize().ok()?),
            false => self.folders.iter().find_map(|folder| self.program(folder.join(program))),
        }
    }

    fn spawn(&self, command: &Command) -> io::Result<Guest> {
        let mut environment = self.environment.clone();
        let added = command.environment.iter();
        environment.extend(added.map(|(name, value)| (name.into(), value.into())));
        let (group, streams) = Group::start(Start {
            program: &command.program,
            arguments: &command.arguments,
            directory: &command.directory,
            environment: &environment,
            guard: self.guard.as_deref(),
        })?;
        Ok(Guest {
            input: streams.input,
            output: streams.output,
            errors: streams.errors,
            process: Box::new(Running(group)),
        })
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }
}

struct Running(Group);

impl Process for Running {
    fn id(&self) -> u32 {
        self.0.id()
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.0.memory_bytes()
    }

    fn ended(&mut self) -> Option<String> {
        self.0.ended()
    }

    fn kill(&mut self) {
        self.0.kill();
    }
}
