//! Framing: message bodies in a stream, each after a header that tells its
//! length.
//!
//! Servers are guests. A header may be written in any letter case, end its lines
//! in LF and hold fields we do not know; the content type is always taken for
//! UTF-8. A line that is no header (a server that prints to its standard output)
//! is reported once and passed over. What claims to be larger than the limits is
//! not read at all.

use std::io;
use std::mem;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// How much of a stream one message may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of a header with all its lines.
    pub header_bytes: usize,
    /// Length of a body.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { header_bytes: 16 << 10, body_bytes: 64 << 20 }
    }
}

/// Why there is no next message body.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A line that is no header field. The reader stands behind it and forgets
    /// nothing: who bears with junk reads on.
    #[error("junk where a header should be: {0:?}")]
    Junk(String),
    /// A header that ends without a usable `Content-Length`. The reader stands
    /// behind it, at a body of unknown length.
    #[error("a header without a usable Content-Length: {0:?}")]
    NoLength(String),
    /// A header longer than the limit. The stream is of no more use.
    #[error("a header of more than {limit} bytes")]
    HeaderTooLong {
        /// The limit.
        limit: usize,
    },
    /// A body longer than the limit. The stream is of no more use.
    #[error("a body of {length} bytes, more than {limit}")]
    BodyTooLong {
        /// What the header says, or the largest number where it says more.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The stream ended within a header.
    #[error("the stream ended within a header")]
    HeaderTruncated,
    /// The stream ended within a body.
    #[error("the stream ended after {got} of {length} bytes")]
    BodyTruncated {
        /// What the header says.
        length: usize,
        /// What came.
        got: usize,
    },
    /// The stream could not be read.
    #[error("the stream cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl FrameError {
    /// Returns whether the reader may be asked for the next message.
    pub fn is_recoverable(&self) -> bool {
        matches!(self, FrameError::Junk(_) | FrameError::NoLength(_))
    }
}

/// Reads message bodies from a stream. It reads nothing beyond the message it
/// returns, save what the stream itself buffers.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    limits: Limits,
    /// What was read of a header before a line of junk in its midst.
    header: Header,
}

impl<R: AsyncBufRead + Unpin> FrameReader<R> {
    /// Returns a reader of the messages in `stream`.
    pub fn new(stream: R, limits: Limits) -> FrameReader<R> {
        FrameReader { stream, limits, header: Header::default() }
    }

    /// Returns the next body, or `None` where the stream ends between messages.
    ///
    /// # Errors
    /// [`FrameError`]; after one that [is recoverable](FrameError::is_recoverable)
    /// the next call looks for the next message.
    pub async fn read(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        match self.read_header().await? {
            Some(length) => self.read_body(length).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns the length that the next header tells.
    async fn read_header(&mut self) -> Result<Option<usize>, FrameError> {
        let mut left = self.limits.header_bytes;
        loop {
            let line = self.read_line(&mut left).await?;
            if line.is_empty() {
                return match self.header.is_empty() {
                    true => Ok(None),
                    false => Err(FrameError::HeaderTruncated),
                };
            }
            match line.trim_ascii() {
                // Some servers end a body with an empty line.
                b"" if self.header.is_empty() => {}
                b"" => return mem::take(&mut self.header).length().map(Some),
                field => self.header.add(field)?,
            }
        }
    }

    /// Returns the next line with its terminator; empty at the end of the
    /// stream.
    async fn read_line(&mut self, left: &mut usize) -> Result<Vec<u8>, FrameError> {
        let mut line = Vec::new();
        let mut window = (&mut self.stream).take(*left as u64);
        window.read_until(b'\n', &mut line).await?;
        *left -= line.len();
        if line.ends_with(b"\n") || line.is_empty() && *left > 0 {
            Ok(line)
        } else if *left == 0 {
            let limit = self.limits.header_bytes;
            Err(FrameError::HeaderTooLong { limit })
        } else {
            Err(FrameError::HeaderTruncated)
        }
    }

    async fn read_body(&mut self, length: usize) -> Result<Vec<u8>, FrameError> {
        let limit = self.limits.body_bytes;
        if length > limit {
            return Err(FrameError::BodyTooLong { length, limit });
        }
        // It grows with what comes: a header alone claims no memory.
        let mut body = Vec::new();
        let mut window = (&mut self.stream).take(length as u64);
        let got = window.read_to_end(&mut body).await?;
        match got == length {
            true => Ok(body),
            false => Err(FrameError::BodyTruncated { length, got }),
        }
    }
}

/// Returns `body` behind its header, as it is written to a server.
pub fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    frame.extend_from_slice(body);
    frame
}

/// What is known of a header so far.
#[derive(Debug, Default)]
struct Header {
    fields: usize,
    lengths: Vec<String>,
}

impl Header {
    fn is_empty(&self) -> bool {
        self.fields == 0
    }

    fn add(&mut self, field: &[u8]) -> Result<(), FrameError> {
        let Some((name, value)) = split_field(field) else {
            return Err(FrameError::Junk(shown(field)));
        };
        self.fields += 1;
        if name.eq_ignore_ascii_case(b"content-length") {
            self.lengths.push(shown(value));
        }
        Ok(())
    }

