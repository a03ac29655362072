//! Names of symbols: how they are written in an outline, and by which other
//! spellings a symbol is known.

/// The most characters of a name; a longer one is cut.
const NAME_MAX: usize = 160;

/// What may stand between the names of a path. The longer first.
pub(super) const SEPARATORS: [&str; 7] = [" > ", "::", "->", ".", "/", "#", ":"];

/// Returns a name as an outline shows it: on one line, without the quotes around
/// it.
pub(super) fn plain(text: &str) -> String {
    let line = one_line(text, NAME_MAX);
    for quote in ['"', '\'', '`'] {
        let inner = line.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.is_empty()) {
            return inner.to_owned();
        }
    }
    line
}

/// Returns `text` with each run of blanks as one space, cut to `max` characters,
/// and nothing in it that could steer a terminal.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
        // No character has more than 4 bytes.
        if line.len() > 4 * max {
            break;
        }
    }
    if line.chars().count() > max {
        line = line.chars().take(max - 1).chain(['…']).collect();
    }
    line
}

/// Returns the parts of a name that says by itself what it belongs to, such as
/// `Part::label` in C++ or `M.count` in Lua; of every other name itself.
pub(super) fn parts(name: &str) -> Vec<&str> {
    let is_qualified = |name: &str| {
        name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | ':' | '?' | '!'))
    };
    // An operator follows what it belongs to.
    let end = name.find("operator").unwrap_or(name.len());
    if !is_qualified(&name[..end]) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return vec![name];
    }
    let (head, tail) = name.split_at(end);
    let mut parts: Vec<&str> = head.split(['.', ':']).filter(|part| !part.is_empty()).collect();
    if !tail.is_empty() {
        parts.push(tail);
    }
    if parts.is_empty() { vec![name] } else { parts }
}

/// Returns the spellings by which a part of a path is known: itself, what an
/// `impl … for …` is for, and either without generic arguments.
pub(super) fn spellings(part: &str) -> Vec<&str> {
    let mut spellings = vec![part];
    spellings.extend(part.rsplit_once(" for ").map(|(_, target)| target));
    for index in 0..spellings.len() {
        let bare = spellings[index].split_once('<').map(|(bare, _)| bare.trim_end());
        spellings.extend(bare.filter(|bare| !bare.is_empty()));
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_line() {
        assert_eq!(plain("\"a b\""), "a b");
        assert_eq!(plain("Display\n    for \t Part"), "Display for Part");
        assert_eq!(plain("''"), "''");
        assert_eq!(plain("a\x1b[2J"), "a\u{fffd}[2J");
        assert_eq!(plain(&"ä".repeat(500)).chars().count(), NAME_MAX);
    }

    #[test]
    fn a_qualified_name_has_parts() {
        assert_eq!(parts("Part::label"), ["Part", "label"]);
        assert_eq!(parts("Part::operator=="), ["Part", "operator=="]);
        assert_eq!(parts("M.sub:count"), ["M", "sub", "count"]);
        assert_eq!(parts("self.empty?"), ["self", "empty?"]);
        assert_eq!(parts("1.2 Scope"), ["1.2 Scope"]);
        assert_eq!(parts("1.2"), ["1.2"]);
        assert_eq!(parts(".part > a"), [".part > a"]);
        assert_eq!(parts("..."), ["..."]);
        assert_eq!(parts("=="), ["=="]);
    }

    #[test]
    fn a_part_is_known_by_shorter_spellings() {
        assert_eq!(
            spellings("From<T> for Part<T>"),
            ["From<T> for Part<T>", "Part<T>", "From", "Part"]
        );
        assert_eq!(spellings("new"), ["new"]);
        assert_eq!(spellings("<<"), ["<<"]);
    }
}
