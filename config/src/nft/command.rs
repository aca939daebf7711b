//! What can stand outside of all braces? Blocks, and commands that change what was declared before.

use super::block::InTable;
use super::handles::What;
use super::lexer::Kind;
use super::parser::{Failed, Parsed, Parser};
use super::unsupported;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Family, ObjectKind};
use crate::ruleset::{Chain, Element, Elements, Rule, Spanned};
use crate::suggestion::did_you_mean;

/// What a command does with what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Add,
    /// As add, but it must be new.
    Create,
    Delete,
    /// As delete, but it need not be there.
    Destroy,
}

impl Parser<'_> {
    /// Everything up to the end of the file.
    pub(super) fn file(&mut self) {
        loop {
            self.skip_separators();
            if self.peek().0 == Kind::End {
                return;
            }
            if self.command_line().is_err() {
                self.recover();
                if self.at_sign("}") {
                    self.tokens.take();
                }
            }
        }
    }

    fn command_line(&mut self) -> Parsed<()> {
        if self.definition()? {
            return Ok(());
        }
        self.command()?;
        if self.at_sign("}") {
            return self.fail_expected("the end of the statement");
        }
        self.end_of_statement()
    }

    fn command(&mut self) -> Parsed<()> {
        let Some(word) = self.peek_word() else {
            return self.fail_expected("`table`, a command or a definition");
        };
        let action = match &*word {
            "add" => Action::Add,
            "create" => Action::Create,
            "delete" => Action::Delete,
            "destroy" => Action::Destroy,
            "insert" => {
                self.tokens.take();
                self.expect_word("rule")?;
                return self.add_rule(true);
            }
            "flush" => {
                self.tokens.take();
                return self.flush();
            }
            "table" | "chain" | "rule" | "set" | "map" | "element" | "counter" | "limit" | "quota"
            | "flowtable" | "secmark" | "synproxy" | "ct" => {
                return self.object(Action::Add);
            }
            "replace" => {
                self.tokens.take();
                self.expect_word("rule")?;
                return self.replace_rule();
            }
            "list" | "reset" | "rename" | "monitor" | "describe" | "export" | "import" => {
                let text = format!("`{}` cannot stand in a ruleset that is loaded whole", &*word);
                return self.fail_at(word.span, text);
            }
            _ => {
                let text = format!("`{}` is not a command", &*word);
                let mut complaint = Diagnostic::new(word.span, text);
                complaint.help = did_you_mean(&word, COMMANDS);
                return Err(self.fail(complaint));
            }
        };
        self.tokens.take();
        self.object(action)
    }

    fn object(&mut self, action: Action) -> Parsed<()> {
        let Some(word) = self.peek_word() else {
            return self.fail_expected(
                "`table`, `chain`, `rule`, `set`, `map`, `element`, `counter`, `limit` or `quota`",
            );
        };
        let adds = matches!(action, Action::Add | Action::Create);
        match &*word {
            "table" => {
                self.tokens.take();
                self.table(action)
            }
            "rule" => {
                self.tokens.take();
                if adds {
                    return self.add_rule(false);
                }
                self.delete_rule(action)
            }
            "element" => {
                self.tokens.take();
                self.element_command(action)
            }
            "chain" | "set" | "map" | "counter" | "limit" | "quota" => {
                self.tokens.take();
                let family = self.family();
                let table = self.known_table(family)?;
                if adds {
                    return self.add_in(&table, &word, action);
                }
                self.delete_in(&table, &word, action)
            }
            "ct" => {
                self.tokens.take();
                let kind = self.ct_object_kind()?;
                let family = self.family();
                let table = self.known_table(family)?;
                self.ct_command(&table, kind, action)
            }
            "flowtable" | "secmark" | "synproxy" | "tunnel" => {
                let why = unsupported::object(&word);
                self.fail_at(word.span, format!("`{}` {why}", &*word))
            }
            _ => {
                let text = format!("`{}` cannot be added or deleted", &*word);
                let mut complaint = Diagnostic::new(word.span, text);
                complaint.help = did_you_mean(&word, COMMANDS);
                Err(self.fail(complaint))
            }
        }
    }

    /// A family, if one comes next; IPv4 otherwise.
    fn family(&mut self) -> Family {
        let family = match self.peek_word().as_deref() {
            Some("ip") => Family::Ip,
            Some("ip6") => Family::Ip6,
            Some("inet") => Family::Inet,
            Some("arp") => Family::Arp,
            Some("bridge") => Family::Bridge,
            Some("netdev") => Family::Netdev,
            _ => return Family::Ip,
        };
        self.tokens.take();
        family
    }

    fn table(&mut self, action: Action) -> Parsed<()> {
        let family = self.family();
        let name = self.declared_name("the name of a table")?;
        let table = InTable { family, name: name.node.clone() };
        let known = self.ruleset.table(family, &name.node).is_some();
        match action {
            Action::Create if known => return self.already(&name),
            Action::Add | Action::Create => {}
            Action::Delete if !known => return self.missing("table", &name),
            Action::Delete | Action::Destroy => {
                self.ruleset.remove_table(family, &name.node);
                self.handles.forget(&table);
                return Ok(());
            }
        }
        self.ruleset.declare_table(family, &name.node, name.span);
        if self.at_sign("{") {
            return self.table_block(&table);
        }
        Ok(())
    }

    fn already<T>(&mut self, name: &Spanned<String>) -> Parsed<T> {
        self.fail_at(name.span, format!("`{}` is already declared", name.node))
    }

    fn missing<T>(&mut self, what: &str, name: &Spanned<String>) -> Parsed<T> {
        self.fail_at(name.span, format!("there is no {what} `{}`", name.node))
    }

    /// The table that comes next, which must be declared.
    fn known_table(&mut self, family: Family) -> Parsed<InTable> {
        let name = self.name("the name of a table")?;
        if self.ruleset.table(family, &name.node).is_none() {
            let text = format!("there is no table `{}` of family {family}", name.node);
            let mut complaint = Diagnostic::new(name.span, text);
            let tables = self.ruleset.tables.iter();
            let known = tables.filter(|t| t.family == family).map(|t| t.name.as_str());
            complaint.help = did_you_mean(&name.node, known);
            return Err(self.fail(complaint));
        }
        Ok(InTable { family, name: name.node })
    }

    fn known_chain(&mut self, table: &InTable) -> Parsed<String> {
        let name = self.name("the name of a chain")?;
        let chains = &self.table_of(table).chains;
        if !chains.contains(&name.node) {
            let help = did_you_mean(&name.node, chains.names());
            let text = format!("there is no chain `{}` in this table", name.node);
            let mut complaint = Diagnostic::new(name.span, text);
            complaint.help = help;
            return Err(self.fail(complaint));
        }
        Ok(name.node)
    }

    fn add_in(&mut self, table: &InTable, what: &str, action: Action) -> Parsed<()> {
        let name = self.declared_name("a name")?;
        let known = self.table_of(table);
        let exists = match what {
            "chain" => known.chains.contains(&name.node),
            "counter" => known.counters.contains(&name.node),
            "limit" => known.limits.contains(&name.node),
            "quota" => known.quotas.contains(&name.node),
            _ => known.sets.contains(&name.node),
        };
        if exists && action == Action::Create {
            return self.already(&name);
        }
        match what {
            "chain" => {
                self.named_chain(table, &name)?;
                if self.at_sign("{") {
                    self.chain_block(table, &name.node)?;
                }
                self.number_rules(table, &name.node);
                Ok(())
            }
            "counter" | "limit" | "quota" => self.object_declaration(table, what, &name),
            _ => self.set_block(table, &name, what == "map"),
        }
    }

    fn delete_in(&mut self, table: &InTable, what: &str, action: Action) -> Parsed<()> {
        let name = self.name_or_handle(table, what)?;
        let known = self.table_of(table);
        let found = match what {
            "chain" => {
                let found = known.chains.remove(&name.node).is_some();
                self.handles.forget_chain(table, &name.node);
                found
            }
            "counter" => known.counters.remove(&name.node).is_some(),
            "limit" => known.limits.remove(&name.node).is_some(),
            "quota" => known.quotas.remove(&name.node).is_some(),
            _ => known.sets.remove(&name.node).is_some(),
        };
        if !found && action == Action::Delete {
            return self.missing(what, &name);
        }
        Ok(())
    }

    /// `add ct helper TABLE NAME { ... }`
    fn ct_command(&mut self, table: &InTable, kind: ObjectKind, action: Action) -> Parsed<()> {
        if matches!(action, Action::Add | Action::Create) {
            let name = self.declared_name("a name")?;
            let known = self.table_of(table);
            let exists = known.helpers.contains(&name.node) && kind == ObjectKind::Helper
                || known.timeouts.contains(&name.node) && kind == ObjectKind::Timeouts;
            if exists && action == Action::Create {
                return self.already(&name);
            }
            return self.ct_object(table, kind, &name);
        }
        let name = self.name("a name")?;
        let known = self.table_of(table);
        let (what, found) = match kind {
            ObjectKind::Helper => ("ct helper", known.helpers.remove(&name.node).is_some()),
            _ => ("ct timeout", known.timeouts.remove(&name.node).is_some()),
        };
        if !found && action == Action::Delete {
            return self.missing(what, &name);
        }
        Ok(())
    }

    fn add_rule(&mut self, first: bool) -> Parsed<()> {
        let family = self.family();
        let table = self.known_table(family)?;
        let chain = self.known_chain(&table)?;
        let (at, span) = self.rule_position(first)?;
        let rule = self.rule_of(&table, &chain)?;
        let Some(chain) = self.table_of(&table).chains.get_mut(&chain) else {
            return Ok(());
        };
        if !place(chain, rule, at, first) {
            return self.fail_at(span, "there is no rule with this index");
        }
        let name = chain.name.clone();
        self.number_rules(&table, &name);
        Ok(())
    }

    /// The rule that a command has for this chain.
    fn rule_of(&mut self, table: &InTable, chain: &str) -> Parsed<Rule> {
        let around = self.table.replace(table.clone());
        let before = self.errors.len();
        let rule = self.rule();
        self.table = around;
        self.hand_to(table, chain, before);
        rule
    }

    /// `replace rule TABLE CHAIN handle N RULE`: the new one keeps the handle.
    fn replace_rule(&mut self) -> Parsed<()> {
        let family = self.family();
        let table = self.known_table(family)?;
        let chain = self.known_chain(&table)?;
        let at = self.rule_by_handle(&table, &chain)?;
        let span = self.tokens.last;
        let rule = self.rule_of(&table, &chain)?;
        let rules = self.table_of(&table).chains.get_mut(&chain).map(|chain| &mut chain.rules);
        let Some(old) = rules.zip(at).and_then(|(rules, at)| rules.get_mut(at)) else {
            return Err(self.no_such_rule(span));
        };
        *old = Rule { handle: old.handle, ..rule };
        Ok(())
    }

    /// `delete rule TABLE CHAIN handle N`
    fn delete_rule(&mut self, action: Action) -> Parsed<()> {
        let family = self.family();
        let table = self.known_table(family)?;
        let chain = self.known_chain(&table)?;
        let found = self.rule_by_handle(&table, &chain)?;
        let span = self.tokens.last;
        match (self.table_of(&table).chains.get_mut(&chain), found) {
            (Some(chain), Some(at)) => {
                chain.rules.remove(at);
                Ok(())
            }
            _ if action == Action::Destroy => Ok(()),
            _ => Err(self.no_such_rule(span)),
        }
    }

    fn no_such_rule(&mut self, span: Span) -> Failed {
        let text = "no rule of this chain has this handle where only this ruleset is loaded";
        let help = "`nft -a -f` and `nft -a list ruleset` in an empty network namespace show the handles";
        self.fail(Diagnostic::new(span, text).help(help))
    }

    /// What is to be deleted, by its name or by `handle N`.
    fn name_or_handle(&mut self, table: &InTable, what: &str) -> Parsed<Spanned<String>> {
        if !self.at_word("handle") {
            return self.name("a name");
        }
        let kind = match what {
            "chain" => What::Chain,
            "set" | "map" => What::Set,
            _ => What::Object,
        };
        let name = self.name_of_handle(table, kind)?;
        let span = self.tokens.last;
        match name {
            Some(name) => Ok(Spanned::new(name, span)),
            None => self.fail_at(span, format!("no {what} of this table has this handle")),
        }
    }

    /// `index N`: before (insert) or behind (add) the rule that is `N`th from 0.
    fn rule_position(&mut self, first: bool) -> Parsed<(Option<usize>, Span)> {
        let span = self.peek().1;
        if self.at_word("handle") || self.at_word("position") {
            if matches!(self.tokens.second(), Kind::Number(0)) {
                // No rule has it: nft asks for none.
                self.tokens.take();
                self.number("a handle")?;
                return Ok((None, span));
            }
            let text = "the kernel finds no rule by its handle among those that come with it";
            return Err(
                self.fail(Diagnostic::new(span, text).help("`index N` counts the rules of the chain from 0"))
            );
        }
        if !self.eat_word("index") {
            return Ok((None, span));
        }
        let index = self.number("the index of a rule")?;
        let at = usize::try_from(index.node).unwrap_or(usize::MAX);
        let at = if first { at } else { at.saturating_add(1) };
        Ok((Some(at), index.span))
    }

    fn element_command(&mut self, action: Action) -> Parsed<()> {
        let family = self.family();
        let table = self.known_table(family)?;
        let name = self.name("the name of a set")?;
        self.weight = 0;
        let elements = self.element_list()?;
        let Some(set) = self.table_of(&table).sets.get_mut(&name.node) else {
            return self.missing("set", &name);
        };
        match action {
            Action::Add => {
                set.elements.append(elements);
                Ok(())
            }
            Action::Create => {
                let again = |element: &Element| set.elements.has(&element.key);
                if let Some(span) = elements.iter().find(again).map(|element| element.key.span) {
                    return self.fail_at(span, "this element is already there");
                }
                set.elements.append(elements);
                Ok(())
            }
            Action::Delete | Action::Destroy => {
                let keys = elements.iter().map(|element| element.key);
                let missing: Vec<_> = keys.filter(|key| !set.elements.remove(key)).collect();
                if let (Some(key), Action::Delete) = (missing.first(), action) {
                    let (key, span) = (crate::print::written(key), key.span);
                    return self.fail_at(span, format!("there is no element `{key}` in this set"));
                }
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> Parsed<()> {
        let what = self.word("`ruleset`, `table`, `chain`, `set` or `map`")?;
        match &*what {
            "ruleset" => {
                let before = self.peek().1;
                let family = self.family();
                if self.peek().1 == before {
                    self.ruleset.tables.clear();
                    self.handles.clear();
                    return Ok(());
                }
                let tables = self.ruleset.tables.iter().filter(|t| t.family == family);
                let names: Vec<String> = tables.map(|t| t.name.clone()).collect();
                for name in names {
                    self.ruleset.remove_table(family, &name);
                    self.handles.forget(&InTable { family, name });
                }
                Ok(())
            }
            "table" => {
                let family = self.family();
                let table = self.known_table(family)?;
                let chains = self.table_of(&table).chains.iter_mut();
                chains.for_each(|chain| chain.rules.clear());
                Ok(())
            }
            "chain" => {
                let family = self.family();
                let table = self.known_table(family)?;
                let chain = self.known_chain(&table)?;
                if let Some(chain) = self.table_of(&table).chains.get_mut(&chain) {
                    chain.rules.clear();
                }
                Ok(())
            }
            "set" | "map" => {
                let family = self.family();
                let table = self.known_table(family)?;
                let name = self.name("the name of a set")?;
                match self.table_of(&table).sets.get_mut(&name.node) {
                    Some(set) => set.elements = Elements::default(),
                    None => return self.missing("set", &name),
                }
                Ok(())
            }
            _ => self.fail_at(what.span, format!("`flush {}` is not supported", &*what)),
        }
    }
}

fn place(chain: &mut Chain, rule: Rule, at: Option<usize>, first: bool) -> bool {
    let fits = at.is_none_or(|at| if first { at < chain.rules.len() } else { at <= chain.rules.len() });
    let at = at.unwrap_or(if first { 0 } else { chain.rules.len() });
    if fits {
        chain.rules.insert(at, rule);
    }
    fits
}

const COMMANDS: [&str; 11] =
    ["table", "chain", "rule", "add", "create", "insert", "delete", "flush", "define", "include", "element"];
