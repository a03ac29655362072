//! A change of one content: disjoint, sorted edits, and the algebra on them.
//!
//! Offsets always refer to the content before the change, never to the result
//! of an earlier edit. `invert`, `compose` and the mapping of positions are all
//! that undo and the mapping through our own edits need.

use std::ops::Range;

/// One replacement: the bytes of `range` become `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Bytes of the content before; empty for an insertion.
    pub range: Range<usize>,
    /// What stands there afterwards; empty for a deletion.
    pub text: Vec<u8>,
}

/// To which side a position goes when text is inserted right at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// It stays before the new text.
    Before,
    /// It goes behind the new text.
    After,
}

/// The edits that turn one content into another.
///
/// Invariant: sorted by `range`, disjoint, within the content before; no edit
/// is empty on both sides. Insertions at one place keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    edits: Vec<Edit>,
    before_len: usize,
}

/// Why edits do not make a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    /// The edit at this index starts before its predecessor ends.
    #[error("edit {0} starts before its predecessor ends")]
    Overlap(usize),
    /// The edit at this index reaches beyond the content.
    #[error("edit {0} reaches beyond the content")]
    OutOfBounds(usize),
}

impl Change {
    /// Returns the change that `edits` make of a content of `before_len` bytes.
    ///
    /// # Errors
    /// [`Disorder`] where the edits are not sorted, not disjoint or not within
    /// the content.
    pub fn new(edits: Vec<Edit>, before_len: usize) -> Result<Change, Disorder> {
        let mut end = 0;
        for (index, edit) in edits.iter().enumerate() {
            if edit.range.start < end || edit.range.end < edit.range.start {
                return Err(Disorder::Overlap(index));
            }
            if edit.range.end > before_len {
                return Err(Disorder::OutOfBounds(index));
            }
            end = edit.range.end;
        }
        let mut edits = edits;
        edits.retain(|edit| !(edit.range.is_empty() && edit.text.is_empty()));
        Ok(Change { edits, before_len })
    }

    /// Returns the change that replaces all of `before` by `after`, without
    /// touching what they share at both ends.
    pub fn whole(before: &[u8], after: &[u8]) -> Change {
        let head = before.iter().zip(after).take_while(|(a, b)| a == b).count();
        let tail = (before[head..].iter().rev().zip(after[head..].iter().rev()))
            .take_while(|(a, b)| a == b)
            .count();
        let edit = Edit {
            range: head..before.len() - tail,
            text: after[head..after.len() - tail].to_vec(),
        };
        let edits = if edit.range.is_empty() && edit.text.is_empty() { vec![] } else { vec![edit] };
        Change { edits, before_len: before.len() }
    }

    /// Returns the edits, sorted and disjoint.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Returns whether the change leaves every byte in place.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Returns whether the content after is `before`, byte for byte: no edit at
    /// all, or edits that together put back what they take. Runs in O(1) where
    /// the lengths differ, else up to the first difference.
    pub fn keeps(&self, before: &[u8]) -> bool {
        let mut rest = before;
        self.after_len() == before.len()
            && self.pieces(before).into_iter().all(|piece| {
                let next = rest.strip_prefix(piece);
                rest = next.unwrap_or(rest);
                next.is_some()
            })
    }

    /// Returns the length of the content before, in bytes.
    pub fn before_len(&self) -> usize {
        self.before_len
    }

    /// Returns the length of the content after, in bytes.
    pub fn after_len(&self) -> usize {
        self.edits
            .iter()
            .fold(self.before_len, |len, edit| len + edit.text.len() - edit.range.len())
    }

