//! Constructs by name: which lines `impl Foo > fn bar` are, or what stands around
//! a line.

use engine::anchor::{LineRange, lines_of};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use grammars::Outline;
use grammars::check::Unread;
use grammars::outline::Resolution;

use super::reject::{Cure, Rejected};
use crate::service::Service;
use crate::service::api::Read;

/// The most constructs that a refusal names.
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
    service.syntax.outline(path.as_str(), snapshot).map_err(|why| unread(why, path))
}

/// Returns the reason why a file's constructs cannot be told.
pub(super) fn unread(why: Unread, path: &RelPath) -> Refusal {
    let code = match why {
        Unread::NoLanguage | Unread::Unfit | Unread::NoWorker => Code::Unsupported,
        Unread::Encoding => Code::Encoding,
        Unread::TooLarge => Code::TooLarge,
        Unread::TimedOut => Code::Timeout,
    };
    Refusal::new(code, why.to_string()).at(path.as_str())
}

/// Returns the one construct that `name` means.
///
/// # Errors
/// `not_found`, with names that are alike; `ambiguous`, with all that it may be.
pub(super) fn named(outline: &Outline, name: &str, path: &RelPath) -> Result<usize, Rejected> {
    match outline.resolve(name) {
        Resolution::One(index) => Ok(index),
        Resolution::None => {
            let alike = match alike(outline, name) {
                alike if alike.is_empty() => String::new(),
                alike => format!("; alike are {}", told(outline, &alike)),
            };
            let text = format!("no construct is called {name:?}{alike}");
            Err(Refusal::new(Code::NotFound, text).at(path.as_str()).into())
        }
        Resolution::Many(found) => {
            let text = format!("{name:?} may mean {}", told(outline, &found));
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

/// Names constructs with their lines, the first few.
fn told(outline: &Outline, indices: &[usize]) -> String {
    let told = indices.iter().take(NAMED).map(|index| {
        let (first, last) = lines_of(&outline.symbols()[*index].lines);
        format!("{} ({first}-{last})", outline.path(*index))
    });
    let more = match indices.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", told.collect::<Vec<_>>().join(", "))
}

/// Returns the symbols whose own name holds the last word of `name` or is held
/// by it, letter case aside.
fn alike(outline: &Outline, name: &str) -> Vec<usize> {
    let word = |text: &str| {
        let words = text.rsplit(|c: char| !c.is_alphanumeric() && c != '_');
        words.map(str::to_lowercase).find(|word| !word.is_empty()).unwrap_or_default()
    };
    let asked = word(name);
    let is_alike = |own: &str| {
        own.len() >= 2 && asked.len() >= 2 && (own.contains(&asked) || asked.contains(own))
    };
    let symbols = outline.symbols().iter().enumerate();
    symbols.filter(|(_, symbol)| is_alike(&word(&symbol.name))).map(|(index, _)| index).collect()
}
