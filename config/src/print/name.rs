//! How are names and texts written that nft cannot read as they are? An iptables dump may call a chain `reject`
//! or `DOS~in`, and its comments may hold quotes and be longer than nft's.

use std::fmt::{self, Display, Formatter};

use crate::nft::keywords::is_keyword;
use crate::nft::object::LONGEST_COMMENT;

/// The name of a chain as nft reads it: signs it does not know become `_` with their number, words of the language
/// get a `_` in front. Names that differ stay different.
pub(super) struct Name<'a>(pub(super) &'a str);

impl Name<'_> {
    /// Whether it is written otherwise than it is.
    pub(super) fn is_changed(&self) -> bool {
        let mut bytes = self.0.bytes();
        let first = bytes.next().is_some_and(starts);
        !first || !bytes.all(goes_on) || is_keyword(self.0)
    }
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.is_changed() {
            return f.write_str(self.0);
        }
        f.write_str("_")?;
        for byte in self.0.bytes() {
            if goes_on(byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "_{byte:02x}")?;
            }
        }
        Ok(())
    }
}

const fn starts(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

const fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.')
}

/// The prefix of log lines. In nft's a `$` begins the name of a variable, and nothing takes that from it: what has one is
/// held by a variable itself, which is called after it. Names of prefixes that differ are different.
pub(super) struct Prefix<'a>(pub(super) &'a str);

impl Prefix<'_> {
    /// The variable that must be defined, and what it holds.
    pub(super) fn definition(&self) -> Option<String> {
        let needed = self.0.contains('$');
        needed.then(|| format!("define {} = {}\n", self.variable(), Quoted(self.0)))
    }

    fn variable(&self) -> String {
        let mut name = "prefix_".to_owned();
        for byte in self.0.bytes() {
            match byte {
                _ if byte.is_ascii_alphanumeric() => name.push(byte.into()),
                _ => name.push_str(&format!("_{byte:02x}")),
            }
        }
        name
    }
}

impl Display for Prefix<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.contains('$') {
            return write!(f, "\"${}\"", self.variable());
        }
        write!(f, "{}", Quoted(self.0))
    }
}

/// A text in quotes, in which nft knows no quote: it becomes an apostrophe.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "'"))
    }
}

/// As much of a comment as nft takes, without quotes in it.
pub(crate) fn comment_of_nft(text: &str) -> String {
    let end = (0..=text.len().min(LONGEST_COMMENT)).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].replace('"', "'")
}

/// A comment in quotes, cut where nft's ends.
pub(super) struct Comment<'a>(pub(super) &'a str);

impl Display for Comment<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", comment_of_nft(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nft_cannot_read_are_changed_and_stay_apart() {
        let written = ["INPUT", "reject", "DOS~in", "DOS_in", "9a", "a b"].map(|name| Name(name).to_string());
        assert_eq!(written, ["INPUT", "_reject", "_DOS_7ein", "DOS_in", "_9a", "_a_20b"]);
        assert!(written.iter().all(|name| !Name(name).is_changed()));
    }

    #[test]
    fn comments_are_cut_between_characters() {
        let long = "\u{e9}".repeat(100);
        assert_eq!(Comment(&long).to_string().len(), 128 + 2);
        assert_eq!(Comment("say \"no\"").to_string(), "\"say 'no'\"");
    }
}
