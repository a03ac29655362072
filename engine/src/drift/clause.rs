//! The clauses of the rule: what has to be proved before a place is believed.
//!
//! In an ordinary build all of them hold. A build with the feature `mutants` can
//! leave out some, so that tests can show that they would notice.

#[cfg(feature = "mutants")]
use std::sync::atomic::{AtomicU64, Ordering};

/// One obligation of the rule; `docs/formats.md` has them in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    /// A diff that was cut short decides nothing.
    Complete,
    /// Lines over which an operation can slide belong to it.
    Span,
    /// All lines of the span are paired, one by one.
    Kept,
    /// What came or went could as well have come or gone at the place.
    Slides,
    /// Beside a slide: on one side drift is far away.
    SlideFar,
    /// Beside a slide: nothing went there, or nothing there looks like two of the lines.
    SlideStrangers,
    /// Beside a slide: the construct around is the only one of its name.
    SlideInOneName,
    /// Beside a slide: all constructs around are what they were.
    SlideStands,
    /// Beside a slide: the construct around is byte for byte what it was.
    SlideInWhole,
    /// Beside a slide: all look-alikes of that construct stand.
    SlideCopies,
    /// Known by lines: the place lies between two single ones.
    KnownBracketed,
    /// Known by lines: there are four single ones close by.
    KnownSingles,
    /// Known by lines: all constructs around are what they were.
    KnownStands,
    /// A short piece between two drifts, one as long as itself, may be what moved.
    LongIsland,
    /// The same with drift half as long, where the piece is not known by its lines.
    Island,
    /// Of two equal lines in a row nobody knows which is meant.
    Doubles,
    /// Known by its construct: it is byte for byte what it was.
    NamedWhole,
    /// Known by its construct: the place lies between two single lines.
    NamedBracketed,
    /// Known by its construct: nothing that came beside it looks like two of the lines.
    NamedStrangers,
    /// Known by its construct: no look-alike in the nearest drift, unless a single line is next to it.
    NamedLookAlike,
    /// Known by its construct: all constructs around are what they were.
    NamedStands,
    /// Without that, all constructs around are to be what they were.
    Names,
    /// With fewer than three single lines, no construct around got or lost a twin.
    NamesTwins,
    /// Without a single line, drift is far away or the lines are conserved.
    None,
    /// One single line at the end of the file: drift is far away or the lines are
    /// conserved.
    OneAtTheEnd,
    /// One single line elsewhere: drift is far away on both sides, or nothing like
    /// these lines came or went anywhere.
    OneWithin,
    /// Two single lines, not at the end: the same.
    TwoWithin,
    /// With close drift the lines that say something are conserved.
    CloseConserved,
    /// In close drift nothing looks like one of the lines.
    CloseLookAlike,
    /// Held by a whole construct: on one side drift is far away.
    WholeFar,
    /// Held by a whole construct: all its look-alikes stand.
    WholeCopies,
    /// Held by a whole construct: the lines are conserved.
    WholeConserved,
    /// In a renamed construct: drift is far away.
    RenamedFar,
    /// In a renamed construct: no other place looks like this one.
    RenamedUnique,
    /// In a renamed construct: the lines are conserved, the nearer drift is the more of them.
    RenamedConserved,
    /// In a renamed construct: names came or went, or four single lines stand by.
    RenamedTwins,
    /// In a renamed construct: no two lines in a row are equal.
    RenamedDoubles,
    /// In a renamed construct: the place lies between two single lines.
    RenamedBracketed,
    /// In a renamed construct: nothing beside it looks like two of the lines.
    RenamedStrangers,
    /// Done already: what comes or goes says something.
    DoneSays,
    /// Done already: there is less of what was to go, and it came nowhere else.
    DoneLess,
    /// Done already: the neighbours stand in the constructs they stood in.
    DoneStays,
    /// Done already: the lines went, and did not only move.
    DoneGone,
    /// Done already: none of the lines came right beside the place.
    DoneNextDoor,
    /// Done already: the lines around went as well.
    DoneFewer,
    /// Done already: what is left on either side is two lines, or a single one.
    DoneThin,
    /// Done already: what is left on either side is known.
    DoneKnown,
    /// Offered: the lines stand between their neighbours.
    OfferKept,
    /// Offered: nothing that came or went can be slid to the lines.
    OfferSlides,
    /// Offered: the new lines did not come with the drift, wherever that was.
    OfferNotElsewhere,
    /// Joined, and offered: the run ends in a line with words.
    OfferWords,
    /// Joined, and offered: the run ends in a line that stands in its constructs.
    OfferStays,
    /// Accepted: no other place looks like the lines with their neighbours.
    OfferUnique,
    /// Accepted: all constructs around are what they were.
    OfferStands,
    /// Accepted: no construct around got or lost a twin.
    OfferTwins,
    /// Accepted: nothing beside the lines looks like them.
    OfferStrangers,
    /// Accepted: the lines are conserved.
    OfferConserved,
    /// Several times in a row: a neighbour is joined to the line beyond it.
    OfferRepeats,
}

