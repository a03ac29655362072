//! The lines of two contents as numbers: equal lines, terminators included,
//! have equal numbers, whichever side they stand on. Lines that are equal but
//! for blanks and terminators look alike, and have equal looks.

use std::collections::hash_map;
use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::HashMap;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::snapshot::Snapshot;

/// Places of one line that are looked at when a block is searched for.
const MOST_LOOKS: usize = 4_096;

/// One content as numbers.
#[derive(Debug)]
pub(super) struct Side {
    /// The number of each line.
    pub(super) ids: Vec<u32>,
    /// What each line looks like.
    pub(super) looks: Vec<u32>,
    /// Where the lines with one look stand in `places`, by look.
    starts: Vec<u32>,
    /// The lines, sorted by look, then by place.
    places: Vec<u32>,
}

/// Returns both contents as numbers, and the line of each number. Runs in
/// O(bytes of both).
pub(super) fn number<'a>(seen: &'a Snapshot, now: &'a Snapshot) -> (Side, Side, Vec<&'a [u8]>) {
    let mut numbers = Numbers::new(seen.line_count());
    let old: Vec<u32> = whole_lines(seen).map(|line| numbers.of(line)).collect();
    // Most lines follow the one that their predecessor was: to compare bytes is
    // several times faster than to look them up.
    let mut expected = 0;
    let mut new = Vec::with_capacity(now.line_count());
    for line in whole_lines(now) {
        let id = match old.get(expected) {
            Some(&id) if whole_line(seen, expected) == line => id,
            _ => numbers.of(line),
        };
        expected = next_expected(&old, expected, id);
        new.push(id);
    }
    let looks = numbers.looks();
    let texts = numbers.known.iter().map(|known| known.line).collect();
    (Side::of(old, &looks), Side::of(new, &looks), texts)
}

/// The numbers given so far. The table holds numbers alone, so that it stays
/// small: what is looked up a hundred thousand times should be near.
struct Numbers<'a> {
    hasher: RandomState,
    /// The first line of each look.
    table: HashTable<u32>,
    /// By number.
    known: Vec<Known<'a>>,
    /// The other lines of each look; mostly there is none.
    variants: HashMap<&'a [u8], u32>,
}

struct Known<'a> {
    line: &'a [u8],
    /// Of its look.
    hash: u64,
    look: u32,
}

impl<'a> Numbers<'a> {
    fn new(expected: usize) -> Numbers<'a> {
        Numbers {
            hasher: RandomState::default(),
            table: HashTable::with_capacity(expected),
            known: Vec::with_capacity(expected),
            variants: HashMap::default(),
        }
    }

    fn of(&mut self, line: &'a [u8]) -> u32 {
        let look = line.trim_ascii();
        let hash = self.hasher.hash_one(look);
        let fresh = self.known.len() as u32;
        let known = &self.known;
        let same = |id: &u32| {
            let known = &known[*id as usize];
            known.hash == hash && known.line.trim_ascii() == look
        };
        match self.table.entry(hash, same, |id| known[*id as usize].hash) {
            Entry::Vacant(place) => {
                place.insert(fresh);
                self.known.push(Known { line, hash, look: fresh });
                fresh
            }
            Entry::Occupied(first) => {
                let first = *first.get();
                self.variant(first, line)
            }
        }
    }

    /// Returns the number of the line among those with one look.
    fn variant(&mut self, first: u32, line: &'a [u8]) -> u32 {
        if self.known[first as usize].line == line {
            return first;
        }
        let fresh = self.known.len() as u32;
        match self.variants.entry(line) {
            hash_map::Entry::Occupied(known) => *known.get(),
            hash_map::Entry::Vacant(new) => {
                let hash = self.known[first as usize].hash;
                self.known.push(Known { line, hash, look: first });
                *new.insert(fresh)
            }
        }
    }

    /// Returns for each number what its line looks like.
    fn looks(&self) -> Vec<u32> {
        self.known.iter().map(|known| known.look).collect()
    }
}

/// Returns which line of the old side the next new line may well be: the one
/// behind the line just met, looked for close by only.
fn next_expected(old: &[u32], expected: usize, met: u32) -> usize {
    const NEAR: usize = 16;
    let near = old.iter().skip(expected).take(NEAR).position(|&id| id == met);
    near.map_or(expected, |ahead| expected + ahead + 1)
}

