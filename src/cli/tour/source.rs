//! The program's own source, as it was built: what the tour works on unless it
//! is told otherwise.

use std::path::Path;

use crate::cli::CliError;

/// Path and text of each file.
const FILES: [(&str, &str); 10] = [
    ("README.md", include_str!("../../../README.md")),
    ("engine/src/anchor/view.rs", include_str!("../../../engine/src/anchor/view.rs")),
    ("engine/src/apply.rs", include_str!("../../../engine/src/apply.rs")),
    ("engine/src/drift/mod.rs", include_str!("../../../engine/src/drift/mod.rs")),
    ("engine/src/edit.rs", include_str!("../../../engine/src/edit.rs")),
    ("engine/src/error.rs", include_str!("../../../engine/src/error.rs")),
    ("engine/src/plan/mod.rs", include_str!("../../../engine/src/plan/mod.rs")),
    ("engine/src/snapshot.rs", include_str!("../../../engine/src/snapshot.rs")),
    ("engine/src/text.rs", include_str!("../../../engine/src/text.rs")),
    ("src/main.rs", include_str!("../../main.rs")),
];

/// Writes the files below `root`; returns their number.
#[expect(clippy::disallowed_methods, reason = "the copy is made before anything is served")]
pub(super) fn write(root: &Path) -> Result<usize, CliError> {
    for (path, text) in FILES {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(FILES.len())
}
