//! The tests of the engine's pure part, as one binary: suites that are data
//! (`tests/cases/`), a naive model held against the engine on random edits, and
//! byte probes made elsewhere.

#[cfg(test)]
mod better_hashline;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod constructs;
#[cfg(test)]
mod deviations;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod hostile_drift;
#[cfg(test)]
mod hostile_seeds;
#[cfg(test)]
mod lints;
#[cfg(test)]
mod model;
#[cfg(all(test, feature = "mutants"))]
mod mutants;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod script_text;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod sound;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod triples;
#[cfg(test)]
mod weak;
#[cfg(test)]
mod world;