fn whole_lines(snapshot: &Snapshot) -> impl Iterator<Item = &[u8]> {
    (0..snapshot.line_count()).map(|line| whole_line(snapshot, line))
}

/// Returns a line with its terminator, but without the byte-order mark.
fn whole_line(snapshot: &Snapshot, line: usize) -> &[u8] {
    &snapshot.bytes[snapshot.lines.bytes_of(line..line + 1)]
}

impl Side {
    fn of(ids: Vec<u32>, look_of: &[u32]) -> Side {
        let looks: Vec<u32> = ids.iter().map(|&id| look_of[id as usize]).collect();
        // Counted one further on, so that filling leaves each start at its own look.
        let mut starts = vec![0_u32; look_of.len() + 2];
        for &look in &looks {
            starts[look as usize + 2] += 1;
        }
        for look in 0..look_of.len() {
            starts[look + 2] += starts[look + 1];
        }
        let mut places = vec![0; ids.len()];
        for (line, &look) in looks.iter().enumerate() {
            let next = &mut starts[look as usize + 1];
            places[*next as usize] = line as u32;
            *next += 1;
        }
        starts.pop();
        Side { ids, looks, starts, places }
    }

    /// Returns the lines with this look, ascending.
    pub(super) fn places_of(&self, look: u32) -> &[u32] {
        let look = look as usize;
        &self.places[self.starts[look] as usize..self.starts[look + 1] as usize]
    }

    /// Returns the number of lines.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns the lines with the lines directly above and below.
    pub(super) fn near(&self, lines: &Range<usize>) -> Range<usize> {
        lines.start.saturating_sub(1)..(lines.end + 1).min(self.len())
    }

    /// Returns how many numbers there are on both sides.
    pub(super) fn number_count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns where lines that look like `block` begin within `scope`: the first
    /// `most` places. `None` where even the rarest of the lines is everywhere,
    /// so that all its places cannot be looked at.
    pub(super) fn places_of_block(
        &self,
        block: &[u32],
        scope: &Range<usize>,
        most: usize,
    ) -> Option<Vec<usize>> {
        let rarest = (0..block.len()).min_by_key(|&at| self.places_of(block[at]).len());
        let Some(rarest) = rarest else { return Some(Vec::new()) };
        let places = self.places_of(block[rarest]);
        let from = places.partition_point(|&line| (line as usize) < scope.start + rarest);
        let starts = places[from..].iter().map(|&line| line as usize - rarest);
        let mut fits = starts.take_while(|start| start + block.len() <= scope.end);
        let equal = |start: &usize| self.looks[*start..*start + block.len()] == *block;
        let found: Vec<usize> = fits.by_ref().take(MOST_LOOKS).filter(equal).take(most).collect();
        (found.len() == most || fits.next().is_none()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_stand_for_whole_lines(old in "[ab\r\n]{0,24}", new in "[ab\r\n]{0,24}") {
            let (seen, now) = (Snapshot::of(old.into_bytes()), Snapshot::of(new.into_bytes()));
            let (old, new, texts) = number(&seen, &now);
            let all: Vec<(u32, &[u8])> = old.ids.iter().copied().zip(whole_lines(&seen))
                .chain(new.ids.iter().copied().zip(whole_lines(&now))).collect();
            for (id, line) in &all {
                prop_assert_eq!(texts[*id as usize], *line);
                for (other, text) in &all {
                    prop_assert_eq!(id == other, line == text);
                }
            }
        }

        #[test]
        fn blocks_are_found_where_they_stand(
            text in "[ab]{0,24}", from in 0..24usize, len in 0..4usize, a in 0..24usize, b in 0..24usize,
        ) {
            let content: String = text.chars().map(|c| format!("{c}\n")).collect();
            let snapshot = Snapshot::of(content.into_bytes());
            let (side, _, _) = number(&snapshot, &snapshot);
            let from = from.min(side.len());
            let block = &side.looks[from..(from + len).min(side.len())];
            let scope = a.min(b).min(side.len())..a.max(b).min(side.len());
            let fits = scope.clone().filter(|at| at + block.len() <= scope.end);
            let naive: Vec<usize> = fits.filter(|&at| side.looks[at..at + block.len()] == *block).collect();
            let expected = if block.is_empty() { Vec::new() } else { naive };
            prop_assert_eq!(side.places_of_block(block, &scope, usize::MAX), Some(expected));
        }
    }
}
