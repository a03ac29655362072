//! The tests of the whole program, as one binary: real processes, real sockets,
//! real files.

#![expect(
    clippy::disallowed_methods,
    reason = "a test plays the people and the programs that do not know us"
)]

#[cfg(test)]
mod chain;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod model_editor;
#[cfg(test)]
mod mounts;
#[cfg(test)]
mod real_editor;
#[cfg(test)]
#[path = "../../engine/tests/it/suite.rs"]
#[expect(dead_code, reason = "the suites of the engine use all of it")]
mod suite;
#[cfg(test)]
mod world;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod bench_drift;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod degraded;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod editors;
#[cfg(test)]
mod files;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod meet;
#[cfg(test)]
mod outline;
#[cfg(test)]
mod patterns;
#[cfg(test)]
mod real;
#[cfg(test)]
mod real_editors;
#[cfg(test)]
mod real_retries;
#[cfg(test)]
mod rejections;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod rpc;
#[cfg(test)]
mod search;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod symbols;
#[cfg(test)]
mod tidy;

#[cfg(test)]
mod undo;