    /// Returns the one length that the header tells. Digits beyond the largest
    /// number mean the largest number, which no limit allows.
    fn length(self) -> Result<usize, FrameError> {
        let is_number =
            |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match self.lengths.as_slice() {
            [first, rest @ ..] if is_number(first) && rest.iter().all(|other| other == first) => {
                Ok(first.parse().unwrap_or(usize::MAX))
            }
            lengths => Err(FrameError::NoLength(lengths.join(", "))),
        }
    }
}

/// Returns name and value of a header field. Names are tokens: a line of prose
/// with a colon in it is no field.
fn split_field(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = field.iter().position(|&byte| byte == b':')?;
    let name = field[..colon].trim_ascii();
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_name = !name.is_empty() && name.iter().all(is_token);
    is_name.then(|| (name, field[colon + 1..].trim_ascii()))
}

/// Returns the beginning of what a server sent, for people to read.
fn shown(bytes: &[u8]) -> String {
    let head = bytes.get(..80).unwrap_or(bytes);
    String::from_utf8_lossy(head).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncRead;

    const LIMITS: Limits = Limits { header_bytes: 200, body_bytes: 1000 };

    /// Returns a stream that hands out `bytes` in pieces.
    fn pieces(bytes: &[u8], cuts: &[usize]) -> impl AsyncBufRead + Unpin {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let pieces = cuts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec());
        let mut stream: Box<dyn AsyncRead + Unpin> = Box::new(tokio::io::empty());
        for piece in pieces.collect::<Vec<_>>().into_iter().rev() {
            stream = Box::new(io::Cursor::new(piece).chain(stream));
        }
        tokio::io::BufReader::new(stream)
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(future)
    }

    /// Returns everything that a reader says about `stream` until it is of no
    /// more use.
    fn read_all(stream: impl AsyncBufRead + Unpin) -> Vec<String> {
        let mut reader = FrameReader::new(stream, LIMITS);
        let mut said = Vec::new();
        loop {
            match now(reader.read()) {
                Ok(Some(body)) => said.push(String::from_utf8_lossy(&body).into_owned()),
                Ok(None) => return said,
                Err(error) => {
                    said.push(format!("! {error}"));
                    if !error.is_recoverable() {
                        return said;
                    }
                }
            }
        }
    }

    #[track_caller]
    fn check(stream: &str, expected: &[&str]) {
        assert_eq!(read_all(stream.as_bytes()), expected);
    }

    #[test]
    fn bodies_come_one_by_one() {
        check("", &[]);
        check("Content-Length: 2\r\n\r\n{}Content-Length: 0\r\n\r\n", &["{}", ""]);
    }

    #[test]
    fn headers_are_read_leniently() {
        check("content-LENGTH :2\n\n{}", &["{}"]);
        check("Content-Type: x; charset=utf8\r\nContent-Length: 2\r\n\r\n{}", &["{}"]);
        check("X-Unknown: 1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", &["{}"]);
        check("\r\n\nContent-Length: 2\r\n\r\n{}\n", &["{}"]);
    }

    #[test]
    fn junk_is_reported_and_passed_over() {
        check(
            "Loading 3 plugins: ok\nContent-Length: 2\r\n\r\n{}",
            &["! junk where a header should be: \"Loading 3 plugins: ok\"", "{}"],
        );
        check(
            "Content-Length: 2\r\noops\r\n\r\n{}",
            &["! junk where a header should be: \"oops\"", "{}"],
        );
    }

    #[test]
    fn a_header_must_tell_one_length() {
        let error = "! a header without a usable Content-Length: ";
        let with = |length: &str| vec![format!("{error}{length:?}")];
        let read = |stream: &str| read_all(stream.as_bytes());
        assert_eq!(read("Content-Type: x\r\n\r\n"), with(""));
        assert_eq!(read("Content-Length: -1\r\n\r\n"), with("-1"));
        assert_eq!(read("Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), with("1, 2"));
    }

    #[test]
    fn a_stream_that_ends_too_soon_is_truncated() {
        check("Content-Le", &["! the stream ended within a header"]);
        check("Content-Length: 2\r\n", &["! the stream ended within a header"]);
        check("Content-Length: 3\r\n\r\n{}", &["! the stream ended after 2 of 3 bytes"]);
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let endless = format!("Content-Length: 2\r\nX: {}", "x".repeat(300));
        check(&endless, &["! a header of more than 200 bytes"]);
        check("Content-Length: 1001\r\n\r\n", &["! a body of 1001 bytes, more than 1000"]);
        let digits = "9".repeat(50);
        let said = read_all(format!("Content-Length: {digits}\r\n\r\n").as_bytes());
        assert_eq!(said, [format!("! a body of {} bytes, more than 1000", usize::MAX)]);
    }

    #[test]
    fn what_is_written_is_read() {
        let stream = framed("{\"ä\":1}".as_bytes());
        assert_eq!(stream, "Content-Length: 8\r\n\r\n{\"ä\":1}".as_bytes());
        assert_eq!(read_all(stream.as_slice()), ["{\"ä\":1}"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_split_of_the_stream_reads_the_same(
            parts in prop::collection::vec(
                prop_oneof![
                    "[{}a\r\n]{0,9}".prop_map(|body| format!("Content-Length: {}\r\n\r\n{body}", body.len())),
                    "[a: \r\n]{0,9}",
                    "Content-Length: [0-9]{1,3}\r\n",
                ],
                0..6,
            ),
            cuts in prop::collection::vec(any::<usize>(), 0..20),
        ) {
            let stream = parts.concat();
            let pieces = pieces(stream.as_bytes(), &cuts);
            prop_assert_eq!(read_all(pieces), read_all(stream.as_bytes()));
        }

        #[test]
        fn what_is_written_is_read_from_any_split(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            cuts in prop::collection::vec(any::<usize>(), 0..20),
        ) {
            let stream: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
            let mut reader = FrameReader::new(pieces(&stream, &cuts), LIMITS);
            for body in bodies {
                prop_assert_eq!(now(reader.read()).expect("a whole message"), Some(body));
            }
            prop_assert!(now(reader.read()).expect("the end").is_none());
        }
    }
}
