//! Drift: where lines that an author saw stand now.
//!
//! Our own edits are recorded, so positions map through them exactly (`own`).
//! What others did is read from a line diff (`lines`, `matching`), and a place
//! is taken only where it can be proved (`rule`, `certainty`): its lines and
//! both its neighbours are unchanged, and their identity does not rest on
//! look-alikes but on a named construct (`constructs`, `identity`, `outline`).
//! What a refusal offers (`clues`) has to be proved as well (`offers`).
//! `docs/formats.md` holds the rule as a specification.

mod certainty;
mod clause;
mod clues;
mod constructs;
mod identity;
mod lines;
mod matching;
mod offers;
mod outline;
mod own;
mod rule;
mod trail;

pub use clause::Clause;
pub use clues::{Clues, Drifted, MOST_CANDIDATES, MOST_DRIFT_LINES};
pub use constructs::{Construct, Constructs, Named, Nesting};
pub use own::line_hunks;
pub use rule::{Comparison, Doubt, Hunk, Verdict};
pub use trail::{By, Link, Placement, Since, Trail};
