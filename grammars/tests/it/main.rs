//! The languages seen from outside: samples, one a language, and what is found
//! in them.

#[cfg(test)]
mod constructs;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod real;
#[cfg(test)]
mod samples;
