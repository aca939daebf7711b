//! How are the reasons of a reject called? Codes of destination unreachable, RFC 792 and 4443.

/// The code that `name` stands for, in `icmp`, `icmpv6` or `icmpx`.
pub(crate) fn code(kind: &str, name: &str) -> Option<u8> {
    let mut known = table(kind).iter();
    known.find(|(found, _)| *found == name).map(|(_, code)| *code)
}

/// The name of `code`.
pub(crate) fn name(kind: &str, code: u8) -> Option<&'static str> {
    let mut known = table(kind).iter();
    known.find(|(_, found)| *found == code).map(|(name, _)| *name)
}

/// Every name.
pub(crate) fn names(kind: &str) -> impl Iterator<Item = &'static str> {
    table(kind).iter().map(|(name, _)| *name)
}

fn table(kind: &str) -> &'static [(&'static str, u8)] {
    match kind {
        "icmp" => ICMP,
        "icmpv6" => ICMPV6,
        _ => ICMPX,
    }
}

const ICMP: &[(&str, u8)] = &[
    ("net-unreachable", 0),
    ("host-unreachable", 1),
    ("prot-unreachable", 2),
    ("port-unreachable", 3),
    ("frag-needed", 4),
    ("net-prohibited", 9),
    ("host-prohibited", 10),
    ("admin-prohibited", 13),
];

const ICMPV6: &[(&str, u8)] = &[
    ("no-route", 0),
    ("admin-prohibited", 1),
    ("addr-unreachable", 3),
    ("port-unreachable", 4),
    ("policy-fail", 5),
    ("reject-route", 6),
];

const ICMPX: &[(&str, u8)] =
    &[("no-route", 0), ("port-unreachable", 1), ("host-unreachable", 2), ("admin-prohibited", 3)];
