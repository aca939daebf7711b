//! What does nft say of the lists that matches of iptables walk?

use super::NOT_DROPPED;
use crate::policy::{CHUNK_TYPES, ChunkMode, Chunks, Extensions, OptionOf, Sought};
use crate::ruleset::options;

/// Several texts where one of them must hold, no packet meets two. None if nft cannot say it.
pub(super) fn words(sought: Sought, negated: bool) -> Option<Vec<String>> {
    match sought {
        Sought::Chunks(wanted) => chunks(wanted, negated),
        Sought::TcpOption(kind) => {
            Some(vec![format!("tcp option {kind} {}", if negated { "missing" } else { "exists" })])
        }
        Sought::SegmentSize { low, high } => Some(segment_size(low, high, negated)),
        Sought::Extensions(wanted) if says_authentication(wanted) => None,
        Sought::Extensions(wanted) => Some(extensions(wanted, negated)),
        Sought::MonthDay { .. }
        | Sought::HeaderOption { .. }
        | Sought::RouteReserved
        | Sought::SourceRoute { .. } => None,
    }
}

/// Why nft cannot say it.
pub(super) const fn unsaid(sought: Sought) -> &'static str {
    match sought {
        Sought::MonthDay { .. } => "nft has no words for the day of the month",
        Sought::HeaderOption { .. } => "nft has no words for the options of an IPv6 extension header",
        Sought::RouteReserved | Sought::SourceRoute { .. } => NO_ROUTES,
        Sought::Extensions(_) => "nft has no words for the authentication header of IPv6",
        _ => "nft has no words for this list",
    }
}

/// In what nft's words differ.
pub(super) const fn note(sought: Sought) -> Option<&'static str> {
    match sought {
        Sought::Chunks(_) => Some(NOT_DROPPED),
        Sought::TcpOption(_) | Sought::SegmentSize { .. } => Some(ODD_LENGTH),
        _ => None,
    }
}

fn segment_size(low: u16, high: u16, negated: bool) -> Vec<String> {
    let left = "tcp option maxseg size";
    let bounds = if low == high { low.to_string() } else { format!("{low}-{high}") };
    if !negated {
        return vec![format!("{left} {bounds}")];
    }
    let other = (low > 0 || high < u16::MAX).then(|| format!("{left} != {bounds}"));
    ["tcp option maxseg missing".to_owned()].into_iter().chain(other).collect()
}

fn extensions(wanted: Extensions, negated: bool) -> Vec<String> {
    let (mut these, mut those) = (Vec::new(), Vec::new());
    for (at, (there, missing)) in EXTENSIONS.into_iter().enumerate() {
        let (there, missing) = (there.to_owned(), missing.to_owned());
        match (wanted.named & 1 << at != 0, wanted.soft) {
            (true, true) if wanted.negated => (these.push(missing), those.push(there)),
            (true, _) => (these.push(there), those.push(missing)),
            (false, false) => (these.push(missing), those.push(there)),
            (false, true) => continue,
        };
    }
    if negated != (wanted.negated && !wanted.soft) { first_of(&those, &these) } else { vec![these.join(" ")] }
}

/// Whether it is asked if there is one: nft has no words for that.
const fn says_authentication(wanted: Extensions) -> bool {
    !wanted.soft || wanted.named & 1 << AUTHENTICATION != 0
}

fn chunks(chunks: Chunks, negated: bool) -> Option<Vec<String>> {
    if chunks.flags != 0 || chunks.mode == ChunkMode::Only || chunks.types == u32::MAX {
        return None;
    }
    let listed = CHUNK_TYPES.iter().enumerate().filter(|(at, _)| chunks.types & 1 << at != 0);
    let names: Vec<String> = listed
        .map(|(_, kind)| options::name_of(OptionOf::Sctp, *kind).map(str::to_owned))
        .collect::<Option<_>>()?;
    let each =
        |there: &str| names.iter().map(|name| format!("sctp chunk {name} {there}")).collect::<Vec<_>>();
    let (every, none) = (each("exists"), each("missing"));
    if names.is_empty() {
        return None;
    }
    Some(match (chunks.mode == ChunkMode::All, negated) {
        (true, false) => vec![every.join(" ")],
        (false, true) => vec![none.join(" ")],
        (false, false) => first_of(&every, &none),
        (true, true) => first_of(&none, &every),
    })
}

/// For each of `these` that it holds and those before do not.
fn first_of(these: &[String], those: &[String]) -> Vec<String> {
    let each = these.iter().enumerate().map(|(at, this)| {
        let before = those[..at].iter().map(|that| format!("{that} ")).collect::<String>();
        format!("{before}{this}")
    });
    each.collect()
}

/// How nft says that a header is there, and that it is not, in the order of `policy::EXTENSION_HEADERS`; at last the
/// transport header.
const EXTENSIONS: [(&str, &str); 8] = [
    ("exthdr hbh exists", "exthdr hbh missing"),
    ("exthdr dst exists", "exthdr dst missing"),
    ("exthdr rt exists", "exthdr rt missing"),
    ("exthdr frag exists", "exthdr frag missing"),
    ("exthdr ah6 exists", "exthdr ah6 missing"),
    ("meta l4proto esp", "meta l4proto != esp"),
    ("meta l4proto 59", "meta l4proto != 59"),
    ("meta l4proto != { 50, 59 }", "meta l4proto { 50, 59 }"),
];

/// Its place among them.
const AUTHENTICATION: u8 = 4;

/// What is said of type 0 routing headers.
pub(super) const NO_ROUTES: &str = "nft has no words for what an IPv6 routing header of type 0 holds";

const ODD_LENGTH: &str = "iptables steps over an option that says of itself that it is longer than the header; nft takes it \
                          for none";
