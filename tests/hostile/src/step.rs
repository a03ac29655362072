//! The kinds of steps a drift is made of, and how often each is taken.

use crate::dice::Dice;

/// One kind of change that somebody else makes to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepKind {
    /// One to three lines come, some of them equal to lines nearby.
    InsertLines,
    /// One to three lines go.
    DeleteLines,
    /// A line gets another content.
    ChangeLine,
    /// A line is written again, directly above or below itself.
    RepeatLine,
    /// Two lines, one below the other, change places.
    SwapLines,
    /// A new construct comes, often with the body of another.
    InsertBlock,
    /// A construct goes.
    DeleteBlock,
    /// Two constructs change places.
    SwapBlocks,
    /// A construct moves.
    MoveBlock,
    /// A construct is written again, beside itself or elsewhere.
    DuplicateBlock,
    /// A construct gets another name, perhaps one that is taken.
    RenameHeader,
    /// Two constructs change names, and nothing but names.
    SwapNames,
    /// A construct goes, and one of the same text but for the name takes its
    /// name: what is left looks as if the other had gone.
    TakeName,
    /// The lines of a construct are indented or unindented.
    Reindent,
    /// The whole file is written anew by a formatter.
    Reformat,
    /// Lines get the other terminator, most often all of them.
    Terminators,
    /// The newline at the end of the file comes or goes.
    FinalNewline,
    /// What a pending edit would do is done.
    SameEdit,
}

impl StepKind {
    /// Every kind.
    pub const ALL: [StepKind; 18] = [
        StepKind::InsertLines,
        StepKind::DeleteLines,
        StepKind::ChangeLine,
        StepKind::RepeatLine,
        StepKind::SwapLines,
        StepKind::InsertBlock,
        StepKind::DeleteBlock,
        StepKind::SwapBlocks,
        StepKind::MoveBlock,
        StepKind::DuplicateBlock,
        StepKind::RenameHeader,
        StepKind::SwapNames,
        StepKind::TakeName,
        StepKind::Reindent,
        StepKind::Reformat,
        StepKind::Terminators,
        StepKind::FinalNewline,
        StepKind::SameEdit,
    ];

    /// Returns how often the kind is taken, as a share of the sum of all.
    fn weight(self) -> usize {
        match self {
            StepKind::InsertLines | StepKind::DeleteLines | StepKind::ChangeLine => 12,
            StepKind::RepeatLine | StepKind::SwapLines => 5,
            StepKind::InsertBlock | StepKind::DeleteBlock | StepKind::SwapBlocks => 8,
            StepKind::MoveBlock | StepKind::DuplicateBlock | StepKind::RenameHeader => 8,
            StepKind::Reindent | StepKind::SameEdit => 4,
            StepKind::Reformat | StepKind::Terminators | StepKind::FinalNewline => 2,
            // What no text can tell apart comes of these; they are there so
            // that nobody believes it could not happen.
            StepKind::SwapNames | StepKind::TakeName => 1,
        }
    }
}

/// Returns one of the kinds by its weight; of all where there are none to
/// choose from.
pub(crate) fn pick(dice: &mut Dice, kinds: &[StepKind]) -> StepKind {
    let kinds = if kinds.is_empty() { &StepKind::ALL } else { kinds };
    let sum: usize = kinds.iter().map(|kind| kind.weight()).sum();
    let mut rest = dice.below(sum);
    for kind in kinds {
        match rest.checked_sub(kind.weight()) {
            Some(less) => rest = less,
            None => return *kind,
        }
    }
    kinds[0]
}
