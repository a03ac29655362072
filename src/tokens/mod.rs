//! Tokenizers, by name. Every figure in tokens says which one it was counted
//! with.

use std::io::{self, BufReader, BufWriter, Read, Write};

/// The tokenizer that counts by default: o200k of OpenAI, exact.
pub const DEFAULT: &str = "o200k";

/// The argument with which the program serves [`ask`] on its standard streams.
pub const SERVE: &str = "count-tokens";

/// Returns the number of o200k tokens of `text`. Runs at 15 to 35 MB/s; the
/// first call loads the vocabulary, which takes 70 ms and 70 MB.
pub fn count(text: &str) -> usize {
    bpe_openai::o200k_base().count(text)
}

/// Returns about how many tokens `bytes` bytes of code have: o200k has 3.54
/// bytes a token on code. An estimate must be marked as one.
pub fn estimate(bytes: usize) -> usize {
    bytes * 100 / 354
}

/// How many texts are asked for before an answer is read: the answers to them
/// must fit into a pipe, or both ends would wait for each other.
const AT_ONCE: usize = 256;

/// Returns the number of tokens of each text by the word of whoever runs
/// [`serve`] at the other end.
///
/// # Errors
/// Where the other end goes away or answers too late.
pub fn ask(other: &mut (impl Read + Write), texts: &[&str]) -> io::Result<Vec<usize>> {
    let mut counts = Vec::with_capacity(texts.len());
    for texts in texts.chunks(AT_ONCE) {
        let mut message = Vec::with_capacity(texts.iter().map(|text| text.len() + 8).sum());
        for text in texts {
            message.extend((text.len() as u64).to_le_bytes());
            message.extend(text.as_bytes());
        }
        other.write_all(&message)?;
        other.flush()?;
        let mut answer = vec![0; texts.len() * 8];
        other.read_exact(&mut answer)?;
        let count =
            |bytes: &[u8]| bytes.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte));
        counts.extend(answer.chunks(8).map(count));
    }
    Ok(counts)
}

/// Counts what is asked for on `input` until it ends: a length (8 bytes,
/// little-endian) and a text each, answered by a count of 8 bytes. The answers
/// to what comes together go together.
///
/// # Errors
/// Where a text is no UTF-8, or `output` is closed.
pub fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let mut output = BufWriter::new(output);
    loop {
        if input.buffer().is_empty() {
            output.flush()?;
        }
        let len = match read_number(&mut input) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            len => len?,
        };
        let mut text = String::new();
        if input.by_ref().take(len).read_to_string(&mut text)? as u64 != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        output.write_all(&(count(&text) as u64).to_le_bytes())?;
    }
}

fn read_number(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_counted() {
        let mut asked = Vec::new();
        for text in ["", "fn main() {}\n", "é"] {
            asked.extend((text.len() as u64).to_le_bytes());
            asked.extend(text.as_bytes());
        }
        let mut counts = Vec::new();
        serve(&mut &asked[..], &mut counts).unwrap();
        let counts: Vec<u64> =
            counts.chunks(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap())).collect();
        assert_eq!(counts, [0, count("fn main() {}\n") as u64, 1]);
    }

    /// An end that has answered already, and keeps what it is asked.
    struct Answered<'a>(&'a [u8], Vec<u8>);

    impl Read for Answered<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Answered<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_text_gets_its_own_count() {
        let texts: Vec<String> = (0..AT_ONCE + 3).map(|n| "a b ".repeat(n % 7)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut asked = Vec::new();
        for text in &texts {
            asked.extend((text.len() as u64).to_le_bytes());
            asked.extend(text.as_bytes());
        }
        let mut answers = Vec::new();
        serve(&mut &asked[..], &mut answers).unwrap();
        let mut other = Answered(&answers, Vec::new());
        let counts: Vec<usize> = texts.iter().map(|text| count(text)).collect();
        assert_eq!(ask(&mut other, &texts).unwrap(), counts);
        assert_eq!(other.1, asked);
    }

    #[test]
    fn a_text_that_breaks_off_is_an_error() {
        let mut asked = 9_u64.to_le_bytes().to_vec();
        asked.extend(b"short");
        assert!(serve(&mut &asked[..], &mut Vec::new()).is_err());
    }
}
