//! The bridge seen from outside: against the fake server, which does whatever a
//! server should not, and against real servers where they are installed.

mod findings;
mod knowledge;
mod life;
mod project;
mod real;
mod renames;
mod rig;
