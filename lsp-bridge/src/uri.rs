//! Names of documents: paths beneath a root ↔ `file:` URIs.
//!
//! Servers escape more or fewer characters than we do, so names are compared
//! with their escapes undone. A name that leads out of the root has no path
//! here: what a server says about other files is not ours to act upon.

use std::path::Path;

/// Returns the URI of the file or folder at `path`, which is absolute; bytes
/// that are not UTF-8 are escaped like any other.
pub fn of_path(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::from("file://");
    for &byte in path.as_os_str().as_bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        match is_plain {
            true => uri.push(char::from(byte)),
            false => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// Returns the URI of the file that lies at `path` beneath `root`.
pub fn of_file(root: &Path, path: &str) -> String {
    of_path(&root.join(path))
}

/// Returns the path beneath `root` of the document that a server calls `uri`;
/// `None` where that is no file beneath it, or its name leads elsewhere.
pub fn path_beneath(root: &Path, uri: &str) -> Option<String> {
    use std::os::unix::ffi::OsStrExt;
    let rest = uri.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("file:"))?;
    let rest = &uri[rest.len()..];
    let rest = match rest.strip_prefix("//") {
        Some(authority) => authority.strip_prefix("localhost").unwrap_or(authority),
        None => rest,
    };
    let bytes: Vec<u8> = unescaped(rest).collect();
    let root = root.as_os_str().as_bytes();
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let path = bytes.strip_prefix(root)?.strip_prefix(b"/")?;
    let path = std::str::from_utf8(path).ok()?;
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    (!path.contains('\0') && path.split('/').all(is_plain)).then(|| path.to_owned())
}

/// Returns whether two names mean one document.
pub fn is_same_uri(a: &str, b: &str) -> bool {
    a == b || unescaped(a).eq(unescaped(b))
}

/// Returns the bytes of a URI with its escapes undone.
fn unescaped(uri: &str) -> impl Iterator<Item = u8> {
    let mut rest = uri.as_bytes();
    std::iter::from_fn(move || {
        let (byte, tail) = match rest {
            [b'%', high, low, tail @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (16 * high + low, tail),
                _ => (b'%', &rest[1..]),
            },
            [byte, tail @ ..] => (*byte, tail),
            [] => return None,
        };
        rest = tail;
        Some(byte)
    })
}

fn hex(digit: u8) -> Option<u8> {
    Some(char::from(digit).to_digit(16)? as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn beneath(uri: &str) -> Option<String> {
        path_beneath(Path::new("/home/a b"), uri)
    }

    #[test]
    fn names_are_read_however_they_are_escaped() {
        for uri in [
            "file:///home/a%20b/src/c.rs",
            "file:///home/a b/src/c.rs",
            "file:///home/a%20b/s%72c%2fc.rs",
            "FILE://localhost/home/a%20b/src/c.rs",
            "file:/home/a%20b/src/c.rs",
        ] {
            assert_eq!(beneath(uri).as_deref(), Some("src/c.rs"), "{uri}");
        }
    }

    #[test]
    fn what_lies_outside_has_no_path() {
        for uri in [
            "file:///home/a%20b",
            "file:///home/a%20b/",
            "file:///home/a%20bc/d",
            "file:///home/a%20b/../d",
            "file:///home/a%20b/x/%2e%2e/%2e%2e/d",
            "file:///home/a%20b//d",
            "file:///home/a%20b/./d",
            "file:///home/a%20b/d%00",
            "file:///home/a%20b/%ff",
            "file://host/home/a%20b/d",
            "untitled:/home/a%20b/d",
            "http:///home/a%20b/d",
            "fil",
            "",
        ] {
            assert_eq!(beneath(uri), None, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn paths_survive_the_way_there_and_back(path in "[a-zä𝄞 %#?+:]{1,8}(/[a-z%.]{1,4}x){0,2}") {
            let root = Path::new("/r%20/ö");
            let uri = of_file(root, &path);
            prop_assert!(uri.is_ascii());
            prop_assert_eq!(path_beneath(root, &uri), Some(path));
        }
    }
}
