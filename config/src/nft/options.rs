//! How are options, chunks and extension headers written? `tcp option maxseg size`, `sctp chunk data exists`,
//! `exthdr frag exists`.

use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use crate::diagnostic::Diagnostic;
use crate::policy::{OptionOf, Part};
use crate::ruleset::{Protocol, Selector, options};
use crate::suggestion::did_you_mean;

impl Parser<'_> {
    /// What comes behind `tcp option`, `ip option`, `sctp chunk` or `dccp option`.
    pub(super) fn option(&mut self, of: OptionOf) -> Parsed<Selector> {
        if self.at_sign("@") && of == OptionOf::Tcp {
            return self.raw_option(of);
        }
        let what = options::header_name(of);
        let (token, span) = self.peek();
        let (kind, name) = match token {
            Kind::Number(number) if matches!(of, OptionOf::Tcp | OptionOf::Dccp) => {
                self.tokens.take();
                let Ok(kind) = u8::try_from(number) else {
                    return self.fail_at(span, "the kind of an option is 0 to 255");
                };
                (kind, options::name_of(of, kind).unwrap_or_default().to_owned())
            }
            _ if of == OptionOf::Dccp => return self.fail_expected("the number of an option"),
            _ => {
                let name = self.word(&format!("the name of a {what}"))?;
                let Some(kind) = options::kind_named(of, &name) else {
                    let mut complaint =
                        Diagnostic::new(name.span, format!("there is no {what} `{}`", &*name));
                    complaint.help = did_you_mean(&name, options::option_names(of));
                    return Err(self.fail(complaint));
                };
                (kind, name.to_string())
            }
        };
        let Some(field) = self.peek_word() else {
            // What follows without a word is compared with whether it is there.
            return Ok(Selector::Exists(Part::Option(of, kind)));
        };
        if matches!(&*field, "exists" | "missing" | "vmap" | "eq" | "ne") {
            return Ok(Selector::Exists(Part::Option(of, kind)));
        }
        if let Some(found) = options::field_of(of, &name, &field) {
            self.tokens.take();
            return Ok(Selector::Option(found));
        }
        if matches!((of, &*field), (OptionOf::Tcp, "kind" | "length")) && name.is_empty() {
            self.tokens.take();
            let offset = if &*field == "kind" { 0 } else { 8 };
            return Ok(Selector::RawOption { of, kind, offset, width: 8 });
        }
        let text = format!("`{}` is not a field of this option", &*field);
        let mut complaint = Diagnostic::new(field.span, text);
        complaint.help = did_you_mean(&field, options::field_names(of, &name));
        Err(self.fail(complaint))
    }

    /// `@kind,offset,width`
    fn raw_option(&mut self, of: OptionOf) -> Parsed<Selector> {
        let at = self.expect_sign("@")?;
        let kind = match self.peek_word() {
            Some(name) => {
                self.tokens.take();
                options::kind_named(of, &name).map(u64::from)
            }
            None => Some(self.number("the kind of an option")?.node),
        };
        self.expect_sign(",")?;
        let offset = self.number("an offset in bits")?.node;
        self.expect_sign(",")?;
        let width = self.number("a width in bits")?;
        let kind = kind.and_then(|kind| u8::try_from(kind).ok());
        match (kind, u16::try_from(offset), u16::try_from(width.node)) {
            (Some(kind), Ok(offset @ 0..=2047), Ok(width @ 1..=128)) => {
                Ok(Selector::RawOption { of, kind, offset, width })
            }
            _ => self.fail_at(at.to(width.span), "there are no such bits in an option"),
        }
    }

    /// What comes behind `exthdr`.
    pub(super) fn extension_exists(&mut self) -> Parsed<Selector> {
        let name = self.word("the name of an extension header")?;
        let found = match Protocol::named(&name) {
            Some(Protocol::Rt0 | Protocol::Rt2 | Protocol::Srh) | None => None,
            Some(protocol) => protocol.extension(),
        };
        match found {
            Some(number) => Ok(Selector::Exists(Part::Extension(number))),
            None => {
                let mut complaint =
                    Diagnostic::new(name.span, format!("there is no extension header `{}`", &*name));
                complaint.help = did_you_mean(&name, ["hbh", "rt", "frag", "dst", "mh"]);
                Err(self.fail(complaint))
            }
        }
    }
}
