//! A suite: one Markdown page whose headings are tests and whose fenced blocks
//! are files. Everything else on the page is for people.
//!
//! Terminators matter, so a block's text is read through a few escapes. Each
//! row of a block ends with LF; a lone `\` at its end takes that LF away. `\r`,
//! `\t`, `\0`, `\\`, `\xNN` (one byte) and `\u{N}` (one character, as UTF-8)
//! stand for what they say.

/// One page of cases.
pub(crate) struct Suite {
    /// The file's name, for messages.
    pub(crate) name: &'static str,
    /// Every heading below the title, with what stands under it.
    pub(crate) cases: Vec<Case>,
}

/// What stands under one heading.
pub(crate) struct Case {
    /// The heading, without its marks.
    pub(crate) heading: String,
    /// The row of the heading (1-based).
    pub(crate) row: usize,
    /// The number of marks: 2 for a sentence or topic, 3 for one of its cases.
    pub(crate) level: usize,
    /// The fenced blocks, in order.
    pub(crate) blocks: Vec<Block>,
}

/// One fenced block: ```` ```kind words ````, then its text.
#[derive(Debug)]
pub(crate) struct Block {
    /// The first word behind the fence.
    pub(crate) kind: String,
    /// The other words behind the fence.
    pub(crate) words: Vec<String>,
    /// The text, its escapes resolved.
    pub(crate) bytes: Vec<u8>,
}

impl Case {
    /// Returns the blocks of one kind.
    pub(crate) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |block| block.kind == kind)
    }

    /// Returns the first block of one kind as text.
    pub(crate) fn text(&self, kind: &str) -> Option<&str> {
        self.blocks.iter().find(|block| block.kind == kind).map(Block::text)
    }
}

impl Block {
    /// Returns the block as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("an edit is UTF-8")
    }

    /// Returns the value of the word `key=value`.
    pub(crate) fn option(&self, key: &str) -> Option<&str> {
        let value = |word: &'_ String| word.split_once('=').is_some_and(|(k, _)| k == key);
        let word = self.words.iter().find(|word| value(word))?;
        word.split_once('=').map(|(_, value)| value)
    }

    /// Returns whether the bare word `flag` stands behind the fence.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.words.iter().any(|word| word == flag)
    }
}

impl Suite {
    /// Returns the suite written in `page`.
    pub(crate) fn read(name: &'static str, page: &str) -> Suite {
        let mut cases: Vec<Case> = Vec::new();
        let mut rows = page.split('\n').zip(1..);
        while let Some((row, number)) = rows.next() {
            let level = row.bytes().take_while(|byte| *byte == b'#').count();
            if level >= 2 {
                cases.push(Case {
                    heading: row[level..].trim().to_owned(),
                    row: number,
                    level,
                    blocks: Vec::new(),
                });
                continue;
            }
            let ticks = row.bytes().take_while(|byte| *byte == b'`').count();
            if ticks < 3 {
                continue;
            }
            let fence = &row[..ticks];
            let text: Vec<(&str, usize)> =
                rows.by_ref().take_while(|(row, _)| *row != fence).collect();
            // A block before the first case explains the page.
            if let Some(case) = cases.last_mut() {
                case.blocks.push(block(name, &row[ticks..], &text));
            }
        }
        Suite { name, cases }
    }
}

fn block(suite: &str, info: &str, rows: &[(&str, usize)]) -> Block {
    let mut words = info.split_whitespace().map(str::to_owned);
    let mut bytes = Vec::new();
    for (row, number) in rows {
        unescape(row, &mut bytes)
            .unwrap_or_else(|| panic!("{suite}:{number}: unknown escape in {row:?}"));
    }
    Block { kind: words.next().unwrap_or_default(), words: words.collect(), bytes }
}

/// Adds what `row` stands for to `out`, its LF included.
fn unescape(row: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut rest = row;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let Some(mark) = rest.chars().next() else {
            return Some(());
        };
        rest = &rest[mark.len_utf8()..];
        match mark {
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            '0' => out.push(0),
            '\\' => out.push(b'\\'),
            'x' => {
                out.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
                rest = &rest[2..];
            }
            'u' => {
                let (number, behind) = rest.strip_prefix('{')?.split_once('}')?;
                let c = char::from_u32(u32::from_str_radix(number, 16).ok()?)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = behind;
            }
            _ => return None,
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'\n');
    Some(())
}

#[test]
fn a_page_is_read_as_headings_and_blocks() {
    let page = concat!(
        "# Title\n\n```text\nnot a case \\q\n```\n\n## One\nprose\n",
        "```before shown=1-2 f\na\\r\nb\\x41\\u{e9}\\\n```\n### Two\n````edit\n```\n````\n",
    );
    let suite = Suite::read("page", page);
    let headings: Vec<_> = suite.cases.iter().map(|c| (c.level, c.heading.as_str())).collect();
    assert_eq!(headings, [(2, "One"), (3, "Two")]);
    let before = &suite.cases[0].blocks[0];
    assert_eq!(before.bytes, "a\r\nbAé".as_bytes());
    assert_eq!((before.option("shown"), before.has("f")), (Some("1-2"), true));
    assert_eq!(suite.cases[1].text("edit"), Some("```\n"));
}
