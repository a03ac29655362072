//! Who the lines of a file are, as far as texts can say.
//!
//! What happened is one history of two texts, and often not the only one. If a
//! line is written twice in a row, nobody can see which is the old one; if two
//! equal runs change places, nothing has changed; to copy something and then
//! remove it is to move it. So there are several readings, and what is said of
//! an edit holds in all of them:
//!
//! - as it happened;
//! - as far as a line can still be the line below the one it stood below, and
//!   then as far as it can be the line above the one it stood above, it is;
//! - the same with below and above exchanged;
//! - for each time something was copied that does not stand whole and in its
//!   place any more: the copy is what was copied.
//!
//! ```text
//! seen     now    as it happened    above last    below last
//!
//! p        p           p                p             p
//! x        x           new              new           x
//! q        x           x                x             new
//!          q           q                q             q
//! ```
//!
//! A line is never taken for another that has another content, or stands in
//! constructs of other names.

use std::ops::Range;

use crate::file::File;

/// For each line of now, who it is; every number but those of lines that were
/// read means a new line.
pub(crate) type Ids = Vec<u32>;

/// Returns the readings of the file: as it happened, then the others, without
/// those that say the same.
pub(crate) fn readings(seen: &File, now: &File) -> Vec<Ids> {
    let happened: Ids = now.lines.iter().map(|line| line.id).collect();
    let texts = Texts { seen, now, chains: (seen.chains(), now.chains()) };
    let mut readings = Vec::from([happened]);
    let mut add = |change: &dyn Fn(&mut Reading)| {
        let mut reading = Reading::new(seen, &readings[0]);
        change(&mut reading);
        if !readings.contains(&reading.ids) {
            readings.push(reading.ids);
        }
    };
    for last in [true, false] {
        add(&|reading| {
            reading.settle(&texts, !last);
            reading.settle(&texts, last);
        });
    }
    let mut times: Vec<u32> = now.lines.iter().filter_map(|line| Some(line.copied?.time)).collect();
    times.sort_unstable();
    times.dedup();
    for time in times {
        add(&|reading| reading.inherit(&texts, time));
    }
    readings
}

/// Both files, with the headers around their lines.
struct Texts<'a> {
    seen: &'a File,
    now: &'a File,
    chains: (Vec<u64>, Vec<u64>),
}

impl Texts<'_> {
    /// Returns whether a line of now can be a line of what was read: the same
    /// content within constructs of the same names.
    fn alike(&self, at: usize, line: usize) -> bool {
        self.chains.1[at] == self.chains.0[line] && self.now.content(at) == self.seen.content(line)
    }
}

struct Reading {
    ids: Ids,
    /// Where each line of what was read stands.
    places: Vec<Option<usize>>,
}

impl Reading {
    fn new(seen: &File, ids: &Ids) -> Reading {
        let mut places = vec![None; seen.lines.len()];
        for (at, id) in ids.iter().enumerate() {
            if let Some(place) = places.get_mut(*id as usize) {
                *place = Some(at);
            }
        }
        Reading { ids: ids.clone(), places }
    }

    /// Lets every line be the one that followed the line above it (or came
    /// before the line below it) where it can be.
    fn settle(&mut self, texts: &Texts<'_>, from_above: bool) {
        let (count, total) = (self.ids.len(), self.places.len());
        for step in 0..count {
            let at = if from_above { step } else { count - 1 - step };
            let wanted = match from_above {
                true => step.checked_sub(1).map_or(0, |above| self.ids[above] as usize + 1),
                // The line before the first is none, as is that before a new one.
                false => match self.ids.get(at + 1).map_or(total, |below| *below as usize) {
                    new if new >= total && step > 0 => continue,
                    below => below.wrapping_sub(1),
                },
            };
            let is_other = wanted < self.places.len() && self.ids[at] as usize != wanted;
            if is_other && texts.alike(at, wanted) {
                self.exchange(at, wanted);
            }
        }
    }

