//! The census of a name, with a parser: comments and texts do not count, where
//! a grammar can tell them apart.

use std::sync::Arc;

use grammars::SyntaxCheck;
use grammars::lexeme::Lexeme;
use lsp_bridge::census::{Census, Occurrence, TextCensus, in_snapshot};
use lsp_bridge::files::Files;

/// Counts a name in all files.
pub(in crate::service) struct Named {
    pub(super) documents: Arc<dyn Files>,
    pub(super) syntax: Arc<SyntaxCheck>,
}

impl Census for Named {
    fn occurrences(&self, name: &str, is_counted: &dyn Fn(&str) -> bool) -> Vec<Occurrence> {
        // The text knows every place; most files hold none, and are not parsed.
        let all = TextCensus(Arc::clone(&self.documents)).occurrences(name, is_counted);
        let mut found = Vec::with_capacity(all.len());
        for places in all.chunk_by(|a, b| a.path == b.path) {
            found.extend(self.in_code(name, places));
        }
        found
    }
}

impl Named {
    /// Returns those of the places in one file that are code, or a text that is
    /// the name and nothing else.
    fn in_code(&self, name: &str, places: &[Occurrence]) -> Vec<Occurrence> {
        let all = || places.to_vec();
        let Some(path) = places.first().map(|place| &place.path) else { return all() };
        let Some(snapshot) = self.documents.snapshot(path) else { return all() };
        if in_snapshot(name, path, &snapshot) != places {
            // It was written to meanwhile; the places will be refused anyway.
            return all();
        }
        let ranges: Vec<_> = places.iter().map(|place| place.range.clone()).collect();
        let Ok(lexemes) = self.syntax.lexemes(path, &snapshot, &ranges) else { return all() };
        let counts = |(_, lexeme): &(&Occurrence, Lexeme)| {
            matches!(lexeme, Lexeme::Code | Lexeme::WholeText)
        };
        let counted = places.iter().zip(lexemes).filter(counts);
        counted.map(|(place, _)| place.clone()).collect()
    }
}