/// Those that are left out, one bit each.
#[cfg(feature = "mutants")]
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

impl Clause {
    /// All of them.
    pub const ALL: [Clause; 58] = [
        Clause::Complete,
        Clause::Span,
        Clause::Kept,
        Clause::Slides,
        Clause::SlideFar,
        Clause::SlideStrangers,
        Clause::SlideInOneName,
        Clause::SlideStands,
        Clause::SlideInWhole,
        Clause::SlideCopies,
        Clause::KnownBracketed,
        Clause::KnownSingles,
        Clause::KnownStands,
        Clause::LongIsland,
        Clause::Island,
        Clause::Doubles,
        Clause::NamedWhole,
        Clause::NamedBracketed,
        Clause::NamedStrangers,
        Clause::NamedLookAlike,
        Clause::NamedStands,
        Clause::Names,
        Clause::NamesTwins,
        Clause::None,
        Clause::OneAtTheEnd,
        Clause::OneWithin,
        Clause::TwoWithin,
        Clause::CloseConserved,
        Clause::CloseLookAlike,
        Clause::WholeFar,
        Clause::WholeCopies,
        Clause::WholeConserved,
        Clause::RenamedFar,
        Clause::RenamedUnique,
        Clause::RenamedConserved,
        Clause::RenamedTwins,
        Clause::RenamedDoubles,
        Clause::RenamedBracketed,
        Clause::RenamedStrangers,
        Clause::DoneSays,
        Clause::DoneLess,
        Clause::DoneStays,
        Clause::DoneGone,
        Clause::DoneNextDoor,
        Clause::DoneFewer,
        Clause::DoneThin,
        Clause::DoneKnown,
        Clause::OfferKept,
        Clause::OfferSlides,
        Clause::OfferNotElsewhere,
        Clause::OfferWords,
        Clause::OfferStays,
        Clause::OfferUnique,
        Clause::OfferStands,
        Clause::OfferTwins,
        Clause::OfferStrangers,
        Clause::OfferConserved,
        Clause::OfferRepeats,
    ];

    /// Returns the one with this name, as it is written in code.
    pub fn named(name: &str) -> Option<Clause> {
        Clause::ALL.into_iter().find(|clause| format!("{clause:?}") == name)
    }

    /// Leaves the clause out of the rule, in this process and from now on.
    #[cfg(feature = "mutants")]
    pub fn leave_out(self) {
        LEFT_OUT.fetch_or(1 << self as u64, Ordering::Relaxed);
    }

    /// Returns whether the clause is part of the rule, which it always is in an
    /// ordinary build.
    #[cfg_attr(not(feature = "mutants"), expect(clippy::unused_self, reason = "all are there"))]
    pub(super) fn asks(self) -> bool {
        #[cfg(feature = "mutants")]
        return LEFT_OUT.load(Ordering::Relaxed) & 1 << self as u64 == 0;
        #[cfg(not(feature = "mutants"))]
        true
    }

    /// Returns whether what the clause asks for holds.
    pub(super) fn holds(self, proof: impl FnOnce() -> bool) -> bool {
        !self.asks() || proof()
    }
}
