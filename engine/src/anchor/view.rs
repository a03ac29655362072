//! The view: which lines of a content a session has been shown.

use std::ops::Range;

/// A set of lines (0-based). Invariant: sorted, disjoint, not touching, none
/// empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    ranges: Vec<Range<usize>>,
}

impl View {
    /// Returns the view of all `count` lines of a content.
    pub fn all(count: usize) -> View {
        let mut view = View::default();
        view.add(0..count);
        view
    }

    /// Returns the view of these ranges, in any order.
    pub fn of(ranges: impl IntoIterator<Item = Range<usize>>) -> View {
        let mut view = View::default();
        for range in ranges {
            view.add(range);
        }
        view
    }

    /// Returns the lines, sorted and disjoint.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// Adds lines; returns whether any of them is new.
    pub fn add(&mut self, range: Range<usize>) -> bool {
        if range.is_empty() {
            return false;
        }
        // Lines mostly come in their order.
        match self.ranges.last_mut() {
            Some(last) if range.start < last.start => {}
            Some(last) if range.start <= last.end => {
                let is_new = range.end > last.end;
                last.end = last.end.max(range.end);
                return is_new;
            }
            _ => {
                self.ranges.push(range);
                return true;
            }
        }
        if self.contains(range.clone()) {
            return false;
        }
        let from = self.ranges.partition_point(|have| have.end < range.start);
        let to = self.ranges.partition_point(|have| have.start <= range.end);
        let joined = self.ranges[from..to]
            .iter()
            .fold(range, |sum, have| sum.start.min(have.start)..sum.end.max(have.end));
        self.ranges.splice(from..to, [joined]);
        true
    }

    /// Returns whether every line of `range` has been shown.
    pub fn contains(&self, range: Range<usize>) -> bool {
        let at = self.ranges.partition_point(|have| have.end < range.end);
        let covered = self.ranges.get(at).is_some_and(|have| have.start <= range.start);
        range.is_empty() || covered
    }

    /// Returns the number of lines of `range` that have been shown.
    pub fn count_in(&self, range: &Range<usize>) -> usize {
        let both = |have: &Range<usize>| have.start.max(range.start)..have.end.min(range.end);
        self.ranges.iter().map(|have| both(have).len()).sum()
    }

    /// Returns this view carried through line replacements: sorted, disjoint
    /// ranges of old lines, each with the number of its new lines. Lines that
    /// stay keep their being seen, new ones are seen where `written`.
    #[must_use]
    pub fn through(&self, hunks: &[(Range<usize>, usize)], written: bool) -> View {
        let mut view = View::default();
        let mut shift = 0_i64;
        let mut at = 0;
        let moved = |line: usize, shift: i64| (line as i64 + shift) as usize;
        for (old, new) in hunks {
            self.carry(&mut view, at..old.start, shift);
            let start = moved(old.start, shift);
            if written {
                view.add(start..start + new);
            }
            shift += *new as i64 - old.len() as i64;
            at = old.end;
        }
        self.carry(&mut view, at..usize::MAX, shift);
        view
    }

    /// Returns where line `line` stands after such replacements; a line that was
    /// replaced goes to the start of what replaced it.
    pub fn line_through(line: usize, hunks: &[(Range<usize>, usize)]) -> usize {
        let before = hunks.iter().take_while(|(old, _)| old.end <= line && old.start <= line);
        let shift: i64 = before.map(|(old, new)| *new as i64 - old.len() as i64).sum();
        (line as i64 + shift) as usize
    }

    /// Adds what is seen of the unchanged `stretch` to `view`, shifted.
    fn carry(&self, view: &mut View, stretch: Range<usize>, shift: i64) {
        let from = self.ranges.partition_point(|have| have.end <= stretch.start);
        for have in &self.ranges[from..] {
            if have.start >= stretch.end {
                break;
            }
            let kept = have.start.max(stretch.start)..have.end.min(stretch.end);
            view.add((kept.start as i64 + shift) as usize..(kept.end as i64 + shift) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn lines(view: &View) -> BTreeSet<usize> {
        view.ranges().iter().cloned().flatten().collect()
    }

    proptest! {
        #[test]
        fn a_view_is_a_set_of_lines(raw in prop::collection::vec((0..30usize, 0..8usize), 0..8)) {
            let view = View::of(raw.iter().map(|&(start, len)| start..start + len));
            let naive: BTreeSet<usize> = raw.iter().flat_map(|&(start, len)| start..start + len).collect();
            prop_assert_eq!(lines(&view), naive.clone());
            prop_assert!(view.ranges().windows(2).all(|pair| pair[0].end < pair[1].start));
            for (start, end) in (0..40).flat_map(|s| (s..40).map(move |e| (s, e))) {
                prop_assert_eq!(view.contains(start..end), (start..end).all(|line| naive.contains(&line)));
                prop_assert_eq!(view.count_in(&(start..end)), naive.range(start..end).count());
            }
        }

        #[test]
        fn seen_lines_stay_seen_through_an_edit(
            raw in prop::collection::vec((0..30usize, 0..8usize), 0..6),
            old in 0..20usize, gone in 0..5usize, new in 0..5usize,
        ) {
            let view = View::of(raw.iter().map(|&(start, len)| start..start + len));
            let after = view.through(&[(old..old + gone, new)], true);
            let mut naive: BTreeSet<usize> = (old..old + new).collect();
            naive.extend(lines(&view).into_iter().filter(|line| *line < old));
            naive.extend(lines(&view).into_iter().filter(|line| *line >= old + gone).map(|line| line + new - gone));
            prop_assert_eq!(lines(&after), naive);
        }
    }
}
