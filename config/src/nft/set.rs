//! What can stand in the braces of a set or map?

use super::block::InTable;
use super::handles::What;
use super::parser::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::ObjectKind;
use crate::ruleset::{
    Elements, Expression, KeyType, MapData, Set, SetFlags, SetPolicy, Spanned, Statement, Term, Type,
};
use crate::suggestion::did_you_mean;

/// A set or map while its block is read.
#[derive(Default)]
struct Draft {
    key: Option<KeyType>,
    data: Option<MapData>,
    flags: SetFlags,
    auto_merge: bool,
    size: Option<Spanned<u64>>,
    timeout: Option<u64>,
    collect: Option<u64>,
    policy: Option<SetPolicy>,
    each: Vec<Statement>,
    comment: Option<String>,
    elements: Elements,
}

impl Parser<'_> {
    /// `{ type ...; flags ...; elements = { ... } }`
    pub(super) fn set_block(&mut self, table: &InTable, name: &Spanned<String>, map: bool) -> Parsed<()> {
        let mut draft = Draft::default();
        let before = self.errors.len();
        self.block(|parser| parser.set_item(&mut draft, map))?;
        if self.errors.len() > before {
            return Ok(());
        }
        let Some(key) = draft.key else {
            return self.fail_at(name.span, "this set does not say what it holds: `type` is missing");
        };
        if map && draft.data.is_none() {
            return self.fail_at(name.span, "this map does not say what it maps to");
        }
        let declared = Set {
            name: name.node.clone(),
            span: name.span,
            key,
            data: draft.data,
            flags: draft.flags,
            auto_merge: draft.auto_merge,
            size: draft.size,
            timeout: draft.timeout,
            collect: draft.collect,
            policy: draft.policy,
            each: draft.each,
            comment: draft.comment,
            elements: draft.elements,
        };
        self.declare_set(table, declared)
    }

    /// A set declared again must be the same; its elements are added.
    fn declare_set(&mut self, table: &InTable, declared: Set) -> Parsed<()> {
        let span = declared.span;
        let sets = &mut self.table_of(table).sets;
        let Some(known) = sets.get_mut(&declared.name) else {
            self.handles.met(table, What::Set, &declared.name);
            self.table_of(table).sets.insert(&declared.name.clone(), declared);
            return Ok(());
        };
        let same = known.key.same_as(&declared.key)
            && known.data.is_some() == declared.data.is_some()
            && known.timeout == declared.timeout
            && known.flags == declared.flags;
        if !same {
            return self.fail_at(span, "this set is already declared, and differs");
        }
        known.elements.append(declared.elements);
        Ok(())
    }

    fn set_item(&mut self, draft: &mut Draft, map: bool) -> Parsed<()> {
        let each = self.stateful_statements()?;
        if !each.is_empty() {
            draft.each.extend(each);
            return Ok(());
        }
        let word = self.word("`type`, `flags` or `elements`")?;
        match &*word {
            "type" => {
                draft.key = Some(KeyType::Types(self.types()?));
                self.map_type(draft, map)?;
            }
            "typeof" => {
                draft.key = Some(KeyType::Typeof(self.typeof_parts()?));
                self.map_type(draft, map)?;
            }
            "flags" => self.set_flags(&mut draft.flags)?,
            "elements" => {
                self.expect_sign("=")?;
                self.weight = 0;
                let elements = self.element_list()?;
                draft.elements.append(elements);
            }
            "auto-merge" => draft.auto_merge = true,
            "size" => draft.size = Some(self.number("a number of elements")?),
            "policy" => {
                let policy = self.word("`performance` or `memory`")?;
                draft.policy = Some(match &*policy {
                    "performance" => SetPolicy::Performance,
                    "memory" => SetPolicy::Memory,
                    _ => return self.fail_at(policy.span, "a policy is `performance` or `memory`"),
                });
            }
            "comment" => self.only_comment(&mut draft.comment)?,
            "timeout" => draft.timeout = Some(self.duration()?),
            "gc-interval" => draft.collect = Some(self.duration()?),
            _ => {
                let text = format!("`{}` cannot stand in a set", &*word);
                let mut complaint = Diagnostic::new(word.span, text);
                complaint.help = did_you_mean(&word, ITEMS);
                return Err(self.fail(complaint));
            }
        }
        Ok(())
    }

    /// `{ ... }`, or a variable that holds it.
    pub(super) fn element_list(&mut self) -> Parsed<Elements> {
        if self.at_sign("$") {
            let value = self.variable()?;
            return match value.term {
                Term::Set(elements) => Ok(*elements),
                _ => self.fail_at(value.span, "this variable does not hold `{ element, ... }`"),
            };
        }
        let (elements, span) = self.elements()?;
        if elements.is_empty() {
            return self.fail_at(span, "these braces are empty: leave them out");
        }
        Ok(elements)
    }

    fn types(&mut self) -> Parsed<Vec<Spanned<Type>>> {
        let mut found = Vec::new();
        loop {
            let word = self.word("a type")?;
            let Some(kind) = Type::named(&word) else {
                return Err(self.fail(unknown_type(&word, word.span)));
            };
            found.push(Spanned::new(kind, word.span));
            if !self.eat_sign(".") {
                return Ok(found);
            }
        }
    }

    fn typeof_parts(&mut self) -> Parsed<Vec<Expression>> {
        let key = self.left()?;
        Ok(match key.term {
            Term::Concat(parts) => parts,
            _ => vec![key],
        })
    }

    /// `: verdict`, in a map.
    fn map_type(&mut self, draft: &mut Draft, map: bool) -> Parsed<()> {
        if !map {
            return Ok(());
        }
        self.expect_sign(":")?;
        let span = self.peek().1;
        if self.eat_word("interval") {
            let text = "ranges as what a map holds are not supported: only address translation uses them";
            return self.fail_at(span, text);
        }
        let object = match self.peek_word().as_deref() {
            Some("verdict") => Some(MapData::Verdict),
            Some("counter") => Some(MapData::Object(ObjectKind::Counter)),
            Some("limit") => Some(MapData::Object(ObjectKind::Limit)),
            Some("quota") => Some(MapData::Object(ObjectKind::Quota)),
            Some(word @ ("secmark" | "synproxy")) => {
                let text = format!("maps to objects of the kernel are not supported: there is no {word}");
                return self.fail_at(span, text);
            }
            _ => None,
        };
        draft.data = Some(match (object, &draft.key) {
            (Some(object), _) => {
                self.tokens.take();
                object
            }
            (None, Some(KeyType::Typeof(_))) => MapData::Value(KeyType::Typeof(self.typeof_parts()?)),
            (None, _) => MapData::Value(KeyType::Types(self.types()?)),
        });
        Ok(())
    }

    fn set_flags(&mut self, flags: &mut SetFlags) -> Parsed<()> {
        loop {
            let word = self.word("a flag")?;
            match &*word {
                "constant" => flags.constant = true,
                "interval" => flags.interval = true,
                "timeout" => flags.timeout = true,
                "dynamic" => flags.dynamic = true,
                _ => {
                    let text = format!("`{}` is not a flag of a set", &*word);
                    let mut complaint = Diagnostic::new(word.span, text);
                    complaint.help = did_you_mean(&word, ["constant", "interval", "timeout", "dynamic"]);
                    return Err(self.fail(complaint));
                }
            }
            if !self.eat_sign(",") {
                return Ok(());
            }
        }
    }
}

