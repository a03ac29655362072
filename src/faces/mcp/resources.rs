//! Files as resources: `anchord:///src/lib.rs?handle=481920`.
//!
//! With a handle, a resource is one content for ever; without, it is the file as
//! it is now. What is read this way counts as shown, like any other read.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

/// The scheme with the empty authority behind it.
const SCHEME: &str = "anchord:///";

/// How such resources are written, as a template of RFC 6570.
pub(super) const TEMPLATE: &str = "anchord:///{+path}{?handle,lines}";

/// What is escaped in a path: controls, and what would end it.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Returns the address of a file, or of one of its contents.
pub(super) fn uri(path: &str, handle: Option<&str>) -> String {
    let path = utf8_percent_encode(path, ESCAPED);
    match handle {
        Some(handle) => format!("{SCHEME}{path}?handle={handle}"),
        None => format!("{SCHEME}{path}"),
    }
}

/// Returns the arguments of `read` that an address stands for.
///
/// # Errors
/// What is wrong with the address.
pub(super) fn arguments(uri: &str) -> Result<Map<String, Value>, String> {
    // Two slashes are often written where there is no authority to follow.
    let rest = uri.strip_prefix(SCHEME).or_else(|| uri.strip_prefix("anchord://"));
    let rest = rest.ok_or_else(|| format!("{uri:?} does not begin with {SCHEME}"))?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(Value::from(text.into_owned())),
        Err(_) => Err(format!("{text:?} is not UTF-8")),
    };
    let mut arguments = Map::new();
    arguments.insert("path".to_owned(), decoded(path)?);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !["handle", "lines"].contains(&name) {
            return Err(format!("an address takes handle and lines, but not {name:?}"));
        }
        if arguments.insert(name.to_owned(), decoded(value)?).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: &str) {
        let text =
            arguments(address).map_or_else(|error| error, |map| Value::Object(map).to_string());
        assert_eq!(text, expected, "{address}");
    }

    #[test]
    fn an_address_is_read_as_it_is_written() {
        check("anchord:///src/lib.rs", r#"{"path":"src/lib.rs"}"#);
        check(
            "anchord://a?handle=481920&lines=1-2",
            r#"{"handle":"481920","lines":"1-2","path":"a"}"#,
        );
        for path in ["a b/c?d#e%20.txt", "é/\u{1F600}", "plain"] {
            let arguments = arguments(&uri(path, Some("481920"))).unwrap();
            assert_eq!(
                (&arguments["path"], &arguments["handle"]),
                (&path.into(), &"481920".into())
            );
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        check("file:///a", r#""file:///a" does not begin with anchord:///"#);
        check("anchord:///a?line=1", r#"an address takes handle and lines, but not "line""#);
        check("anchord:///a?lines=1&lines=2", "lines is given twice");
        check("anchord:///%ff", r#""%ff" is not UTF-8"#);
    }
}
