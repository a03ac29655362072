//! Fuzzing of the readers of all formats: edits of the suites, broken and
//! mixed at random, for as long as `ANCHORD_FUZZ_SECONDS` says (for each format;
//! one second if it says nothing). `ANCHORD_FUZZ_FORMAT` names one format alone,
//! `ANCHORD_FUZZ_SEED` where to begin.
//!
//! A target is a property: no text brings a reader down, whatever the pieces in
//! which it comes the close says what the whole says, and what was understood
//! is understood the same once it is written again.

#[cfg(test)]
#[path = "../it/dice.rs"]
mod dice;
#[cfg(test)]
#[path = "../it/suite.rs"]
#[expect(dead_code, reason = "the suites use all of it")]
mod suite;

#[cfg(test)]
mod fuzz {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::{Duration, Instant};

    use engine::format::{Given, NAMES, Stream, read, recognise, write};

    use crate::dice::Dice;
    use crate::suite::Suite;

    /// The pages of cases, whose edits are broken.
    const PAGES: [(&str, &str); 10] = [
        ("anchor", include_str!("../../../tests/cases/anchor-text.md")),
        ("replace", include_str!("../../../tests/cases/replace.md")),
        ("blocks", include_str!("../../../tests/cases/blocks.md")),
        ("udiff", include_str!("../../../tests/cases/udiff.md")),
        ("patch", include_str!("../../../tests/cases/patch.md")),
        ("hashline", include_str!("../../../tests/cases/hashline.md")),
        ("lines", include_str!("../../../tests/cases/lines.md")),
        ("whole", include_str!("../../../tests/cases/whole.md")),
        ("lsp", include_str!("../../../tests/cases/lsp.md")),
        ("symbol", include_str!("../../../tests/cases/symbol.md")),
    ];

    /// What is put in, besides pieces of other edits.
    const WORDS: [&str; 40] = [
        "\n",
        "\r\n",
        "\r",
        "\0",
        "\u{feff}",
        "\u{2028}",
        "é",
        "🦀",
        "\\ud800",
        "\\udc00",
        "\\u0000",
        "\\n",
        "\\\"",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "0",
        "1",
        "-1",
        "18446744073709551616",
        "1e308",
        "null",
        "```",
        "~~~~",
        "...",
        ".",
        "@",
        "@@",
        "--- ",
        "+++ ",
        "*** End Patch\n",
        ">>>>>>> REPLACE\n",
        "=======\n",
        "\\ No newline at end of file\n",
        "/dev/null",
        "../..",
    ];

    /// The longest text.
    const LONGEST: usize = 64 << 10;

    impl Dice {
        /// Returns a place between two characters of a text.
        fn place(&mut self, text: &str) -> usize {
            text.floor_char_boundary(self.roll(text.len() + 1))
        }