    /// Returns the content after as slices of `before` and of the new texts,
    /// in order, so that it can be hashed or written without being joined.
    pub fn pieces<'a>(&'a self, before: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::with_capacity(2 * self.edits.len() + 1);
        let mut at = 0;
        for edit in &self.edits {
            pieces.push(&before[at..edit.range.start]);
            pieces.push(&edit.text);
            at = edit.range.end;
        }
        pieces.push(&before[at..]);
        pieces
    }

    /// Returns the content after. Runs in O(content + change).
    pub fn apply(&self, before: &[u8]) -> Vec<u8> {
        debug_assert_eq!(before.len(), self.before_len, "BUG: change of another content");
        let mut after = Vec::with_capacity(self.after_len());
        for piece in self.pieces(before) {
            after.extend_from_slice(piece);
        }
        after
    }

    /// Returns the change that turns the content after back into `before`.
    #[must_use]
    pub fn invert(&self, before: &[u8]) -> Change {
        let mut shift = 0_i64;
        let edits = self.edits.iter().map(|edit| {
            let start = (edit.range.start as i64 + shift) as usize;
            shift += edit.text.len() as i64 - edit.range.len() as i64;
            Edit {
                range: start..start + edit.text.len(),
                text: before[edit.range.clone()].to_vec(),
            }
        });
        Change { edits: edits.collect(), before_len: self.after_len() }
    }

    /// Returns the one change that does what `self` and then `next` do. Runs in
    /// O(edits of both + new text).
    #[must_use]
    pub fn compose(&self, next: &Change) -> Change {
        debug_assert_eq!(self.after_len(), next.before_len, "BUG: changes that do not meet");
        Composer::default().run(self, next)
    }

    /// Returns where byte `at` of the content before stands in the content
    /// after. A position inside a replaced range goes to the side of `bias`.
    pub fn map_pos(&self, at: usize, bias: Bias) -> usize {
        let mut shift = 0_i64;
        for edit in &self.edits {
            if edit.range.start > at || (edit.range.start == at && bias == Bias::Before) {
                break;
            }
            if at < edit.range.end {
                let start = (edit.range.start as i64 + shift) as usize;
                return start + if bias == Bias::After { edit.text.len() } else { 0 };
            }
            shift += edit.text.len() as i64 - edit.range.len() as i64;
        }
        (at as i64 + shift) as usize
    }

    /// Returns where the bytes of `range` stand in the content after, or `None`
    /// where an edit replaced one of them or inserted between two of them. An
    /// edit that only touches an end of the range leaves it whole.
    pub fn map_range(&self, range: Range<usize>) -> Option<Range<usize>> {
        let touched = self.edits.iter().any(|edit| {
            edit.range.start < range.end && range.start < edit.range.end
                || edit.range.is_empty()
                    && range.start < edit.range.start
                    && edit.range.start < range.end
        });
        if touched {
            return None;
        }
        let start = self.map_pos(range.start, Bias::After);
        Some(start..start + range.len())
    }
}

/// Walks two changes side by side. Between them lies the content that the first
/// makes and the second reads.
#[derive(Default)]
struct Composer {
    edits: Vec<Edit>,
    /// Position in the content before both.
    at: usize,
    /// What is being replaced and by what, not yet closed by a kept byte.
    open: Option<Edit>,
}

/// A stretch of a change, as the walk meets it.
enum Span<'a> {
    Keep(usize),
    Replace(usize, &'a [u8]),
}

impl Composer {
    fn run(mut self, first: &Change, second: &Change) -> Change {
        let mut made = spans(first).into_iter();
        let mut pending: Option<Span<'_>> = None;
        for span in spans(second) {
            match span {
                Span::Keep(len) => self.advance(&mut pending, &mut made, len, true),
                Span::Replace(len, text) => {
                    self.advance(&mut pending, &mut made, len, false);
                    self.insert(text);
                }
            }
        }
        // What the first change deleted at the very end meets nothing of the second.
        for span in pending.into_iter().chain(made) {
            match span {
                Span::Keep(len) => self.keep(len),
                Span::Replace(gone, text) => {
                    self.delete(gone);
                    self.insert(text);
                }
            }
        }
        self.close();
        Change { edits: self.edits, before_len: first.before_len }
    }

    /// Passes over `len` bytes of the content in the middle, keeping them or not.
    fn advance<'a>(
        &mut self,
        pending: &mut Option<Span<'a>>,
        made: &mut impl Iterator<Item = Span<'a>>,
        mut len: usize,
        keep: bool,
    ) {
        while len > 0 {
            let Some(span) = pending.take().or_else(|| made.next()) else {
                return;
            };
            match span {
                Span::Keep(have) => {
                    let step = have.min(len);
                    if keep {
                        self.keep(step)
                    } else {
                        self.delete(step)
                    }
                    len -= step;
                    *pending = (have > step).then_some(Span::Keep(have - step));
                }
                Span::Replace(gone, text) => {
                    let step = text.len().min(len);
                    self.delete(gone);
                    if keep {
                        self.insert(&text[..step]);
                    }
                    len -= step;
                    *pending = (text.len() > step).then_some(Span::Replace(0, &text[step..]));
                }
            }
        }
    }

    fn keep(&mut self, len: usize) {
        if len > 0 {
            self.close();
            self.at += len;
        }
    }

    fn delete(&mut self, len: usize) {
        let at = self.at;
        let open = self.open.get_or_insert_with(|| Edit { range: at..at, text: Vec::new() });
        open.range.end += len;
        self.at += len;
    }

    fn insert(&mut self, text: &[u8]) {
        let at = self.at;
        let open = self.open.get_or_insert_with(|| Edit { range: at..at, text: Vec::new() });
        open.text.extend_from_slice(text);
    }

    fn close(&mut self) {
        let open = self.open.take();
        self.edits.extend(open.filter(|edit| !(edit.range.is_empty() && edit.text.is_empty())));
    }
}

