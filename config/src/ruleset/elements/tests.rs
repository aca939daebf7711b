//! Does what goes in come out?

use proptest::prelude::*;

use super::*;
use crate::policy::{HeaderBase, Limit, LimitUnit, Quota};
use crate::ruleset::{BinaryOperator, CtKey, Selector, Statement, StatementKind};

fn span() -> impl Strategy<Value = Span> {
    (0..3u16, prop_oneof![0..99u32, any::<u32>()], prop_oneof![0..99u32, any::<u32>()])
        .prop_map(|(source, start, end)| Span::new(source, start, end))
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        prop_oneof![0..300u128, any::<u128>()].prop_map(Literal::Number),
        "[a-zé]{0,9}".prop_map(|word| Literal::Word(word.into())),
        "[a-z ü]{0,200}".prop_map(|text| Literal::Text(text.into())),
        any::<u32>().prop_map(|address| Literal::Ipv4(address.into())),
        any::<u128>().prop_map(|address| Literal::Ipv6(address.into())),
        any::<[u8; 6]>().prop_map(Literal::Mac),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    let raw = Selector::Raw { base: HeaderBase::Network, offset: 0, width: 8 };
    let leaf = prop_oneof![
        9 => literal().prop_map(Term::Literal),
        1 => Just(Term::Any),
        1 => Just(Term::Selector(raw)),
        1 => Just(Term::SetName("name".into())),
    ];
    let leaf = (leaf, span()).prop_map(|(term, span)| Expression::new(term, span));
    leaf.prop_recursive(3, 12, 4, |inner| {
        let two = || (inner.clone(), inner.clone());
        let term = prop_oneof![
            two().prop_map(|both| Term::Range(Box::new(both))),
            (inner.clone(), any::<u8>()).prop_map(|(base, bits)| Term::Prefix(Box::new(base), bits)),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Term::Concat),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Term::List),
            two().prop_map(|both| Term::Binary(BinaryOperator::And, Box::new(both))),
        ];
        (term, span()).prop_map(|(term, span)| Expression::new(term, span))
    })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let kind = prop_oneof![
        Just(VerdictKind::Accept),
        Just(VerdictKind::Drop),
        Just(VerdictKind::Continue),
        Just(VerdictKind::Return),
        "[a-z]{1,9}".prop_map(|chain| VerdictKind::Jump(chain.into())),
        "[a-z]{1,9}".prop_map(|chain| VerdictKind::Goto(chain.into())),
    ];
    (kind, span()).prop_map(|(kind, span)| Verdict { kind, span })
}

fn stateful() -> impl Strategy<Value = StatementKind> {
    let name = || prop_oneof![9 => Just(None), 1 => Just(Some("name".to_owned()))];
    let unit = prop_oneof![Just(LimitUnit::Packets), Just(LimitUnit::Bytes)];
    let rates = (any::<u64>(), any::<u64>(), any::<u64>());
    let limit = (name(), unit, rates, any::<bool>(), prop::option::of(any::<u32>()));
    let limit = limit.prop_map(|(name, unit, (rate, per_seconds, burst), over, window)| {
        StatementKind::Limit(Limit { name, unit, rate, per_seconds, burst, over, window })
    });
    let quota = (name(), any::<u64>(), any::<u64>(), any::<bool>());
    prop_oneof![
        any::<(u64, u64)>().prop_map(|(packets, bytes)| StatementKind::Counter { packets, bytes }),
        limit,
        quota.prop_map(|(name, bytes, used, over)| {
            StatementKind::Quota(Quota { name, bytes, used, over })
        }),
        any::<(u32, bool)>().prop_map(|(count, over)| StatementKind::ConnectionLimit { count, over }),
    ]
}

fn extra() -> impl Strategy<Value = ElementExtra> {
    let each = prop_oneof![
        5 => Just(Vec::new()),
        1 => Just(vec![Statement::new(StatementKind::Notrack, Span::default())]),
        4 => prop::collection::vec((stateful(), span()).prop_map(|(kind, span)| Statement::new(kind, span)), 1..3),
    ];
    let parts = (
        prop::option::of(verdict()),
        prop::option::of(expression()),
        prop::option::of(any::<u64>()),
        prop::option::of(any::<u64>()),
        each,
        prop::option::of("[a-z ä]{0,20}"),
    );
    parts.prop_map(|(verdict, data, timeout, expires, each, comment)| ElementExtra {
        verdict,
        data,
        timeout,
        expires,
        each,
        comment,
    })
}

