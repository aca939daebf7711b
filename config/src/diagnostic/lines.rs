//! At which line and column does a byte stand? Answers in constant time, however long the line.

/// The lines of one text. Columns count characters.
#[derive(Debug, Clone)]
pub struct Lines {
    /// The byte each line starts at.
    starts: Vec<u32>,
    /// How many characters stand before each block of [`BLOCK`] bytes.
    characters: Vec<u32>,
}

impl Lines {
    /// Goes through `text` once. Texts of 4 GiB and more are not served: their far end has no place.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut starts = vec![0];
        let mut characters = Vec::with_capacity(text.len() / BLOCK + 1);
        let mut count = 0;
        for (at, &byte) in (0u32..).zip(text.as_bytes()) {
            if (at as usize).is_multiple_of(BLOCK) {
                characters.push(count);
            }
            count += u32::from(begins_character(byte));
            if byte == b'\n' {
                starts.push(at + 1);
            }
        }
        if characters.is_empty() || text.len().is_multiple_of(BLOCK) {
            characters.push(count);
        }
        Self { starts, characters }
    }

    /// Line and column, both from 1, of byte `offset` of the same `text`.
    #[must_use]
    pub fn position(&self, text: &str, offset: u32) -> (u32, u32) {
        let offset = offset.min(u32::try_from(text.len()).unwrap_or(u32::MAX));
        let line = self.starts.partition_point(|&start| start <= offset) - 1;
        let before = self.characters_before(text, self.starts[line]);
        let column = self.characters_before(text, offset).saturating_sub(before) + 1;
        (u32::try_from(line + 1).unwrap_or(u32::MAX), column)
    }

    /// The byte the line, from 1, starts at.
    pub(super) fn start(&self, line: u32) -> Option<u32> {
        self.starts.get(line.saturating_sub(1) as usize).copied()
    }

    /// The bytes of the line, from 1, without its end.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str, line: u32) -> &'a str {
        let index = line.saturating_sub(1) as usize;
        let start = self.starts.get(index).map_or(text.len(), |&s| s as usize);
        let end = self.starts.get(index + 1).map_or(text.len(), |&s| s as usize - 1);
        let found = text.get(start..end).unwrap_or_default();
        found.strip_suffix('\r').unwrap_or(found)
    }

    fn characters_before(&self, text: &str, offset: u32) -> u32 {
        let block = offset as usize / BLOCK;
        let rest = &text.as_bytes()[block * BLOCK..offset as usize];
        let rest = rest.iter().filter(|&&byte| begins_character(byte)).count();
        self.characters[block] + u32::try_from(rest).unwrap_or(0)
    }
}

const BLOCK: usize = 1024;

const fn begins_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_across_blocks() {
        let text = format!("é\n{}x", "ü".repeat(3 * BLOCK));
        let lines = Lines::of(&text);
        let end = u32::try_from(text.len()).expect("small");
        assert_eq!(lines.position(&text, 0), (1, 1));
        assert_eq!(lines.position(&text, 2), (1, 2));
        assert_eq!(lines.position(&text, 3), (2, 1));
        assert_eq!(lines.position(&text, end), (2, 3 * 1024 + 2));
    }

    #[test]
    fn serves_every_length_around_a_block() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1] {
            let text = "a".repeat(length);
            let end = u32::try_from(length).expect("small");
            assert_eq!(Lines::of(&text).position(&text, end), (1, end + 1));
        }
    }
}
