//! What do `-m limit`, `-m hashlimit` and `-m quota` let through? As much as a bucket has tokens for.

use super::fields::only;
use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::build::{Built, NewSet};
use crate::iptables::lexer::Token;
use crate::iptables::numbers::number;
use crate::iptables::options::Loaded;
use crate::iptables::rule::Facts;
use crate::policy::Header;
use crate::ruleset::StatementKind;

type Done = Result<(), Diagnostic>;

/// So many in a lapse of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    count: u64,
    /// Of bytes rather than packets.
    bytes: bool,
    unit: &'static str,
    seconds: u64,
}

impl Rate {
    fn text(self) -> String {
        match self.bytes {
            true => format!("{} bytes/{}", self.count, self.unit),
            false => format!("{}/{}", self.count, self.unit),
        }
    }
}

/// `-m limit`
pub(in crate::iptables) fn limit(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let rate = match loaded.get("--limit") {
        Some(given) => packets(given.value(), 10_000)?,
        None => Rate { count: 3, bytes: false, unit: "hour", seconds: 3600 },
    };
    let burst = match loaded.get("--limit-burst") {
        Some(given) => number(given.value(), 1, 10_000)?,
        None => 5,
    };
    built.remembers = Some(loaded.span);
    built.says(&format!("limit rate {} burst {burst} packets", rate.text()), loaded.span)
}

/// `5/minute`, of which the beginning of the unit is enough.
fn packets(token: &Token, fastest: u64) -> Result<Rate, Diagnostic> {
    let (count, unit) = token.split_once('/');
    let said = unit.map_or_else(|| "second".to_owned(), |unit| unit.text.to_ascii_lowercase());
    let known = UNITS.iter().find(|(name, _)| !said.is_empty() && name.starts_with(&said));
    let Some(&(unit, seconds)) = known else {
        let message = format!("`{}` is not a rate: a number and /second, /minute, /hour or /day", token.text);
        return Err(Diagnostic::new(token.span, message));
    };
    let count = number(&count, 1, u64::from(u32::MAX))?;
    if count > fastest * seconds {
        return Err(Diagnostic::new(token.span, "the kernel knows no rate as high as this"));
    }
    Ok(Rate { count, bytes: false, unit, seconds })
}

/// `-m quota`
pub(in crate::iptables) fn quota(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let bytes = number(given.value(), 0, u64::MAX)?;
    built.remembers = Some(given.span);
    let over = if given.negated { "over " } else { "" };
    built.says(&format!("quota {over}{bytes} bytes"), given.span)
}

/// `-m hashlimit`: a bucket for every key.
pub(in crate::iptables) fn hashlimit(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let Some(name) = loaded.get("--hashlimit-name") else {
        return Err(Diagnostic::new(loaded.span, "the match `hashlimit` needs `--hashlimit-name`"));
    };
    for option in ["--hashlimit-rate-match", "--hashlimit-rate-interval"] {
        if let Some(given) = loaded.get(option) {
            let message = format!(
                "`{option}` is not supported: it compares the rate of the last interval, which nothing in nft measures"
            );
            return Err(Diagnostic::new(given.span, message).help("without it, tokens are counted"));
        }
    }
    let (above, given) = match (loaded.get("--hashlimit-upto"), loaded.get("--hashlimit-above")) {
        (Some(given), None) => (given.negated, given),
        (None, Some(given)) => (!given.negated, given),
        (Some(_), Some(second)) => {
            return Err(Diagnostic::new(
                second.span,
                "`--hashlimit-upto` and `--hashlimit-above` exclude each other",
            ));
        }
        (None, None) => {
            let message = "the match `hashlimit` needs `--hashlimit-upto` or `--hashlimit-above`";
            return Err(Diagnostic::new(loaded.span, message));
        }
    };
    let burst_given = loaded.get("--hashlimit-burst");
    let (rate, burst) = if given.value().text.ends_with("b/s") {
        let rate = byte_rate(given.value())?;
        let burst = burst_given.map_or(Ok(0), |given| bytes(given.value()))?;
        built.note(given.span, BYTES_NOTE);
        (rate, format!("burst {burst} bytes"))
    } else {
        let rate = packets(given.value(), 1_000_000)?;
        let burst = burst_given.map_or(Ok(5), |given| number(given.value(), 1, 1_000_000))?;
        (rate, format!("burst {burst} packets"))
    };
    let usual = if rate.bytes { 15 } else { rate.seconds } * 1000;
    let expire = match loaded.get("--hashlimit-htable-expire") {
        Some(given) => number(given.value(), 1, u64::from(u32::MAX))?,
        None => usual,
    };
    let read =
        |option| loaded.get(option).map(|given| number(given.value(), 1, u64::from(u32::MAX))).transpose();
    // The kernel has 8192 buckets where there is a gigabyte of memory, and room for eight times as many, or as is said.
    let buckets = read("--hashlimit-htable-size")?.unwrap_or(8192).min(LARGEST);
    let size = read("--hashlimit-htable-max")?.map_or(8 * buckets, |most| most.min(LARGEST).max(buckets));
    // How often the kernel looks for what has expired.
    read("--hashlimit-htable-gcinterval")?;
    let over = if above { "over " } else { "" };
    let bucket = format!("limit rate {over}{} {burst}", rate.text());
    built.remembers = Some(loaded.span);
    let keys = keys(loaded, facts)?;
    if keys.iter().any(|(kind, _)| *kind == "inet_service") {
        built.whole(Header::Transport(4), None, loaded.span);
    }
    let set = super::connlimit::set_name("hashlimit", &name.value().text);
    let (kinds, key): (Vec<&str>, Vec<String>) = match keys.is_empty() {
        // One bucket for all: every packet has the same key.
        true => (vec!["mark"], vec!["meta mark & 0x0".to_owned()]),
        false => keys.into_iter().unzip(),
    };
    let (kinds, key) = (kinds.join(" . "), key.join(" . "));
    built.sets.push(NewSet {
        name: set.clone(),
        text: format!(
            "set {set} {{ type {kinds}; size {size}; flags dynamic,timeout; timeout {}; }}",
            lapse(expire)
        ),
        agree: bucket.clone(),
        span: name.span,
        differs: "two rules name this table and ask for different rates, keys, sizes or lifetimes: the kernel \
                  would take those of the first",
    });
    built.says(&format!("update @{set} {{ {key} timeout {} {bucket} }}", lapse(expire)), loaded.span)?;
    if let Some(StatementKind::Update(update)) = built.statements.last_mut().map(|last| &mut last.kind) {
        update.drops_if_full = true;
    }
    Ok(())
}

