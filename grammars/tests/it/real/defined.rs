//! What a line defines, as one sees it without a parser: by the word that it begins
//! with. An outline has to hold it.

/// Words that may stand before the one that says what is defined.
const BEFORE: [&str; 19] = [
    "abstract",
    "async",
    "const",
    "default",
    "export",
    "final",
    "inline",
    "pub",
    "pub(crate)",
    "pub(super)",
    "private",
    "protected",
    "public",
    "readonly",
    "sealed",
    "static",
    "strictfp",
    "typedef",
    "unsafe",
];

/// Returns the name that `line` defines in a language, if it is one of those that
/// one can tell from the line alone.
pub(super) fn defined<'a>(language: &str, line: &'a str) -> Option<&'a str> {
    match language {
        "bash" => line.trim_end_matches(['{', ' ']).strip_suffix("()").filter(|name| is_word(name)),
        "c" | "cpp" => by_word(line, &["class", "enum", "namespace", "struct", "union"])
            .filter(|_| line.ends_with('{') && !line.starts_with(' ')),
        "css" => line
            .strip_suffix(" {")
            .filter(|name| name.starts_with(['.', '#']) && !name.contains(' ')),
        "go" => match line.strip_prefix("func (") {
            Some(method) => method.split_once(") ").map(|(_, rest)| word(rest)),
            None => by_word(line, &["func", "type"]).filter(|_| !line.starts_with([' ', '\t'])),
        },
        "html" => line.split_once(" id=\"")?.1.split_once('"').map(|(id, _)| id),
        "java" => by_word(line, &["@interface", "class", "enum", "interface"]),
        "javascript" => by_word(line, &["class", "function"]),
        "json" | "jsonc" => key(line.trim_start().strip_prefix('"')?),
        "markdown" => line.strip_prefix("## ").map(str::trim_end),
        "python" => by_word(line, &["class", "def"]),
        "rust" => by_word(line, &["enum", "fn", "mod", "struct", "trait"]),
        "toml" => line.strip_prefix('[')?.strip_suffix(']').filter(|name| is_word(name)),
        "tsx" | "typescript" => by_word(line, &["class", "enum", "function", "interface"]),
        "yaml" => line.split_once(':').map(|(key, _)| key).filter(|key| is_word(key)),
        _ => None,
    }
}

/// Returns the name that stands behind one of `words`, with which `line` begins but
/// for blanks and what may stand before.
fn by_word<'a>(line: &'a str, words: &[&str]) -> Option<&'a str> {
    let mut parts = line.split_ascii_whitespace();
    let first = parts.find(|part| !BEFORE.contains(part))?;
    let name = words.contains(&first).then(|| parts.next())??;
    Some(word(name)).filter(|name| !name.is_empty())
}

/// Returns the key before a quote and a colon.
fn key(rest: &str) -> Option<&str> {
    rest.split_once('"').filter(|(_, rest)| rest.starts_with(':')).map(|(key, _)| key)
}

/// Returns the word with which `text` begins.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    &text[..end.unwrap_or(text.len())]
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
}
