//! The wire of the fake server: messages in, messages and junk out.

use std::io::{self, BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Returns the next message, or `None` at the end of the input.
pub(crate) fn read(input: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim() {
            "" => break,
            field => {
                if let Some(value) = field.strip_prefix("Content-Length:") {
                    length = value.trim().parse().ok()?;
                }
            }
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// Writes a row to the standard error.
pub(crate) fn complain(row: &str) {
    // Nobody may read it.
    let _closed = writeln!(io::stderr(), "{row}");
}

/// The standard output, one message at a time.
#[derive(Clone, Default)]
pub(crate) struct Outgoing(Arc<Mutex<()>>);

impl Outgoing {
    pub(crate) fn send(&self, message: &Value) {
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes(), 1);
    }

    /// Writes `bytes`, `count` times. A client that is gone ends the server.
    pub(crate) fn raw(&self, bytes: &[u8], count: usize) {
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut output = io::stdout().lock();
        let written = (0..count).try_for_each(|_| output.write_all(bytes));
        if written.and_then(|()| output.flush()).is_err() {
            std::process::exit(1);
        }
    }
}
