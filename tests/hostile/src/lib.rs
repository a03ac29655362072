//! Hostile drift: files of look-alikes, what others did to them meanwhile, and
//! pending edits whose right place is known.
//!
//! A file is written from few names and few statements, so that equal bodies,
//! equal lines and names that occur twice are everywhere. Edits are written for
//! it. Then others change it, step by step, and every line keeps its identity
//! through the steps: it moves with its construct, it ends when its content
//! changes, and a copy is another line. So it is known where each edit belongs
//! ([`Truth`]), whatever the text looks like, and whoever relocates edits can
//! be held against it ([`judge`], [`judge_bytes`]).
//!
//! ```
//! use hostile::{Placed, Verdict, case, judge};
//!
//! let case = case(7);
//! let verdict = judge(&case, 0, &Placed::Refused);
//! assert!(verdict >= Verdict::RefusedValid);
//! ```
//!
//! # What the lines are
//!
//! A line ends at LF or CRLF, and its content is what stands before that; there
//! is no lone CR, no byte-order mark and no invalid UTF-8 here. Lines count
//! from 0 and ranges leave their end out. Two lines are the same line if they
//! have the same [`Line::id`]; then their contents are equal, and their
//! terminators may differ. A line that was taken out and put back in its old
//! place is the old line.
//!
//! # What is right
//!
//! - [`Truth::Valid`]: the place is proved. To apply the edit anywhere else is
//!   wrong, to refuse it is a loss.
//! - [`Truth::Loose`]: there are places where the edit may be meant, but a
//!   neighbour is missing, a terminator differs, or another history of the same
//!   texts says otherwise. It may be refused; applied, it must be at one of
//!   them.
//! - [`Truth::Already`]: the drift has done the same. To apply it again is
//!   wrong.
//! - [`Truth::Gone`]: it must be refused.
//!
//! Where a deletion or an insert can slide over equal lines, places differ and
//! bytes do not: then the bytes count ([`Verdict::SameBytes`]).
//!
//! # Histories
//!
//! What happened is known, but two texts do not always show it. If a line is
//! written twice in a row, either can be the old one; if equal lines change
//! places, nothing has changed; to copy a construct and to remove the original
//! is to move it. An edit is valid only if it is so in all such histories, at
//! the same place; and a place that is right in one of them is not wrong. What
//! has another content, or stands within constructs of other names, is never
//! taken for the same.
//!
//! # Ties
//!
//! Some texts have another history that goes further. If a construct goes and
//! another with the same body takes its name, the file looks as if the other
//! had gone. Such a place is judged a [`Verdict::Tie`] instead of wrong;
//! [`Case::tie`] says by what it is told. Ties are to be counted and listed with
//! their seeds. They can be kept rare: who sees that there were two and is one
//! may refuse.
//!
//! # Seeds
//!
//! A case depends on its seed and the [`Options`] alone, on every machine. The
//! generator of numbers is SplitMix64. A change of this crate that changes the
//! cases of a seed changes the digest that its tests hold.

mod apply;
mod case;
mod dice;
mod draft;
mod drift;
mod edit;
mod file;
mod history;
mod judge;
mod options;
mod reading;
mod seeds;
mod show;
mod step;
mod style;
mod truth;
mod write;

pub use case::{Case, case, case_with, cases};
pub use edit::Edit;
pub use file::{Copied, File, Line, Role, Terminator};
pub use history::tie;
pub use judge::{Placed, Verdict, judge, judge_bytes};
pub use options::Options;
pub use seeds::seeds;
pub use show::show;
pub use step::StepKind;
pub use style::Style;
pub use truth::{Missing, Truth};
