//! What can stand in the braces of a table or chain?

use super::handles::What;
use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use super::unsupported;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{ChainPolicy, Family};
use crate::ruleset::{Base, Chain, Literal, Priority, Spanned, Table, Term, Verdict, VerdictKind};
use crate::suggestion::did_you_mean;

/// The table being filled.
#[derive(Debug, Clone)]
pub(super) struct InTable {
    pub(super) family: Family,
    pub(super) name: String,
}

/// What a block says of its chain beside the rules.
#[derive(Debug, Default)]
struct Heading {
    policy: Option<(ChainPolicy, Span)>,
    comment: Option<String>,
    /// How many rules the block gave the chain so far.
    rules: usize,
}

impl Parser<'_> {
    /// `{ chain ... set ... }`
    pub(super) fn table_block(&mut self, table: &InTable) -> Parsed<()> {
        self.handles.open();
        let mut comment = None;
        let read = self.block(|parser| parser.table_item(table, &mut comment));
        if comment.is_some() {
            self.table_of(table).comment = comment;
        }
        self.number_block(table);
        read
    }

    /// The table being filled, in the ruleset.
    pub(super) fn table_of(&mut self, table: &InTable) -> &mut Table {
        let span = self.tokens.last;
        self.ruleset.declare_table(table.family, &table.name, span)
    }

    fn table_item(&mut self, table: &InTable, comment: &mut Option<String>) -> Parsed<()> {
        let word = self.word("`chain`, `set`, `map` or `counter`")?;
        match &*word {
            "chain" => {
                let name = self.declared_name("the name of a chain")?;
                self.named_chain(table, &name)?;
                self.chain_block(table, &name.node)
            }
            "set" | "map" => {
                let name = self.declared_name("a name")?;
                self.set_block(table, &name, &*word == "map")
            }
            "counter" | "limit" | "quota" => {
                let name = self.declared_name("a name")?;
                self.object_declaration(table, &word, &name)
            }
            "comment" => self.only_comment(comment),
            "flags" => self.table_flags(table),
            "ct" => {
                let kind = self.ct_object_kind()?;
                let name = self.declared_name("a name")?;
                self.ct_object(table, kind, &name)
            }
            "flowtable" | "secmark" | "synproxy" | "tunnel" => {
                let why = unsupported::object(&word);
                self.fail_at(word.span, format!("`{}` in a table {why}", &*word))
            }
            _ => {
                let text = format!("`{}` cannot stand in a table", &*word);
                let mut complaint = Diagnostic::new(word.span, text);
                complaint.help = did_you_mean(
                    &word,
                    ["chain", "set", "map", "counter", "limit", "quota", "ct", "comment"],
                );
                Err(self.fail(complaint))
            }
        }
    }

    fn table_flags(&mut self, table: &InTable) -> Parsed<()> {
        loop {
            let flag = self.word("a flag of a table")?;
            match &*flag {
                "dormant" => self.table_of(table).dormant = true,
                "owner" | "persist" => {
                    let text = format!("`flags {}` is not supported: no program holds a table", &*flag);
                    return self.fail_at(flag.span, text);
                }
                _ => return self.fail_at(flag.span, format!("`{}` is not a flag of a table", &*flag)),
            }
            if !self.eat_sign(",") {
                return Ok(());
            }
        }
    }

    /// What comes behind `jump` or `goto`: `{ rules }`, a chain without a name, which gets one.
    pub(super) fn bound_chain(&mut self, word: &str) -> Parsed<Verdict> {
        let span = self.peek().1;
        let Some(table) = self.table.clone() else {
            return self.fail_expected("the name of a chain");
        };
        if self.bound >= DEEPEST_BOUND {
            return self.fail_at(span, "chains stand in one another more than 15 deep");
        }
        let given = self.given.len();
        let chains = &self.table_of(&table).chains;
        // Those given so far are taken, mostly: not all of them are asked for.
        let free = (given..).map(|n| format!("__chain{n}")).find(|name| !chains.contains(name));
        let name = Spanned::new(free.unwrap_or_default(), span);
        self.declare_chain(&table, &name);
        self.given.insert((format!("{} {}", table.family, table.name), name.node.clone()));
        self.bound += 1;
        let read = self.chain_block(&table, &name.node);
        self.bound -= 1;
        read?;
        let chain = name.node.into_boxed_str();
        let kind = if word == "jump" { VerdictKind::Jump(chain) } else { VerdictKind::Goto(chain) };
        Ok(Verdict { kind, span })
    }

    /// Declares the chain, under a name that no chain without one was given.
    pub(super) fn named_chain(&mut self, table: &InTable, name: &Spanned<String>) -> Parsed<()> {
        if self.given.contains(&(format!("{} {}", table.family, table.name), name.node.clone())) {
            let text = format!("`{}` is what the chain behind a `jump {{ ... }}` is called", name.node);
            return self.fail_at(name.span, text);
        }
        self.handles.met(table, What::Chain, &name.node);
        self.declare_chain(table, name);
        Ok(())
    }

    /// The chain, declared now if it was not.
    pub(super) fn declare_chain(&mut self, table: &InTable, name: &Spanned<String>) -> &mut Chain {
        let chains = &mut self.table_of(table).chains;
        chains.get_or_insert_with(&name.node, || Chain::new(&*name.node, name.span))
    }

    /// `{ type ...; rules }`
    pub(super) fn chain_block(&mut self, table: &InTable, chain: &str) -> Parsed<()> {
        let mut heading = Heading::default();
        self.block(|parser| {
            let outer = std::mem::replace(&mut parser.in_chain, true);
            let around = parser.table.replace(table.clone());
            let before = parser.errors.len();
            let read = parser.chain_item(table, chain, &mut heading);
            parser.in_chain = outer;
            parser.table = around;
            parser.hand_to(table, chain, before);
            read
        })?;
        let before = self.errors.len();
        let read = self.head(table, chain, heading);
        self.hand_to(table, chain, before);
        read
    }

    /// Gives the chain what its block says of it, wherever in the block it stands.
    fn head(&mut self, table: &InTable, name: &str, heading: Heading) -> Parsed<()> {
        let Some(chain) = self.chain_of(table, name) else {
            return Ok(());
        };
        if heading.comment.is_some() {
            chain.comment = heading.comment;
        }
        match (heading.policy, &mut chain.base) {
            (Some((policy, _)), Some(base)) => base.policy = Some(policy),
            (Some((_, span)), None) => {
                return self.fail_at(span, "a chain that is not attached has no policy");
            }
            (None, _) => {}
        }
        Ok(())
    }

    /// Hands the complaints from number `before` on to the chain they are about: it may be one that is left out.
    pub(super) fn hand_to(&mut self, table: &InTable, chain: &str, before: usize) {
        if self.errors.len() > before {
            let complaints = self.errors.split_off(before);
            match self.chain_of(table, chain) {
                Some(chain) => chain.unread.extend(complaints),
                None => self.errors.extend(complaints),
            }
        }
    }

    fn chain_item(&mut self, table: &InTable, chain: &str, heading: &mut Heading) -> Parsed<()> {
        match self.peek_word().as_deref() {
            Some("type") => {
                let span = self.peek().1;
                let base = self.base()?;
                self.attach(table, chain, base, span, heading.rules)
            }
            Some("policy") => {
                let (policy, span) = self.policy()?;
                match heading.policy.replace((policy, span)) {
                    Some(_) => self.fail_at(span, "a second policy: a chain has one"),
                    None => Ok(()),
                }
            }
            Some("comment") if matches!(self.tokens.second(), Kind::Text) => {
                self.tokens.take();
                self.only_comment(&mut heading.comment)
            }
            Some("flags") => {
                let span = self.peek().1;
                self.fail_at(
                    span,
                    "flags of a chain are not supported: there is no other hardware to do its work",
                )
            }
            Some("devices" | "device") => self.devices(table, chain),
            _ => {
                let rule = self.rule()?;
                heading.rules += 1;
                if let Some(chain) = self.chain_of(table, chain) {
                    chain.rules.push(rule);
                }
                Ok(())
            }
        }
    }

    fn chain_of(&mut self, table: &InTable, chain: &str) -> Option<&mut Chain> {
        self.table_of(table).chains.get_mut(chain)
    }

    fn attach(
        &mut self,
        table: &InTable,
        chain: &str,
        base: Base,
        span: Span,
        own_rules: usize,
    ) -> Parsed<()> {
        let Some(found) = self.chain_of(table, chain) else {
            return Ok(());
        };
        match &mut found.base {
            None if found.rules.len() == own_rules => found.base = Some(base),
            None => return self.fail_at(span, "this chain already has rules and is not attached"),
            Some(known)
                if known.kind.node == base.kind.node
                    && known.hook.node == base.hook.node
                    && known.priority.node == base.priority.node => {}
            Some(_) => return self.fail_at(span, "this chain is already attached elsewhere"),
        }
        Ok(())
    }

    /// `type KIND hook HOOK [device NAME] priority PRIORITY`
    fn base(&mut self) -> Parsed<Base> {
        self.expect_word("type")?;
        let kind = self.word("the type of a chain")?;
        let kind = Spanned::new(kind.to_string(), kind.span);
        self.expect_word("hook")?;
        let hook = self.word("a hook")?;
        let hook = Spanned::new(hook.to_string(), hook.span);
        let mut devices = Vec::new();
        if self.eat_word("device") {
            devices.push(self.name("the name of a device")?);
        } else if self.eat_word("devices") {
            devices = self.device_list()?;
        }
        self.expect_word("priority")?;
        let priority = self.priority()?;
        Ok(Base { kind, hook, priority, policy: None, devices, is_iptables: false })
    }

    fn device_list(&mut self) -> Parsed<Vec<Spanned<String>>> {
        self.expect_sign("=")?;
        self.weight = 0;
        let value = self.right()?;
        let elements = match value.term {
            Term::Set(elements) => elements,
            _ => return self.fail_at(value.span, "expected `{ device, ... }`"),
        };
        let mut names = Vec::new();
        for element in &*elements {
            match element.key.term {
                Term::Literal(Literal::Word(name) | Literal::Text(name)) => {
                    names.push(Spanned::new(name.into(), element.key.span));
                }
                _ => return self.fail_at(element.key.span, "expected the name of a device"),
            }
        }
        Ok(names)
    }

    fn devices(&mut self, table: &InTable, chain: &str) -> Parsed<()> {
        let word = self.word("`devices`")?;
        let devices = self.device_list()?;
        match self.chain_of(table, chain).and_then(|c| c.base.as_mut()) {
            Some(base) => base.devices.extend(devices),
            None => return self.fail_at(word.span, "a chain that is not attached has no device"),
        }
        Ok(())
    }

    /// `NAME`, `NAME + NUMBER`, a number, or a variable that holds one of them.
    fn priority(&mut self) -> Parsed<Spanned<Priority>> {
        let (kind, start) = self.peek();
        let mut name = None;
        match kind {
            Kind::Sign("$") => return self.held_priority(),
            Kind::Sign("+") => return self.fail_expected("a priority"),
            Kind::Word => {
                name = Some(self.word("a priority")?.to_string());
                if !self.at_sign("+") && !self.at_sign("-") {
                    return Ok(Spanned::new(Priority { name, offset: 0 }, start));
                }
            }
            _ => {}
        }
        let negative = self.eat_sign("-");
        if !negative {
            self.eat_sign("+");
        }
        let Kind::Number(number) = self.peek().0 else {
            return self.fail_expected("a number");
        };
        let (_, end) = self.tokens.take();
        let offset = i64::try_from(number).unwrap_or(i64::MAX);
        self.priority_of(name, if negative { -offset } else { offset }, start.to(end))
    }

    /// A variable in place of a priority: nothing is added to it, but a text may say so itself.
    fn held_priority(&mut self) -> Parsed<Spanned<Priority>> {
        let value = self.variable()?;
        match value.term {
            Term::Literal(Literal::Number(number)) => {
                self.priority_of(None, i64::try_from(number).unwrap_or(i64::MAX), value.span)
            }
            Term::Literal(Literal::Word(text) | Literal::Text(text)) => {
                let at = text.find([' ', '+', '-']).unwrap_or(text.len());
                let (name, offset) = text.split_at(at);
                let name = (!name.is_empty()).then(|| name.to_owned());
                let offset: String = offset.split_ascii_whitespace().collect();
                match offset.parse() {
                    Ok(offset) => self.priority_of(name, offset, value.span),
                    Err(_) if offset.is_empty() && name.is_some() => self.priority_of(name, 0, value.span),
                    Err(_) => self.fail_at(value.span, "this variable does not hold a priority"),
                }
            }
            _ => self.fail_at(value.span, "this variable does not hold a priority"),
        }
    }

    fn priority_of(&mut self, name: Option<String>, offset: i64, span: Span) -> Parsed<Spanned<Priority>> {
        match i32::try_from(offset) {
            Ok(offset) => Ok(Spanned::new(Priority { name, offset }, span)),
            Err(_) => self.fail_at(span, "a priority has 32 bits"),
        }
    }

    fn policy(&mut self) -> Parsed<(ChainPolicy, Span)> {
        self.expect_word("policy")?;
        let word = self.name("`accept` or `drop`")?;
        match &*word.node {
            "accept" => Ok((ChainPolicy::Accept, word.span)),
            "drop" => Ok((ChainPolicy::Drop, word.span)),
            _ => self.fail_at(word.span, "a policy is `accept` or `drop`"),
        }
    }

    /// The name of something that is declared here.
    pub(super) fn declared_name(&mut self, wanted: &str) -> Parsed<Spanned<String>> {
        let name = self.name(wanted)?;
        if name.node.is_empty() || name.node.len() > LONGEST_NAME {
            return self.fail_at(name.span, format!("a name has 1 to {LONGEST_NAME} bytes"));
        }
        let mut bytes = name.node.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !first || !bytes.all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte)) {
            return self.fail_at(name.span, "a name is made of letters, digits and `/-_.`, a letter first");
        }
        if unsupported::is_keyword(&name.node) {
            let text = format!("`{}` is a word of the language and cannot be a name", name.node);
            return self.fail_at(name.span, text);
        }
        Ok(name)
    }
}

/// As the kernel has it.
const LONGEST_NAME: usize = 255;
/// Chains without a name, one in another.
const DEEPEST_BOUND: usize = 15;
