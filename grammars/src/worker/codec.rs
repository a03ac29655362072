//! The frames between a daemon and its worker: a length of four bytes, then so
//! many bytes. Numbers are little-endian; what has a length begins with it. Both
//! ends are this program, yet neither trusts the other: every length is held
//! against what is there, so that a broken worker costs an error and no more.

use std::io::{self, Read, Write};

/// The longest frame.
pub(super) const FRAME_MAX: usize = 64 << 20;

/// Writes one frame and flushes it.
pub(super) fn write_frame(output: &mut dyn Write, frame: &[u8]) -> io::Result<()> {
    if frame.len() > FRAME_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a frame over the limit"));
    }
    output.write_all(&(frame.len() as u32).to_le_bytes())?;
    output.write_all(frame)?;
    output.flush()
}

/// Returns the next frame; `None` where the input ends before it begins.
pub(super) fn read_frame(input: &mut dyn Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    let mut have = 0;
    while have < len.len() {
        match input.read(&mut len[have..]) {
            Ok(0) if have == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => have += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let len = u32::from_le_bytes(len) as usize;
    if len > FRAME_MAX {
        return Err(malformed());
    }
    // The room grows with what arrives, not with what was announced.
    let mut frame = Vec::new();
    input.take(len as u64).read_to_end(&mut frame)?;
    match frame.len() == len {
        true => Ok(Some(frame)),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Returns the error of a frame that does not say what it should.
pub(super) fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a malformed frame")
}

/// A frame that is being written.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn tag(&mut self, tag: u8) {
        self.0.push(tag);
    }

    /// Writes a number that is a place in a content, or a length.
    pub(super) fn number(&mut self, number: usize) {
        self.0.extend((number as u64).to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend(bytes);
    }

    pub(super) fn range(&mut self, range: &std::ops::Range<usize>) {
        self.number(range.start);
        self.number(range.end);
    }
}

/// A frame that is being read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn tag(&mut self) -> io::Result<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn number(&mut self) -> io::Result<usize> {
        let mut number = [0; 8];
        number.copy_from_slice(self.take(8)?);
        usize::try_from(u64::from_le_bytes(number)).map_err(|_| malformed())
    }

    /// Reads how many things follow, each of which takes `size` bytes at least.
    pub(super) fn count(&mut self, size: usize) -> io::Result<usize> {
        let count = self.number()?;
        let fits = count.checked_mul(size).is_some_and(|bytes| bytes <= self.0.len());
        fits.then_some(count).ok_or_else(malformed)
    }

    pub(super) fn bytes(&mut self) -> io::Result<&'a [u8]> {
        let len = self.number()?;
        self.take(len)
    }

    pub(super) fn text(&mut self) -> io::Result<String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| malformed())
    }

    /// Reads a range that lies in a content of `len` bytes or lines.
    pub(super) fn range(&mut self, len: usize) -> io::Result<std::ops::Range<usize>> {
        let range = self.number()?..self.number()?;
        let lies = range.start <= range.end && range.end <= len;
        lies.then_some(range).ok_or_else(malformed)
    }

    pub(super) fn end(&self) -> io::Result<()> {
        self.0.is_empty().then_some(()).ok_or_else(malformed)
    }

    fn take(&mut self, len: usize) -> io::Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_as_they_went() {
        let mut pipe = Vec::new();
        for frame in [&b"a"[..], b"", &[7; 70_000]] {
            write_frame(&mut pipe, frame).expect("memory takes it");
        }
        let mut input = &pipe[..];
        let mut next = || read_frame(&mut input).expect("the frames are whole");
        assert_eq!(next(), Some(b"a".to_vec()));
        assert_eq!(next(), Some(vec![]));
        assert_eq!(next().map(|frame| frame.len()), Some(70_000));
        assert_eq!(next(), None);
    }

    #[test]
    fn what_is_cut_or_too_long_is_an_error() {
        assert!(read_frame(&mut &[1, 0][..]).is_err());
        assert!(read_frame(&mut &[2, 0, 0, 0, 9][..]).is_err());
        assert!(read_frame(&mut &[255; 8][..]).is_err());
        let mut reader = Reader(&[255; 16]);
        assert!(reader.count(1).is_err());
        assert!(reader.text().is_err());
    }
}
