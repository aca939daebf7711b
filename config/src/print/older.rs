//! How is written what nft reads only from some later version on, or reads wrongly? As bits of the header, or of the
//! option, and with values as numbers: nft 1.0.6, of Debian 12, is the oldest that must read it.

use crate::field_names::value_text;
use crate::lower;
use crate::policy::OptionOf;
use crate::ruleset::{
    Element, Expression, HeaderField, Literal, OptionField, Protocol, Relation, Selector, StatementKind,
    Term, Type,
};

const MESSAGE: &str = "icmpv6 type";

/// Where the field lies, if it has no word that every nft knows: written `@th,offset,width`.
pub(super) const fn is_raw(field: &HeaderField) -> bool {
    match field.protocol {
        Protocol::Gre => true,
        Protocol::Ah | Protocol::Comp => matches!(field.kind, Type::InetProto),
        Protocol::Icmpv6 => matches!(field.kind, Type::Ipv6Addr),
        _ => false,
    }
}

/// Whether the field of an option is written `@kind,offset,width`.
pub(super) fn is_raw_option(field: &OptionField) -> bool {
    field.of == OptionOf::Tcp && field.name == "kind"
}

/// What a field that is written so needs to be said before it.
pub(super) fn needs(kind: &StatementKind) -> Vec<String> {
    let mut found = Vec::new();
    match kind {
        StatementKind::Match(comparison) => collect(&comparison.left, &mut found),
        StatementKind::VerdictMap { key, .. } | StatementKind::Mapped { key, .. } => collect(key, &mut found),
        StatementKind::Update(update) => collect(&update.key, &mut found),
        StatementKind::Set(_, value) => collect(value, &mut found),
        _ => {}
    }
    found
}

/// Whether what a field needs is a message of some type: not said where the type is known, and otherwise each time.
pub(super) fn is_icmp_type(need: &str) -> bool {
    need.starts_with(MESSAGE)
}

/// Whether the type of the message is known behind this statement and what it needed.
pub(super) fn tells_icmp_type(kind: &StatementKind, needs: &[String]) -> bool {
    let compared = matches!(kind, StatementKind::Match(comparison)
        if matches!(comparison.relation, Relation::Implicit | Relation::Equal)
            && matches!(comparison.left.term, Term::Selector(Selector::Header(field))
                if field.protocol == Protocol::Icmpv6 && field.name == "type")
            && matches!(comparison.right.term, Term::Literal(_) | Term::Binary(..)));
    compared || needs.iter().any(|need| is_icmp_type(need) && !need.ends_with('}'))
}

fn collect(expression: &Expression, found: &mut Vec<String>) {
    match &expression.term {
        Term::Selector(Selector::Header(field)) if is_raw(field) => {
            let need = match (field.protocol, field.name) {
                (Protocol::Icmpv6, "daddr") => format!("{MESSAGE} 137"),
                (Protocol::Icmpv6, _) => format!("{MESSAGE} {{ 130, 131, 132, 135, 136, 137 }}"),
                (protocol, _) => format!("meta l4proto {}", protocol.name()),
            };
            if !found.contains(&need) {
                found.push(need);
            }
        }
        Term::Binary(_, both) => {
            collect(&both.0, found);
            collect(&both.1, found);
        }
        Term::Concat(parts) => parts.iter().for_each(|part| collect(part, found)),
        Term::Map(key, _) => collect(key, found),
        _ => {}
    }
}

/// What `left` is compared with, as numbers (days of the week by their whole names), where nft knows no names for it or
/// cannot read them.
pub(super) fn in_numbers(left: &Expression, right: &Expression) -> Option<Expression> {
    let mut inner = left;
    while let Term::Binary(_, both) = &inner.term {
        inner = &both.0;
    }
    let Term::Selector(selector) = inner.term else { return None };
    let unnamed = match selector {
        Selector::Header(field) => is_raw(field) || field.protocol == Protocol::Igmp && field.name == "group",
        Selector::Option(field) => !matches!(field.value, Type::Integer(_)),
        Selector::Meta(key) => key.kind() == Type::Day,
        _ => false,
    };
    unnamed.then(|| numbers(right, selector.kind())).flatten()
}

/// The same with every value a number.
fn numbers(expression: &Expression, kind: Type) -> Option<Expression> {
    let both =
        |both: &(Expression, Expression)| Some(Box::new((numbers(&both.0, kind)?, numbers(&both.1, kind)?)));
    let term = match &expression.term {
        Term::Literal(_) => {
            let number = lower::single_value(expression, kind)?;
            let day = (kind == Type::Day).then(|| value_text(kind, number).into());
            Term::Literal(day.map_or(Literal::Number(number), Literal::Word))
        }
        Term::Range(inner) => Term::Range(both(inner)?),
        Term::Binary(operator, inner) => Term::Binary(*operator, both(inner)?),
        Term::Prefix(base, bits) => Term::Prefix(Box::new(numbers(base, kind)?), *bits),
        Term::List(parts) => Term::List(parts.iter().map(|part| numbers(part, kind)).collect::<Option<_>>()?),
        Term::Set(elements) => {
            let numbered = |element: Element| Some(Element { key: numbers(&element.key, kind)?, ..element });
            Term::Set(Box::new(elements.iter().map(numbered).collect::<Option<_>>()?))
        }
        _ => return None,
    };
    Some(Expression::new(term, expression.span))
}
