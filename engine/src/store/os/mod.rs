//! The disk.
//!
//! On Linux files are compared and swapped so that hardly a save of another
//! program can slip through (`linux`). Elsewhere they are compared, kept by a
//! second name and replaced (`portable`): weaker, and every answer says so.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;

#[cfg(test)]
mod escapes;
#[cfg(test)]
mod races;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
pub use linux::{Facilities, OsFs, Safeguard};
#[cfg(not(target_os = "linux"))]
pub use portable::PortableFs as OsFs;

/// The name of the slot directory that lies beside a target on another file
/// system.
pub const SLOT_DIR: &str = ".anchord";

/// The name of the file in it by which version control passes it over.
const IGNORE: &str = ".gitignore";
