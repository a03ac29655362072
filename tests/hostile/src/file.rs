//! A file as it was read or as it is now: bytes, and what is known of its lines.

use std::ops::Range;

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Terminator {
    /// `\n`.
    Lf,
    /// `\r\n`.
    CrLf,
    /// The end of the file.
    None,
}

impl Terminator {
    /// Returns the bytes of the terminator.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Terminator::Lf => b"\n",
            Terminator::CrLf => b"\r\n",
            Terminator::None => b"",
        }
    }
}

/// What a line is to its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It opens a named construct.
    Header,
    /// It opens a construct that has no name in its header.
    Open,
    /// It names the construct it stands in.
    Name,
    /// Any other line, blank ones and closing braces included.
    Body,
}

/// A line and who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The identity of the line. The lines of what was read count from 0, so
    /// there the identity is the index; a line of now with the same number is
    /// that line, with the same content, wherever it stands. Lines that the
    /// drift wrote or changed have numbers from `seen.lines.len()` on.
    pub id: u32,
    /// Where its content begins in the bytes.
    pub start: u32,
    /// Where its content ends in the bytes.
    pub end: u32,
    /// How it ends.
    pub terminator: Terminator,
    /// How many constructs enclose it; a header counts not for itself, a
    /// closing line does.
    pub depth: u8,
    /// What it is to its file.
    pub role: Role,
    /// Whether the drift wrote it as a copy.
    pub copied: Option<Copied>,
}

/// Where the content of a copy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The line of what was read.
    pub line: u32,
    /// Which of all copyings it was, so that it is known what was copied
    /// together.
    pub time: u32,
}

/// The bytes of a file, and its lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// The bytes, with every terminator.
    pub bytes: Vec<u8>,
    /// The lines, in order; together with their terminators they are the bytes.
    pub lines: Vec<Line>,
}

impl File {
    /// Returns the content of line `index`, without its terminator.
    pub fn content(&self, index: usize) -> &[u8] {
        let line = self.lines[index];
        &self.bytes[line.start as usize..line.end as usize]
    }

    /// Returns the bytes of some lines, with their terminators.
    pub fn bytes_of(&self, lines: Range<usize>) -> &[u8] {
        let start =
            self.lines.get(lines.start).map_or(self.bytes.len(), |line| line.start as usize);
        let end = self.lines.get(lines.end).map_or(self.bytes.len(), |line| line.start as usize);
        &self.bytes[start..end.max(start)]
    }

    /// Returns for every line a number that stands for the headers of all
    /// constructs around it, from the outermost in: equal numbers mean equal
    /// headers, up to a collision of 64 bits. Takes time linear in the bytes.
    pub fn chains(&self) -> Vec<u64> {
        // Depth, chain of the construct itself, chain with its header or name.
        let mut open: Vec<(u8, u64)> = Vec::new();
        let mut chains = Vec::with_capacity(self.lines.len());
        for (index, line) in self.lines.iter().enumerate() {
            while open.last().is_some_and(|(depth, _)| *depth >= line.depth) {
                open.pop();
            }
            let around = open.last().map_or(0xcbf2_9ce4_8422_2325, |(_, chain)| *chain);
            chains.push(around);
            let own = || extend(around, self.content(index));
            match (line.role, open.last_mut()) {
                (Role::Header | Role::Open, _) => open.push((line.depth, own())),
                (Role::Name, Some(construct)) => construct.1 = own(),
                _ => {}
            }
        }
        chains
    }
}

/// Returns the chain with one header more (FNV-1a, with a byte no line holds).
fn extend(chain: u64, header: &[u8]) -> u64 {
    let bytes = header.iter().chain(b"\n");
    bytes.fold(chain, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Returns a file without any construct, of lines with their identities.
#[cfg(test)]
pub(crate) fn sample(lines: &[(&str, u32)]) -> File {
    let mut file = File::default();
    for (content, id) in lines {
        let start = file.bytes.len() as u32;
        file.bytes.extend_from_slice(content.as_bytes());
        let end = file.bytes.len() as u32;
        file.bytes.push(b'\n');
        let (terminator, role) = (Terminator::Lf, Role::Body);
        file.lines.push(Line { id: *id, start, end, terminator, depth: 0, role, copied: None });
    }
    file
}
