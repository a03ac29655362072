//! The table: what each format costs, and what each gutter adds to a read.

use std::fmt::{self, Display};

/// Tokens of every edit in one format.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) counts: Vec<usize>,
}

impl Column {
    fn mean(&self) -> f64 {
        self.total() as f64 / self.counts.len() as f64
    }

    fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Returns the smallest count that at least `percent` % of the edits do not
    /// pass.
    fn percentile(&self, percent: usize) -> usize {
        let mut sorted = self.counts.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted[rank.saturating_sub(1)]
    }
}

/// The tokens of all formats, as a Markdown table.
pub(crate) struct Formats<'a> {
    /// The new text alone, against which the others are held.
    pub(crate) new_text: &'a Column,
    pub(crate) columns: &'a [Column],
}

impl Display for Formats<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| tokens an edit    |   mean | median |    p95 | over new text | new text |")?;
        writeln!(f, "|-------------------|-------:|-------:|-------:|--------------:|---------:|")?;
        for column in std::iter::once(self.new_text).chain(self.columns) {
            let over = column.mean() - self.new_text.mean();
            let share = 100.0 * self.new_text.total() as f64 / column.total() as f64;
            writeln!(
                f,
                "| {:17} | {:6.1} | {:6} | {:6} | {:13.1} | {:6.1} % |",
                column.name,
                column.mean(),
                column.percentile(50),
                column.percentile(95),
                over,
                share,
            )?;
        }
        Ok(())
    }
}

/// Tokens of all reads with one gutter.
pub(crate) struct Read {
    pub(crate) gutter: &'static str,
    pub(crate) tokens: usize,
}

/// What the gutters add to a read, as a Markdown table.
pub(crate) struct Gutters<'a> {
    pub(crate) lines: usize,
    /// The text without any gutter comes last.
    pub(crate) reads: &'a [Read],
}

impl Display for Gutters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| gutter | tokens a line | over the text | in % |")?;
        writeln!(f, "|--------|--------------:|--------------:|-----:|")?;
        let plain = self.reads.last().map_or(0, |read| read.tokens) as f64;
        let lines = self.lines as f64;
        for read in self.reads {
            let tokens = read.tokens as f64;
            writeln!(
                f,
                "| {:6} | {:13.2} | {:13.2} | {:4.0} |",
                read.gutter,
                tokens / lines,
                (tokens - plain) / lines,
                100.0 * (tokens - plain) / plain,
            )?;
        }
        Ok(())
    }
}