    /// Lets the copies of one copying be what was copied, if that does not
    /// stand as it stood.
    fn inherit(&mut self, texts: &Texts<'_>, time: u32) {
        let lines = texts.now.lines.iter().enumerate();
        let copies = lines.filter_map(|(at, line)| Some((at, line.copied?)));
        let copies = copies.filter(|(_, copied)| copied.time == time);
        let copies: Vec<(usize, usize)> =
            copies.map(|(at, copied)| (at, copied.line as usize)).collect();
        let first = copies.iter().map(|(_, line)| *line).min().unwrap_or(0);
        let last = copies.iter().map(|(_, line)| *line).max().unwrap_or(0);
        if self.stands(texts, first..last + 1) {
            return;
        }
        for (at, line) in copies {
            if texts.alike(at, line) {
                self.exchange(at, line);
            }
        }
    }

    /// Returns whether lines stand together between their neighbours, and
    /// within the constructs they stood in.
    fn stands(&self, texts: &Texts<'_>, lines: Range<usize>) -> bool {
        let after = |place: usize| match place.checked_sub(1) {
            Some(before) => self.places[before].map(|at| at + 1),
            None => Some(0),
        };
        let end = self.places.get(lines.end).copied().unwrap_or(Some(self.ids.len()));
        let mut all = lines.clone();
        all.all(|line| {
            let at = self.places[line];
            at.is_some_and(|at| after(line) == Some(at) && texts.alike(at, line))
        }) && after(lines.end) == end
    }

    /// Lets line `at` be line `wanted`, and whichever was that the line it was.
    fn exchange(&mut self, at: usize, wanted: usize) {
        let old = std::mem::replace(&mut self.ids[at], wanted as u32);
        let other = self.places[wanted].replace(at);
        if let Some(other) = other {
            self.ids[other] = old;
        }
        if let Some(place) = self.places.get_mut(old as usize) {
            *place = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::readings;
    use crate::file::{Copied, sample};

    /// Checks who the lines of `now` are, by their numbers, in all readings.
    #[track_caller]
    fn check(seen: &[&str], now: &[(&str, u32)], want: &[&[u32]]) {
        let seen: Vec<(&str, u32)> = seen.iter().copied().zip(0..).collect();
        assert_eq!(readings(&sample(&seen), &sample(now)), want);
    }

    #[test]
    fn a_line_that_is_written_twice_can_be_either() {
        let now = [("p", 0), ("x", 3), ("x", 1), ("q", 2)];
        check(&["p", "x", "q"], &now, &[&[0, 3, 1, 2], &[0, 1, 3, 2]]);
    }

    #[test]
    fn of_equal_lines_either_can_have_gone() {
        let now = [("p", 0), ("x", 2), ("q", 3)];
        check(&["p", "x", "x", "q"], &now, &[&[0, 2, 3], &[0, 1, 3]]);
    }

    #[test]
    fn equal_lines_that_change_places_stay() {
        let now = [("x", 2), ("p", 1), ("x", 0), ("y", 3)];
        check(&["x", "p", "x"], &now, &[&[2, 1, 0, 3], &[0, 1, 2, 3]]);
    }

    #[test]
    fn other_contents_are_other_lines() {
        check(&["p", "x", "q"], &[("p", 0), ("y", 3), ("q", 2)], &[&[0, 3, 2]]);
        check(&["p", "q"], &[("q", 1), ("p", 0)], &[&[1, 0]]);
        check(&["p"], &[], &[&[]]);
        check(&[], &[("p", 0)], &[&[0]]);
    }

    #[test]
    fn a_copy_whose_original_goes_is_the_original() {
        let seen = sample(&[("p", 0), ("x", 1), ("q", 2)]);
        let mut now = sample(&[("p", 0), ("q", 2), ("new", 4), ("x", 3)]);
        assert_eq!(readings(&seen, &now), [[0, 2, 4, 3]]);
        now.lines[3].copied = Some(Copied { line: 1, time: 1 });
        assert_eq!(readings(&seen, &now), [[0, 2, 4, 3], [0, 2, 4, 1]]);
    }

    #[test]
    fn a_copy_whose_original_stands_is_a_copy() {
        let seen = sample(&[("p", 0), ("x", 1), ("q", 2)]);
        let mut now = sample(&[("p", 0), ("x", 1), ("q", 2), ("new", 4), ("x", 3)]);
        now.lines[4].copied = Some(Copied { line: 1, time: 1 });
        assert_eq!(readings(&seen, &now), [[0, 1, 2, 4, 3]]);
    }
}
