//! How are helpers and timeouts of connections declared, and how does a rule give them to one?

use super::block::InTable;
use super::handles::What;
use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use super::unsupported;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Family, HelperKind, ObjectKind, TimeoutState};
use crate::ruleset::{CtHelper, CtTimeout, HelperType, Object, Spanned, StatementKind};
use crate::suggestion::did_you_mean;

impl Parser<'_> {
    /// What comes behind `ct` where objects are declared, added or deleted: which kind of them.
    pub(super) fn ct_object_kind(&mut self) -> Parsed<ObjectKind> {
        let word = self.word("`helper` or `timeout`")?;
        match &*word {
            "helper" => Ok(ObjectKind::Helper),
            "timeout" => Ok(ObjectKind::Timeouts),
            "expectation" => {
                self.fail_at(word.span, format!("`ct expectation` {}", unsupported::NO_EXPECTATION))
            }
            _ => {
                let text = format!("`ct {}` is not a kind of object", &*word);
                let mut complaint = Diagnostic::new(word.span, text);
                complaint.help = did_you_mean(&word, ["helper", "timeout"]);
                Err(self.fail(complaint))
            }
        }
    }

    /// What comes behind `ct helper NAME` or `ct timeout NAME`: a block.
    pub(super) fn ct_object(
        &mut self,
        table: &InTable,
        kind: ObjectKind,
        name: &Spanned<String>,
    ) -> Parsed<()> {
        let known = self.table_of(table);
        if !known.helpers.contains(&name.node) && !known.timeouts.contains(&name.node) {
            self.handles.met(table, What::Object, &name.node);
        }
        match kind {
            ObjectKind::Helper => {
                let helper = self.helper(name)?;
                let known = self.table_of(table).helpers.get_or_insert_with(&name.node, || helper.clone());
                if known.what != helper.what {
                    return self.fail_at(name.span, "this helper is already declared, and differs");
                }
            }
            _ => {
                let timeouts = self.timeouts(name)?;
                let known = self.table_of(table).timeouts.get_or_insert_with(&name.node, || timeouts.clone());
                if known.what != timeouts.what {
                    return self.fail_at(name.span, "these timeouts are already declared, and differ");
                }
            }
        }
        Ok(())
    }

    /// `{ type "ftp" protocol tcp; l3proto ip; }`
    fn helper(&mut self, name: &Spanned<String>) -> Parsed<Object<CtHelper>> {
        let (mut kind, mut family, mut comment) = (None, None, None);
        let errors = self.errors.len();
        self.block(|parser| {
            let word = parser.word("`type`, `l3proto` or `comment`")?;
            match &*word {
                "type" => kind = Some(parser.helper_type()?),
                "l3proto" => family = Some(parser.l3_protocol()?),
                "comment" => parser.only_comment(&mut comment)?,
                _ => return parser.fail_at(word.span, format!("`{}` cannot stand in a ct helper", &*word)),
            }
            Ok(())
        })?;
        let (kind, protocol) = match kind {
            Some(kind) => kind,
            None if self.errors.len() > errors => (HelperType::Known(HelperKind::Ftp), 6),
            None => return self.fail_at(name.span, "this helper needs `type \"...\" protocol ...`"),
        };
        Ok(Object {
            name: name.node.clone(),
            span: name.span,
            what: CtHelper { kind, protocol, family },
            comment,
        })
    }

    /// `"ftp" protocol tcp`
    fn helper_type(&mut self) -> Parsed<(HelperType, u8)> {
        let kind = self.text("the name of a helper in quotes")?;
        self.expect_word("protocol")?;
        let protocol = self.l4_protocol()?;
        let known = HelperKind::assignable().map(|kind| (kind.name(), kind.protocols()));
        let speaks = known
            .chain(KERNEL_HELPERS.map(|(name, protocols, _)| (name, protocols)))
            .find(|(name, _)| *name == kind.node);
        if let Some((_, speaks)) = speaks
            && !speaks.contains(&protocol.node)
        {
            let speaks = if speaks[0] == 6 { "tcp" } else { "udp" };
            return self.fail_at(protocol.span, format!("the helper `{}` is for {speaks}", kind.node));
        }
        if let Some(known) = HelperKind::assignable().find(|known| known.name() == kind.node) {
            return Ok((HelperType::Known(known), protocol.node));
        }
        match KERNEL_HELPERS.into_iter().find(|other| other.0 == kind.node) {
            Some((name, ..)) => Ok((HelperType::Other(name), protocol.node)),
            None => Err(self.fail(unknown_helper(&kind.node, kind.span))),
        }
    }

    /// `{ protocol tcp; l3proto ip; policy = { established : 120, close : 20 } }`
    fn timeouts(&mut self, name: &Spanned<String>) -> Parsed<Object<CtTimeout>> {
        let (mut what, mut comment) = (CtTimeout::default(), None);
        self.block(|parser| {
            let word = parser.word("`protocol`, `l3proto`, `policy` or `comment`")?;
            match &*word {
                "protocol" => what.protocol = parser.l4_protocol()?.node,
                "l3proto" => what.family = Some(parser.l3_protocol()?),
                "policy" => parser.timeout_policy(&mut what)?,
                "comment" => parser.only_comment(&mut comment)?,
                _ => return parser.fail_at(word.span, format!("`{}` cannot stand in a ct timeout", &*word)),
            }
            Ok(())
        })?;
        if what.protocol == 0 {
            return self.fail_at(name.span, "these timeouts need `protocol tcp` or `protocol udp`");
        }
        what.values.sort_by_key(|&(state, _)| state);
        if let Some((wrong, _)) = what.values.iter().find(|(state, _)| state.protocol() != what.protocol) {
            let text = format!("`{}` is not a state of this protocol", wrong.word());
            return self.fail_at(name.span, text);
        }
        Ok(Object { name: name.node.clone(), span: name.span, what, comment })
    }

    /// `= { state : seconds, ... }`; of a state that is named twice, the last counts.
    fn timeout_policy(&mut self, what: &mut CtTimeout) -> Parsed<()> {
        self.expect_sign("=")?;
        let open = self.expect_sign("{")?;
        self.skip_newlines();
        let read = self.timeout_states(what, open);
        while read.is_err() && !matches!(self.peek().0, Kind::Sign("}") | Kind::End) {
            self.tokens.take();
        }
        self.eat_sign("}");
        read
    }

    fn timeout_states(&mut self, what: &mut CtTimeout, open: Span) -> Parsed<()> {
        while !self.at_sign("}") {
            if self.peek().0 == Kind::End {
                return self.fail_at(open, "this `{` is never closed");
            }
            let word = self.word("a state")?;
            let Some(state) = TimeoutState::ALL.iter().copied().find(|state| state.word() == &*word) else {
                let text = format!("`{}` is not a state with a timeout", &*word);
                let mut complaint = Diagnostic::new(word.span, text);
                complaint.help = did_you_mean(&word, TimeoutState::ALL.iter().map(|state| state.word()));
                return Err(self.fail(complaint));
            };
            self.expect_sign(":")?;
            let seconds = self.seconds()?;
            what.values.retain(|(known, _)| *known != state);
            what.values.push((state, seconds));
            self.skip_newlines();
            if !self.eat_sign(",") && !self.at_sign("}") {
                return self.fail_expected("`,` or `}`");
            }
            self.skip_newlines();
        }
        Ok(())
    }

    /// Whole seconds, as a number or as a time.
    fn seconds(&mut self) -> Parsed<u32> {
        let span = self.peek().1;
        let milliseconds = self.duration()?;
        if milliseconds % 1000 != 0 {
            return self.fail_at(span, "a timeout is in whole seconds");
        }
        match u32::try_from(milliseconds / 1000) {
            Ok(seconds) if seconds <= LONGEST_TIMEOUT => Ok(seconds),
            _ => {
                let text = format!("a timeout is at most {LONGEST_TIMEOUT} seconds (24.8 days) here");
                self.fail_at(span, text)
            }
        }
    }

    fn l4_protocol(&mut self) -> Parsed<Spanned<u8>> {
        let word = self.word("`tcp` or `udp`")?;
        match &*word {
            "tcp" => Ok(Spanned::new(6, word.span)),
            "udp" => Ok(Spanned::new(17, word.span)),
            _ => self.fail_at(word.span, "expected `tcp` or `udp`"),
        }
    }

    fn l3_protocol(&mut self) -> Parsed<Family> {
        let word = self.word("`ip`, `ip6` or `inet`")?;
        match &*word {
            "ip" => Ok(Family::Ip),
            "ip6" => Ok(Family::Ip6),
            "inet" => Ok(Family::Inet),
            _ => self.fail_at(word.span, "expected `ip`, `ip6` or `inet`"),
        }
    }

    /// `helper set "NAME"`, `timeout set tcp dport map { ... }`: what comes behind `ct`.
    pub(super) fn give_to_connection(&mut self) -> Parsed<StatementKind> {
        let kind = self.ct_object_kind()?;
        self.expect_word("set")?;
        if self.at_selector() {
            let key = self.left()?;
            self.expect_word("map")?;
            let map = self.map_source()?;
            return Ok(StatementKind::Mapped { kind, key, map });
        }
        Ok(StatementKind::Named(kind, self.name("a name")?.node))
    }
}

/// Why there is no such helper.
pub(crate) fn unknown_helper(name: &str, span: Span) -> Diagnostic {
    if let Some((_, _, why)) = KERNEL_HELPERS.iter().find(|(known, ..)| *known == name) {
        let text = format!("the helper `{name}` is not supported: {why}");
        return Diagnostic::new(span, text)
            .help("give `Q.931` to calls, and what they announce has it of itself");
    }
    let mut complaint = Diagnostic::new(span, format!("there is no helper `{name}`"));
    complaint.help = did_you_mean(name, HelperKind::assignable().map(HelperKind::name));
    complaint
}

/// As the settings have it: what a deadline can express.
const LONGEST_TIMEOUT: u32 = 2_147_483;

/// Name, transport protocols, and why no connection can be given it here.
const KERNEL_HELPERS: [(&str, &[u8], &str); 1] = [("H.245", &[17], NEVER_GIVEN)];

const NEVER_GIVEN: &str =
    "what it reads comes over TCP, to where `Q.931` hears, and the kernel gives it by a rule over UDP only";
