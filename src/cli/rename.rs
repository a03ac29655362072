//! `anchord rename`: a symbol under another name, or a file at another place,
//! and everything that names them, in one operation.

use super::endpoint::Endpoint;
use super::paint::Paint;
use super::{CliError, Common, End, edit};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Rename {
    /// Where the symbol stands, as FILE or FILE:LINE or FILE:LINE:COLUMN; with
    /// --file, the file itself
    place: String,
    /// Its name, or the path of what defines it, such as Part::new; with --file,
    /// where the file goes
    name: String,
    /// Its new name
    #[arg(required_unless_present = "file")]
    to: Option<String>,
    /// Move a file, and what names it with it
    #[arg(long, conflicts_with = "to")]
    file: bool,
    /// Only look what would change
    #[arg(long)]
    dry_run: bool,
    /// The change that was looked at, by its name: refuse any other
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// What the server leaves out is meant to stay
    #[arg(long)]
    accept_uncovered: bool,
    /// How long the language server may take
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// The reason, for the record
    #[arg(long)]
    why: Option<String>,
}

pub(super) fn run(
    rename: &Rename,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let wait_ms = rename.wait.map(|seconds| seconds.saturating_mul(1000));
    let (dry_run, plan, why) = (rename.dry_run, rename.plan.clone(), rename.why.clone());
    let result = match &rename.to {
        None => {
            let (path, to) = (rename.place.clone(), rename.name.clone());
            let params = wire::RenameFileParams {
                path,
                to,
                wait_ms,
                dry_run,
                plan,
                why,
                ..wire::RenameFileParams::default()
            };
            endpoint.raw("lsp/rename_file", &params)?
        }
        Some(to) => {
            let (path, line, column) = place(&rename.place);
            let (name, symbol) = match line {
                Some(_) => (Some(rename.name.clone()), None),
                None => (None, Some(rename.name.clone())),
            };
            let (to, accept_uncovered) = (to.clone(), rename.accept_uncovered);
            let params = wire::RenameParams {
                path,
                line,
                column,
                name,
                symbol,
                to,
                accept_uncovered,
                wait_ms,
                dry_run,
                plan,
                why,
                ..wire::RenameParams::default()
            };
            endpoint.raw("lsp/rename", &params)?
        }
    };
    edit::outcome(&result, common, endpoint, paint)
}

/// Returns file, line and column of a place; a name that ends in a number after
/// a colon is read as a place.
fn place(text: &str) -> (String, Option<usize>, Option<usize>) {
    let number = |text: &str| -> Option<(String, usize)> {
        let (rest, number) = text.rsplit_once(':')?;
        Some((rest.to_owned(), number.parse().ok()?))
    };
    match number(text) {
        None => (text.to_owned(), None, None),
        Some((rest, last)) => match number(&rest) {
            None => (rest, Some(last), None),
            Some((path, line)) => (path, Some(line), Some(last)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_with_or_without_numbers() {
        assert_eq!(place("a.rs"), ("a.rs".into(), None, None));
        assert_eq!(place("a.rs:12"), ("a.rs".into(), Some(12), None));
        assert_eq!(place("a.rs:12:3"), ("a.rs".into(), Some(12), Some(3)));
        assert_eq!(place("a:b.rs"), ("a:b.rs".into(), None, None));
    }
}