impl KeyType {
    /// Whether both are declared alike.
    fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Types(a), Self::Types(b)) => a.iter().map(|t| t.node).eq(b.iter().map(|t| t.node)),
            (Self::Typeof(a), Self::Typeof(b)) => {
                let selector = |part: &Expression| match part.term {
                    Term::Selector(found) => Some(found),
                    _ => None,
                };
                a.iter().map(selector).eq(b.iter().map(selector))
            }
            _ => false,
        }
    }
}

fn unknown_type(word: &str, span: Span) -> Diagnostic {
    let why = match word {
        "verdict" => "a verdict cannot be a key",
        "integer" | "string" => "this type does not say how wide it is: `typeof` does",
        "uid" | "gid" | "cgroupsv2" => "a wire sees packets, not the sockets of the host",
        "realm" | "classid" | "devgroup" | "ifkind" => "a wire has no routing table and no groups of devices",
        "ct_label" | "ct_event" | "ct_id" | "ct_helper" => "only the kernel's own connection tracking has it",
        _ => "",
    };
    if !why.is_empty() {
        return Diagnostic::new(span, format!("type `{word}` is not supported: {why}"));
    }
    let mut complaint = Diagnostic::new(span, format!("there is no type `{word}`"));
    complaint.help = did_you_mean(word, Type::names());
    complaint
}

const ITEMS: [&str; 11] = [
    "type",
    "typeof",
    "flags",
    "elements",
    "auto-merge",
    "size",
    "policy",
    "comment",
    "timeout",
    "gc-interval",
    "counter",
];
