//! Constructs by name: which lines `impl Foo > fn bar` are, or what stands around
//! a line.

use engine::anchor::{LineRange, lines_of};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use grammars::Outline;
use grammars::constructs::unknown;
use grammars::outline::Resolution;

use super::reject::{Cure, Rejected};
use crate::service::Service;
use crate::service::api::Read;

/// The most constructs whose lines a refusal tells.
const NAMED: usize = 8;

/// Returns the construct that a read asks for: its whole path and its lines.
///
/// # Errors
/// `not_found`, `ambiguous` with the lines of all that it may be, or what speaks
/// against an outline.
pub(super) fn asked(
    service: &Service,
    request: &Read,
    path: &RelPath,
    snapshot: &Snapshot,
) -> Result<Option<(String, LineRange)>, Rejected> {
    let (name, around) = (request.symbol.as_deref(), request.around);
    if name.is_none() && around.is_none() {
        return Ok(None);
    }
    if !request.lines.is_empty() || name.is_some() && around.is_some() {
        let text = "give one of lines, symbol and around";
        return Err(Refusal::new(Code::Malformed, text).at(path.as_str()).into());
    }
    let outline = outline_of(service, path, snapshot)?;
    let index = match (name, around) {
        (Some(name), _) => named(&outline, name, path)?,
        (None, line) => around_line(&outline, line.unwrap_or_default(), path)?,
    };
    let lines = outline.symbols().get(index).map(|symbol| lines_of(&symbol.lines));
    Ok(lines.map(|lines| (outline.path(index), lines)))
}

/// Returns what a content defines.
///
/// # Errors
/// `unsupported`, `encoding`, `too_large` or `timeout`, where it cannot be told.
pub(super) fn outline_of(
    service: &Service,
    path: &RelPath,
    snapshot: &Snapshot,
) -> Result<Outline, Refusal> {
    service.syntax.outline(path.as_str(), snapshot).map_err(|why| why.refusal().at(path.as_str()))
}

/// Returns the one construct that `name` means.
///
/// # Errors
/// `not_found`, with names that are alike; `ambiguous`, with all that it may be.
pub(super) fn named(outline: &Outline, name: &str, path: &RelPath) -> Result<usize, Rejected> {
    match outline.resolve(name) {
        Resolution::One(index) => Ok(index),
        Resolution::None => Err(unknown(outline, name).at(path.as_str()).into()),
        Resolution::Many(found) => {
            let text = format!("{name:?} may mean {}", outline.told(&found));
            let refusal = Refusal::new(Code::Ambiguous, text).at(path.as_str());
            let candidates = found.iter().take(NAMED);
            let candidates =
                candidates.map(|index| outline.symbols()[*index].lines.clone()).collect();
            Err(Rejected::of(refusal).with(Cure { candidates, ..Cure::default() }))
        }
    }
}

fn around_line(outline: &Outline, line: usize, path: &RelPath) -> Result<usize, Rejected> {
    let found = line.checked_sub(1).and_then(|line| outline.around(line));
    found.ok_or_else(|| {
        let text = format!("no construct stands around line {line}");
        Refusal::new(Code::NotFound, text).at(path.as_str()).into()
    })
}
