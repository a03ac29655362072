//! The user's configuration: one file of JSON, outside every root.

use std::io;
use std::path::{Path, PathBuf};

use crate::service::languages::Configured;

/// The most that it may hold, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Returns where the configuration lies, beneath `home`: `$XDG_CONFIG_HOME`.
pub fn configuration_path(home: &Path) -> PathBuf {
    home.join("anchord/config.json")
}

/// Returns the configuration beneath `home`; an empty one where there is none.
pub fn configuration(home: &Path) -> Configured {
    let path = configuration_path(home);
    match read(&path) {
        Ok(text) => Configured::Text(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Configured::default(),
        Err(error) => Configured::Unreadable(format!("{}: {error}", path.display())),
    }
}

#[expect(clippy::disallowed_methods, reason = "the user's own file, which lies in no root")]
fn read(path: &Path) -> io::Result<String> {
    let too_large = std::fs::metadata(path)?.len() > MOST_BYTES;
    match too_large {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large")),
        false => std::fs::read_to_string(path),
    }
}