        /// Returns a piece of a text, most often a short one or whole rows.
        fn piece<'a>(&mut self, text: &'a str) -> &'a str {
            let (one, two) = (self.place(text), self.place(text));
            let (start, end) = (one.min(two), one.max(two));
            match self.roll(3) {
                0 => &text[start..text.floor_char_boundary((start + 8).min(text.len())).max(start)],
                1 => {
                    let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
                    let end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
                    &text[start..end]
                }
                _ => &text[start..end],
            }
        }
    }

    /// Returns the edits of the pages, with their formats.
    fn seeds() -> Vec<(&'static str, String)> {
        let mut seeds = Vec::new();
        for (format, page) in PAGES {
            for case in Suite::read("page", page).cases {
                let edits = case.blocks.iter().filter(|block| block.kind == "edit");
                let texts = edits.filter_map(|block| String::from_utf8(block.bytes.clone()).ok());
                seeds.extend(texts.map(|text| (format, text.replace("HANDLE", "481920"))));
            }
        }
        seeds
    }

    /// Breaks a text once.
    fn broken(text: &mut String, others: &[(&str, String)], dice: &mut Dice) {
        let at = dice.place(text);
        match dice.roll(8) {
            0 => text.truncate(at),
            1 => {
                let gone = dice.piece(text).to_owned();
                *text = text.replacen(&gone, "", usize::from(!gone.is_empty()));
            }
            2 => {
                let piece = dice.piece(text).to_owned();
                text.insert_str(at, &piece);
            }
            3 => {
                let times = 1 << dice.roll(10);
                let piece = dice.piece(text).to_owned();
                let times = times.min(LONGEST / (piece.len() + 1));
                text.insert_str(at, &piece.repeat(times));
            }
            4 => {
                let piece = {
                    let other = &others[dice.roll(others.len())].1;
                    dice.piece(other).to_owned()
                };
                text.insert_str(at, &piece);
            }
            5 => {
                let (old, new) = (dice.piece(text).to_owned(), WORDS[dice.roll(WORDS.len())]);
                *text = text.replacen(&old, new, usize::from(!old.is_empty()));
            }
            6 => {
                let last = text.len() - text[at..].char_indices().nth(1).map_or(0, |_| 1);
                text.truncate(text.floor_char_boundary(last));
            }
            _ => text.insert_str(at, WORDS[dice.roll(WORDS.len())]),
        }
        text.truncate(text.floor_char_boundary(LONGEST));
    }

    /// Holds one text against the properties.
    fn hold(format: &str, text: &str, dice: &mut Dice) {
        let given = Given { path: (dice.roll(4) == 0).then_some("f"), handle: None };
        let whole = read(format, text, given);
        let mut stream = Stream::open(format, given).expect("it is a format");
        let (mut rest, mut hopeless) = (text, false);
        while !rest.is_empty() {
            let most = [1, 16, rest.len()][dice.roll(3)].min(rest.len());
            let len = (1..=rest.len()).find(|len| *len >= most && rest.is_char_boundary(*len));
            let (piece, behind) = rest.split_at(len.unwrap_or(rest.len()));
            hopeless |= stream.push(piece).is_err();
            rest = behind;
        }
        assert!(!hopeless || whole.is_err(), "what is read as a whole is refused on the way");
        assert_eq!(stream.close(), whole, "the pieces say something else than the whole");
        if let Ok(draft) = whole
            && let Ok(again) = write(format, &draft)
        {
            assert_eq!(read(format, &again, Given::default()), Ok(draft), "written as {again}");
        }
    }

    fn number(name: &str, otherwise: u64) -> u64 {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }

    /// Fuzzes one reader; `check` is its property.
    #[track_caller]
    fn fuzz(format: &str, check: impl Fn(&str, &mut Dice)) {
        let asked = std::env::var("ANCHORD_FUZZ_FORMAT");
        if asked.is_ok_and(|asked| asked != format) {
            return;
        }
        let all = seeds();
        let own: Vec<&String> =
            all.iter().filter(|(name, _)| *name == format).map(|(_, text)| text).collect();
        let time = Duration::from_secs(number("ANCHORD_FUZZ_SECONDS", 1));
        let (first, start) = (number("ANCHORD_FUZZ_SEED", 0), Instant::now());
        let mut seed = first;
        while start.elapsed() < time {
            let dice = &mut Dice(seed);
            let mut text = match own.is_empty() {
                true => all[dice.roll(all.len())].1.clone(),
                false => own[dice.roll(own.len())].clone(),
            };
            for _ in 0..1 + dice.roll(6) {
                broken(&mut text, &all, dice);
            }
            if catch_unwind(AssertUnwindSafe(|| check(&text, dice))).is_err() {
                panic!("{format}, seed {seed}: {text:?}");
            }
            seed += 1;
        }
        println!("{format}: {} texts in {} s", seed - first, start.elapsed().as_secs());
    }

    #[test]
    fn every_reader() {
        for format in NAMES {
            fuzz(format, |text, dice| hold(format, text, dice));
        }
    }

    #[test]
    fn recognition() {
        fuzz("auto", |text, _| {
            if let Ok(found) = recognise(text, Given::default()) {
                assert!(read(found.name, found.text, Given::default()).is_ok(), "{found:?}");
            }
        });
    }
}
