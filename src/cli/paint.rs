//! Output for people: colour where a terminal can show it and `NO_COLOR` does
//! not forbid it, through a handle that survives a closed pipe.

use std::io::{self, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

/// Standard output.
pub(super) struct Paint {
    out: AutoStream<io::Stdout>,
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();
const TITLE: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

impl Paint {
    pub(super) fn stdout() -> Paint {
        Paint { out: AutoStream::auto(io::stdout()) }
    }

    /// Writes text as it is.
    pub(super) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Writes a line.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Writes a line that says what went well.
    pub(super) fn good(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{GOOD}{text}{GOOD:#}")
    }

    /// Writes a line that says what did not.
    pub(super) fn bad(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{BAD}{text}{BAD:#}")
    }

    /// Writes a line that names what follows.
    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{TITLE}{text}{TITLE:#}")
    }

    /// Writes a line that need not be read.
    pub(super) fn faint(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{FAINT}{text}{FAINT:#}")
    }

    /// Writes rows whose numbers end with a tab.
    pub(super) fn rows(&mut self, rows: &str) -> io::Result<()> {
        for row in rows.lines() {
            match row.split_once('\t') {
                Some((number, text)) => writeln!(self.out, "{FAINT}{number}{FAINT:#}\t{text}")?,
                None => writeln!(self.out, "{row}")?,
            }
        }
        Ok(())
    }

    /// Writes a unified diff.
    pub(super) fn diff(&mut self, diff: &str) -> io::Result<()> {
        for row in diff.lines() {
            match row.as_bytes() {
                [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => self.title(row)?,
                [b'+', ..] => self.good(row)?,
                [b'-', ..] => self.bad(row)?,
                [b'@', ..] => writeln!(self.out, "{PLACE}{row}{PLACE:#}")?,
                _ => self.line(row)?,
            }
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes to standard error what went wrong.
pub(super) fn complain(text: &str) {
    let _nobody_listens = writeln!(anstream::stderr(), "{BAD}error:{BAD:#} {text}");
}