fn element() -> impl Strategy<Value = Element> {
    (expression(), prop::option::of(extra().prop_map(Box::new)))
        .prop_map(|(key, extra)| Element { key, extra })
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(elements in prop::collection::vec(element(), 0..20)) {
        let packed: Elements = elements.iter().cloned().collect();
        prop_assert_eq!(packed.len(), elements.len());
        prop_assert_eq!(packed.iter().len(), elements.len());
        prop_assert_eq!(format!("{packed:?}"), format!("{elements:?}"));
    }
}

#[test]
fn an_address_takes_eight_bytes() {
    let element = |n: u32| {
        let span = Span::new(1, 100_000 + 12 * n, 100_000 + 12 * n + 10);
        Element::new(Expression::literal(Literal::Ipv4(n.into()), span))
    };
    let elements: Elements = (0..1000).map(element).collect();
    assert!(elements.bytes.len() < 8 * 1000 + 10, "{}", elements.bytes.len());
    assert!(elements.whole.is_empty());
}

#[test]
fn an_address_that_counts_takes_twenty_bytes() {
    let element = |n: u32| {
        let span = |from, to| Span::new(0, 40 * n + from, 40 * n + to);
        let counter = StatementKind::Counter { packets: n.into(), bytes: u64::from(n) * 60 };
        let each = vec![Statement::new(counter, span(12, 40))];
        let extra = Some(Box::new(ElementExtra { each, ..ElementExtra::default() }));
        Element { key: Expression::literal(Literal::Ipv4(n.into()), span(0, 10)), extra }
    };
    let elements: Elements = (0..1000).map(element).collect();
    assert!(elements.bytes.len() < 20 * 1000, "{}", elements.bytes.len());
    assert!(elements.whole.is_empty());
}

#[test]
fn what_is_no_constant_is_kept_whole() {
    let key = Expression::selector(Selector::Ct(CtKey::Mark), Span::default());
    let elements: Elements = std::iter::once(Element::new(key)).collect();
    assert_eq!(elements.whole.len(), 1);
    assert!(elements.only().is_some());
}

/// An element with this number as its key.
fn numbered(number: u32) -> Element {
    let term = Term::Literal(Literal::Number(number.into()));
    Element::new(Expression::new(term, Span::new(0, number, number + 1)))
}

proptest! {
    #[test]
    fn what_was_taken_out_is_gone_and_the_rest_keeps_its_order(
        steps in prop::collection::vec((0..4_u8, 0..9_u32), 0..60),
    ) {
        let (mut elements, mut plain): (Elements, Vec<u32>) = Default::default();
        for (step, number) in steps {
            let element = numbered(number);
            let there = plain.contains(&number);
            match step {
                0 => prop_assert_eq!(elements.has(&element.key), there),
                1 => {
                    prop_assert_eq!(elements.remove(&element.key), there);
                    plain.retain(|one| *one != number);
                }
                _ => {
                    elements.append([element].into_iter().collect());
                    plain.push(number);
                }
            }
            prop_assert_eq!(elements.len(), plain.len());
            let found: Vec<u32> = elements.iter().map(|element| element.key.span.start).collect();
            prop_assert_eq!(found, plain.clone());
        }
    }
}

#[test]
fn adding_and_deleting_one_by_one_looks_at_each_key_once() {
    const COUNT: u32 = 20_000;
    let mut elements: Elements = (0..COUNT).map(numbered).collect();
    for number in 0..COUNT {
        assert!(elements.remove(&numbered(number).key));
        elements.append([numbered(COUNT + number)].into_iter().collect());
    }
    assert_eq!(elements.len(), COUNT as usize);
    let looked_at = elements.keyed.map_or(0, |keyed| keyed.looked_at);
    assert!(looked_at <= 3 * u64::from(COUNT), "{looked_at} keys");
}
