//! The store under attack, as one binary: other programs that save, deaths at
//! every call, losses of power. Files, processes and file systems are real.

#![expect(
    clippy::disallowed_methods,
    reason = "a test plays the people and the programs that do not know us"
)]

#[cfg(test)]
#[path = "../it/dice.rs"]
mod dice;
#[cfg(test)]
#[path = "../it/mounts.rs"]
#[expect(dead_code, reason = "the other binary has more uses for it")]
mod mounts;

#[cfg(test)]
#[path = "../it/world.rs"]
#[expect(dead_code, reason = "the other binary has more uses for it")]
mod world;

#[cfg(test)]
mod images;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod scenes;

#[cfg(test)]
mod deaths;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod fidelity;
#[cfg(all(test, feature = "mutants"))]
mod mutants;
#[cfg(test)]
mod power;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod savers;
#[cfg(test)]
mod soak;
