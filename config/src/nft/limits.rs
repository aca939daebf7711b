//! How are limits, quotas and log lines written?

use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Limit, LimitUnit, Log, Quota, log_flags};
use crate::ruleset::{Expression, Literal, Spanned, StatementKind, Term};
use crate::suggestion::did_you_mean;

impl Parser<'_> {
    /// `rate [over] N[ kbytes]/second [burst N packets]`
    pub(super) fn limit(&mut self) -> Parsed<Limit> {
        self.expect_word("rate")?;
        let over = self.over();
        let rate = self.number("a rate")?;
        if rate.node == 0 {
            return self.fail_at(rate.span, "a rate is at least 1");
        }
        let (factor, unit) = self.rate_unit()?;
        let per_seconds = match unit.node.as_str() {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            "week" => 604_800,
            _ => {
                let mut complaint = Diagnostic::new(unit.span, format!("`{}` is not a time", unit.node));
                complaint.help = did_you_mean(&unit.node, ["second", "minute", "hour", "day", "week"]);
                return Err(self.fail(complaint));
            }
        };
        let (unit, scale) = match factor {
            Some(factor) => (LimitUnit::Bytes, factor),
            None => (LimitUnit::Packets, 1),
        };
        let rate = self.scaled(rate.node, scale, rate.span)?;
        let mut burst = if unit == LimitUnit::Packets { DEFAULT_BURST } else { 0 };
        if self.eat_word("burst") {
            burst = self.burst(unit)?;
        }
        if rate.checked_add(burst).is_none() {
            return self.fail_at(self.tokens.last, "this burst is too large");
        }
        Ok(Limit { name: None, unit, rate, per_seconds, burst, over, window: None })
    }

    /// `/second`, `kbytes/second`: a slash may be part of a word.
    fn rate_unit(&mut self) -> Parsed<(Option<u64>, Spanned<String>)> {
        let wanted = "`second`, `minute`, `hour`, `day` or `week`";
        let mut factor = None;
        if let Some(word) = self.peek_word() {
            let (unit, time) = word.split_once('/').unwrap_or((&word, ""));
            let known = BYTE_UNITS.iter().find(|(known, _)| *known == unit);
            let Some((_, bytes)) = known else {
                return self.fail_expected("`/`, `bytes`, `kbytes` or `mbytes`");
            };
            self.tokens.take();
            factor = Some(*bytes);
            if !time.is_empty() {
                return Ok((factor, Spanned::new(time.to_owned(), word.span)));
            }
            if word.ends_with('/') {
                let time = self.word(wanted)?;
                return Ok((factor, Spanned::new(time.to_string(), time.span)));
            }
        }
        self.expect_sign("/")?;
        let time = self.word(wanted)?;
        Ok((factor, Spanned::new(time.to_string(), time.span)))
    }

    fn burst(&mut self, unit: LimitUnit) -> Parsed<u64> {
        let burst = self.number("a burst")?;
        let packets = self.eat_word("packets");
        let factor = if packets { None } else { self.byte_unit()? };
        if !packets && factor.is_none() {
            return self.fail_expected("`packets`, `bytes`, `kbytes` or `mbytes`");
        }
        match (unit, factor) {
            (LimitUnit::Packets, None) if burst.node == 0 => {
                self.fail_at(burst.span, "a burst of packets is at least 1")
            }
            (LimitUnit::Packets, None) if burst.node <= u64::from(u32::MAX) => Ok(burst.node),
            (LimitUnit::Packets, None) => self.fail_at(burst.span, "a burst has 32 bits"),
            (LimitUnit::Bytes, Some(factor)) => {
                let scaled = self.scaled(burst.node, factor, burst.span)?;
                if scaled > u64::from(u32::MAX) {
                    return self.fail_at(burst.span, "a burst has 32 bits");
                }
                Ok(scaled)
            }
            (LimitUnit::Packets, Some(_)) => {
                self.fail_at(burst.span, "the burst of a limit of packets is in packets")
            }
            (LimitUnit::Bytes, None) => self.fail_at(burst.span, "the burst of a limit of bytes is in bytes"),
        }
    }

    /// `[over] N mbytes [used N bytes]`
    pub(super) fn quota(&mut self) -> Parsed<Quota> {
        let over = self.over();
        let bytes = self.amount()?;
        if i64::try_from(bytes).is_err() {
            return self.fail_at(self.tokens.last, "a quota is less than 2^63 bytes");
        }
        let used = if self.eat_word("used") { self.amount()? } else { 0 };
        if used > bytes {
            return self.fail_at(self.tokens.last, "more is used than the quota has");
        }
        Ok(Quota { name: None, bytes, used, over })
    }

    pub(super) fn over(&mut self) -> bool {
        if self.eat_word("over") {
            return true;
        }
        self.eat_word("until");
        false
    }

    fn amount(&mut self) -> Parsed<u64> {
        let number = self.number("an amount")?;
        match self.byte_unit()? {
            Some(factor) => self.scaled(number.node, factor, number.span),
            None => self.fail_expected("`bytes`, `kbytes` or `mbytes`"),
        }
    }

    fn byte_unit(&mut self) -> Parsed<Option<u64>> {
        let word = self.peek_word();
        let known = word.and_then(|word| BYTE_UNITS.iter().find(|(known, _)| *known == &*word));
        if known.is_some() {
            self.tokens.take();
        }
        Ok(known.map(|(_, bytes)| *bytes))
    }

    fn scaled(&mut self, number: u64, factor: u64, span: Span) -> Parsed<u64> {
        match number.checked_mul(factor) {
            Some(found) => Ok(found),
            None => self.fail_at(span, "this number is too large"),
        }
    }

    /// What comes behind `log`.
    pub(super) fn log(&mut self) -> Parsed<StatementKind> {
        let mut log = Log { level: 4, ..Log::default() };
        let mut said = false;
        let mut levelled = None;
        let mut grouped = None;
        loop {
            let span = self.peek().1;
            if self.eat_word("prefix") {
                log.prefix = self.prefix()?;
            } else if self.eat_word("level") {
                log.level = self.level()?;
                levelled = Some(span);
                said = true;
            } else if self.eat_word("group") {
                log.group = Some(self.small("a group")?);
                grouped = Some(span);
            } else if self.eat_word("snaplen") {
                log.snap_length = self.small("a number of bytes")?;
                grouped.get_or_insert(span);
            } else if self.eat_word("queue-threshold") {
                log.queue_threshold = self.small("a number of packets")?;
                grouped.get_or_insert(span);
            } else if self.eat_word("flags") {
                log.flags |= self.log_flags()?;
                levelled.get_or_insert(span);
            } else {
                break;
            }
        }
        if let (Some(_), Some(span)) = (levelled, grouped) {
            return self.fail_at(span, "a line has a level and flags, or goes to a group: not both");
        }
        if let (AUDIT, Some(span)) = (log.level, levelled) {
            if log.flags != 0 || !log.prefix.is_empty() {
                return self.fail_at(span, "a line of level audit has neither a prefix nor flags");
            }
            let text = "there is no kernel audit in front of a wire: these lines go to the log";
            self.ruleset.notes.push(Diagnostic::new(span, text));
        }
        if log.group.is_none() && (log.snap_length > 0 || log.queue_threshold > 0) {
            log.group = Some(0);
        }
        Ok(StatementKind::Log(log, said))
    }

    fn prefix(&mut self) -> Parsed<String> {
        let (text, span) = if self.at_sign("$") {
            let value = self.variable()?;
            match value.term {
                Term::Literal(Literal::Word(text) | Literal::Text(text)) => (text.to_string(), value.span),
                _ => return self.fail_at(value.span, "this variable does not hold a text"),
            }
        } else if self.peek().0 == Kind::Word {
            let word = self.word("a text in quotes")?;
            (word.to_string(), word.span)
        } else {
            let text = self.text("a text in quotes")?;
            (self.with_variables(&text.node, text.span)?, text.span)
        };
        if text.len() > LONGEST_PREFIX {
            return self.fail_at(span, format!("a prefix has at most {LONGEST_PREFIX} bytes"));
        }
        Ok(text)
    }

    /// `text` with what its `$variables` hold.
    fn with_variables(&mut self, text: &str, span: Span) -> Parsed<String> {
        if self.is_literal {
            return Ok(text.to_owned());
        }
        let mut parts = text.split('$');
        let mut found = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let (name, rest) = part.split_at(end.unwrap_or(part.len()));
            if name.is_empty() {
                return self.fail_at(span, "`$` in a prefix begins the name of a variable");
            }
            match self.variables.expand(name, span) {
                Ok((
                    Expression { term: Term::Literal(Literal::Word(held) | Literal::Text(held)), .. },
                    _,
                )) => {
                    found = format!("{found}{held}{rest}");
                }
                Ok((Expression { term: Term::Literal(Literal::Number(held)), .. }, _)) => {
                    found = format!("{found}{held}{rest}");
                }
                Ok(_) => return self.fail_at(span, format!("the variable `{name}` does not hold a text")),
                Err(complaint) => return Err(self.fail(complaint)),
            }
        }
        Ok(found)
    }

    fn level(&mut self) -> Parsed<u8> {
        let name = self.name("a level")?;
        if let Some((_, level)) = LEVELS.iter().find(|(known, _)| *known == name.node) {
            return Ok(*level);
        }
        let mut complaint = Diagnostic::new(name.span, format!("there is no level `{}`", name.node));
        complaint.help = did_you_mean(&name.node, LEVELS.iter().map(|(known, _)| *known));
        Err(self.fail(complaint))
    }

    fn log_flags(&mut self) -> Parsed<u8> {
        let what = self.word("`tcp`, `ip`, `ether` or `all`")?;
        Ok(match &*what {
            "all" => log_flags::ALL,
            "ether" => log_flags::ETHER,
            "ip" => {
                self.expect_word("options")?;
                log_flags::IP_OPTIONS
            }
            "tcp" => {
                let mut flags = 0;
                loop {
                    let part = self.word("`sequence` or `options`")?;
                    flags |= match &*part {
                        "sequence" => log_flags::TCP_SEQUENCE,
                        "options" => log_flags::TCP_OPTIONS,
                        _ => return self.fail_at(part.span, "expected `sequence` or `options`"),
                    };
                    if !self.eat_sign(",") {
                        break flags;
                    }
                }
            }
            "skuid" => log_flags::SOCKET_OWNER,
            _ => return self.fail_at(what.span, format!("there is no log flag `{}`", &*what)),
        })
    }

    /// A number that fits.
    pub(super) fn small<T: TryFrom<u64>>(&mut self, wanted: &str) -> Parsed<T> {
        let number = self.number(wanted)?;
        match T::try_from(number.node) {
            Ok(found) => Ok(found),
            Err(_) => self.fail_at(number.span, "this number is too large"),
        }
    }
}

/// As nft has them.
const BYTE_UNITS: [(&str, u64); 3] = [("bytes", 1), ("kbytes", 1 << 10), ("mbytes", 1 << 20)];
/// In packets, as nft has it.
const DEFAULT_BURST: u64 = 5;
/// In bytes, as the kernel has it.
const LONGEST_PREFIX: usize = 127;

/// The levels of syslog, RFC 5424, and the kernel's audit.
pub(crate) const LEVELS: [(&str, u8); 9] = [
    ("emerg", 0),
    ("alert", 1),
    ("crit", 2),
    ("err", 3),
    ("warn", 4),
    ("notice", 5),
    ("info", 6),
    ("debug", 7),
    ("audit", AUDIT),
];

const AUDIT: u8 = 8;
