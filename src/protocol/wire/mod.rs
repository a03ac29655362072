//! The types as they are written in JSON. Field names are the protocol; unknown
//! fields are refused, so that a misspelt option is never silently ignored.

mod buffer;
mod edit;
mod file;
mod record;
mod servers;
mod session;
mod tool;

pub use buffer::*;
pub use edit::*;
pub use file::*;
pub use record::*;
pub use servers::*;
pub use session::*;
pub use tool::*;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
