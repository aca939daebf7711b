//! How are the named objects of a table declared? Counters, limits and quotas.

use super::block::InTable;
use super::handles::What;
use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use crate::ruleset::{Counter, Object, Spanned};

impl Parser<'_> {
    /// What comes behind `counter NAME`, `limit NAME` or `quota NAME`: a block, or its items without braces.
    pub(super) fn object_declaration(
        &mut self,
        table: &InTable,
        what: &str,
        name: &Spanned<String>,
    ) -> Parsed<()> {
        let known = self.table_of(table);
        let is_known = match what {
            "counter" => known.counters.contains(&name.node),
            "limit" => known.limits.contains(&name.node),
            _ => known.quotas.contains(&name.node),
        };
        if !is_known {
            self.handles.met(table, What::Object, &name.node);
        }
        match what {
            "counter" => {
                let ((packets, bytes), comment) = self.described(Self::counts, true)?;
                let counter = Counter { name: name.node.clone(), span: name.span, packets, bytes, comment };
                self.table_of(table).counters.get_or_insert_with(&name.node, || counter);
            }
            "limit" => {
                let (what, comment) = self.described(Self::limit, false)?;
                let limit = Object { name: name.node.clone(), span: name.span, what, comment };
                let known = self.table_of(table).limits.get_or_insert_with(&name.node, || limit.clone());
                if known.what != limit.what {
                    return self.fail_at(name.span, "this limit is already declared, and differs");
                }
            }
            _ => {
                let (what, comment) = self.described(Self::quota, false)?;
                let quota = Object { name: name.node.clone(), span: name.span, what, comment };
                let known = self.table_of(table).quotas.get_or_insert_with(&name.node, || quota.clone());
                if (known.what.bytes, known.what.over) != (quota.what.bytes, quota.what.over) {
                    return self.fail_at(name.span, "this quota is already declared, and differs");
                }
            }
        }
        Ok(())
    }

    /// What `read` reads, in braces or not, and a comment beside it.
    fn described<T: Default>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Parsed<T>,
        may_be_empty: bool,
    ) -> Parsed<(T, Option<String>)> {
        if !self.at_sign("{") {
            if may_be_empty && self.at_end() {
                return Ok((T::default(), None));
            }
            return Ok((read(self)?, None));
        }
        let (mut found, mut comment) = (None, None);
        let (before, open) = (self.errors.len(), self.peek().1);
        self.block(|parser| {
            if !parser.at_word("comment") {
                found = Some(read(parser)?);
            }
            if parser.eat_word("comment") {
                parser.only_comment(&mut comment)?;
            }
            Ok(())
        })?;
        match found {
            Some(found) => Ok((found, comment)),
            None if may_be_empty || self.errors.len() > before => Ok((T::default(), comment)),
            None => self.fail_at(open, "this block does not say what it declares"),
        }
    }

    /// A comment in quotes.
    pub(super) fn comment(&mut self) -> Parsed<String> {
        let text = match self.peek().0 {
            Kind::Word => self.name("a comment in quotes")?,
            _ => self.text("a comment in quotes")?,
        };
        if text.node.len() > LONGEST_COMMENT {
            return self.fail_at(text.span, format!("a comment has at most {LONGEST_COMMENT} bytes"));
        }
        Ok(text.node)
    }

    /// The text behind `comment`, where no second one may stand.
    pub(super) fn only_comment(&mut self, held: &mut Option<String>) -> Parsed<()> {
        let span = self.peek().1;
        match held.replace(self.comment()?) {
            Some(_) => self.fail_at(span, "a second comment: there can be one"),
            None => Ok(()),
        }
    }
}

/// In bytes, as nft has it.
pub(crate) const LONGEST_COMMENT: usize = 128;