/// Returns a change as alternating stretches that cover the content before.
fn spans(change: &Change) -> Vec<Span<'_>> {
    let mut spans = Vec::with_capacity(2 * change.edits.len() + 1);
    let mut at = 0;
    for edit in &change.edits {
        spans.push(Span::Keep(edit.range.start - at));
        spans.push(Span::Replace(edit.range.len(), &edit.text));
        at = edit.range.end;
    }
    spans.push(Span::Keep(change.before_len - at));
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(len: usize) -> impl Strategy<Value = Change> {
        prop::collection::vec((0..=len, 0..=len, prop::collection::vec(any::<u8>(), 0..4)), 0..5)
            .prop_map(move |raw| {
                let mut at: Vec<usize> = raw.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
                at.sort_unstable();
                let edits = raw.into_iter().enumerate();
                let edits =
                    edits.map(|(i, (.., text))| Edit { range: at[2 * i]..at[2 * i + 1], text });
                Change::new(edits.collect(), len).expect("sorted ends make disjoint edits")
            })
    }

    fn content_and_two_changes() -> impl Strategy<Value = (Vec<u8>, Change, Change)> {
        prop::collection::vec(any::<u8>(), 0..24).prop_flat_map(|before| {
            change(before.len()).prop_flat_map(move |first| {
                (Just(before.clone()), Just(first.clone()), change(first.after_len()))
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn inverting_returns_the_same_bytes((before, change, _) in content_and_two_changes()) {
            let after = change.apply(&before);
            prop_assert_eq!(after.len(), change.after_len());
            let back = change.invert(&before);
            prop_assert_eq!(back.apply(&after), before.clone());
            prop_assert_eq!(back.invert(&after).apply(&before), after);
        }

        #[test]
        fn composing_does_what_both_do((before, first, second) in content_and_two_changes()) {
            let both = first.compose(&second);
            prop_assert_eq!(both.apply(&before), second.apply(&first.apply(&before)));
            prop_assert_eq!(Change::new(both.edits.clone(), before.len()), Ok(both));
        }

        #[test]
        fn untouched_ranges_keep_their_bytes(
            (before, change, _) in content_and_two_changes(), a in 0..25usize, b in 0..25usize,
        ) {
            let (a, b) = (a.min(before.len()), b.min(before.len()));
            let range = a.min(b)..a.max(b);
            let after = change.apply(&before);
            if let Some(there) = change.map_range(range.clone()) {
                prop_assert_eq!(&after[there], &before[range]);
            }
        }

        #[test]
        fn positions_keep_their_order((before, change, _) in content_and_two_changes()) {
            let places = |bias| (0..=before.len()).map(|at| change.map_pos(at, bias)).collect::<Vec<_>>();
            let (left, right) = (places(Bias::Before), places(Bias::After));
            prop_assert!(left.is_sorted() && right.is_sorted());
            prop_assert!(left.iter().zip(&right).all(|(l, r)| l <= r));
            prop_assert!(right.iter().all(|&at| at <= change.after_len()));
        }

        #[test]
        fn a_whole_replacement_is_trimmed(before in "[ab]{0,12}", after in "[ab]{0,12}") {
            let change = Change::whole(before.as_bytes(), after.as_bytes());
            prop_assert_eq!(change.apply(before.as_bytes()), after.as_bytes());
            prop_assert_eq!(change.is_empty(), before == after);
        }
    }

    #[test]
    fn disorder_is_refused() {
        let edit = |range: Range<usize>| Edit { range, text: b"x".to_vec() };
        assert_eq!(Change::new(vec![edit(2..4), edit(3..5)], 9), Err(Disorder::Overlap(1)));
        assert_eq!(Change::new(vec![edit(2..4)], 3), Err(Disorder::OutOfBounds(0)));
    }
}
