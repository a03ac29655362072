//! Texts that a model wrote, kept together until somebody counts them: an edit
//! has hundreds of short ones.

/// Some texts, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    all: String,
    /// Where each ends in `all`.
    ends: Vec<usize>,
}

impl Texts {
    /// Makes room for so many texts more.
    pub fn reserve(&mut self, texts: usize) {
        self.ends.reserve(texts);
    }

    /// Adds a text.
    pub fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    /// Returns the texts, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.all[start..*end])
    }

    /// Returns the bytes that they take in memory.
    pub fn weight(&self) -> usize {
        self.all.len() + self.ends.len() * size_of::<usize>()
    }
}

impl<'a> Extend<&'a str> for Texts {
    fn extend<I: IntoIterator<Item = &'a str>>(&mut self, texts: I) {
        texts.into_iter().for_each(|text| self.push(text));
    }
}

impl<'a> FromIterator<&'a str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Texts {
        let mut found = Texts::default();
        found.extend(texts);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        let texts = ["", "a", "é\n", ""];
        assert_eq!(texts.into_iter().collect::<Texts>().iter().collect::<Vec<_>>(), texts);
    }
}
