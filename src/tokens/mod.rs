//! Tokenizers, by name. Every figure in tokens says which one it was counted
//! with.

/// The tokenizer that counts by default: o200k of OpenAI, exact.
pub const DEFAULT: &str = "o200k";

/// Returns the number of o200k tokens of `text`. Runs at 15 to 35 MB/s; the
/// first call loads the vocabulary.
pub fn count(text: &str) -> usize {
    bpe_openai::o200k_base().count(text)
}

/// Returns about how many tokens `bytes` bytes of code have: o200k has 3.54
/// bytes a token on code. An estimate must be marked as one.
pub fn estimate(bytes: usize) -> usize {
    bytes * 100 / 354
}