/// The types and expressions of the parts of a key.
fn keys(loaded: &Loaded, facts: &Facts<'_>) -> Result<Vec<(&'static str, String)>, Diagnostic> {
    let Some(mode) = loaded.get("--hashlimit-mode") else {
        return Ok(Vec::new());
    };
    let mut wanted = [false; 4];
    for token in mode.value().split(',') {
        let said = token.text.to_ascii_lowercase();
        let Some(at) = MODES.iter().position(|known| *known == said) else {
            let message = format!("`{}` is not one of {}", token.text, MODES.join(", "));
            return Err(Diagnostic::new(token.span, message));
        };
        wanted[at] = true;
    }
    let (protocol, kind, width) = match facts.version {
        Version::V4 => ("ip", "ipv4_addr", 32),
        Version::V6 => ("ip6", "ipv6_addr", 128),
    };
    let mut keys = Vec::new();
    for (at, field, option) in [(0, "saddr", "--hashlimit-srcmask"), (1, "daddr", "--hashlimit-dstmask")] {
        let bits = loaded.get(option).map_or(Ok(width), |given| number(given.value(), 0, width))?;
        if wanted[at] && bits > 0 {
            let mask = super::connlimit::mask(bits, facts.version);
            keys.push((kind, format!("{protocol} {field}{mask}")));
        }
    }
    for (at, field) in [(2, "sport"), (3, "dport")] {
        if !wanted[at] {
            continue;
        }
        match facts.protocol.filter(|_| !facts.not_protocol) {
            Some(6 | 17 | 33 | 50 | 132 | 136) => keys.push(("inet_service", format!("th {field}"))),
            Some(51) => {
                let message = "a key with ports is not supported for AH: the kernel takes its index for them";
                return Err(Diagnostic::new(mode.span, message));
            }
            // A protocol without ports: the kernel puts zero there.
            Some(_) => {}
            None => {
                let message = "a key with ports needs `-p` and a protocol that has them";
                return Err(Diagnostic::new(mode.span, message));
            }
        }
    }
    Ok(keys)
}

/// `10mb/s`
fn byte_rate(token: &Token) -> Result<Rate, Diagnostic> {
    let number = token.piece(0, token.text.len() - 2);
    let count = bytes(&number)?;
    Ok(Rate { count, bytes: true, unit: "second", seconds: 1 })
}

/// `512kb`, `1mb`, `100b` or a number alone.
fn bytes(token: &Token) -> Result<u64, Diagnostic> {
    let text = token.text.strip_suffix('b').unwrap_or(&token.text);
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k') => (text.len() - 1, 1024),
        Some(b'm') => (text.len() - 1, 1024 * 1024),
        _ => (text.len(), 1),
    };
    let count = number(&token.piece(0, digits), 1, u64::from(u32::MAX))?;
    let most = u64::from(u32::MAX) * 16;
    let all = count.checked_mul(factor).filter(|all| *all <= most);
    all.ok_or_else(|| Diagnostic::new(token.span, "the kernel knows no rate as high as this"))
}

/// As nft writes so many milliseconds.
pub(super) fn lapse(milliseconds: u64) -> String {
    match milliseconds % 1000 {
        0 => format!("{}s", milliseconds / 1000),
        rest if milliseconds < 1000 => format!("{rest}ms"),
        rest => format!("{}s{rest}ms", milliseconds / 1000),
    }
}

/// What the kernel cuts the size of a table down to.
const LARGEST: u64 = 1 << 20;

/// What a set has room for if nothing says so, as in nft.
pub(super) const ROOM: u64 = 65_535;

const UNITS: [(&str, u64); 4] = [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400)];

const MODES: [&str; 4] = ["srcip", "dstip", "srcport", "dstport"];

const BYTES_NOTE: &str = "bytes are counted one by one, where the kernel counts in units of 16, and the burst is room in \
                          the bucket, where the kernel grants it once";
