//! What does `-m hashlimit` let through? As much as the bucket, or the window, of a key has room for. Rules that name the
//! same table share it: the first says what its keys are and how much they may.

use super::rates::{Rate, lapse, packets};
use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::build::{Built, NewSet};
use crate::iptables::lexer::Token;
use crate::iptables::numbers::number;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;
use crate::nft;
use crate::policy::Header;
use crate::ruleset::{Statement, StatementKind, Update};

type Done = Result<(), Diagnostic>;

/// How much a key may.
struct Allowed {
    rate: Rate,
    burst: u64,
    /// Seconds of a window, if it is no bucket.
    window: Option<u32>,
}

/// `-m hashlimit`: a bucket, or with `--hashlimit-rate-match` a window, for every key.
pub(in crate::iptables) fn translate(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let Some(name) = loaded.get("--hashlimit-name") else {
        return Err(Diagnostic::new(loaded.span, "the match `hashlimit` needs `--hashlimit-name`"));
    };
    if name.value().text.is_empty() {
        return Err(Diagnostic::new(name.span, "the name of a table of hashlimit is not empty"));
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
    let allowed = allowed(loaded, given, built)?;
    let usual = if allowed.rate.bytes { 15 } else { allowed.rate.seconds } * 1000;
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
    let Allowed { rate, burst, window } = allowed;
    let unit = if rate.bytes { "bytes" } else { "packets" };
    let bucket = format!("limit rate {} burst {burst} {unit}", rate.text());
    let set = super::connlimit::set_name("hashlimit", &name.value().text);
    let keys = keys(loaded, facts)?;
    let (kinds, ways) = match keys.is_empty() {
        // One bucket for all: every packet has the same key.
        true => ("mark".to_owned(), vec![Way::any("meta mark & 0x0".to_owned())]),
        false => (keys.kinds().join(" . "), keys.ways(facts)),
    };
    let key_words = ways.iter().map(|way| way.key.as_str()).collect::<Vec<_>>().join(", ");
    built.sets.push(NewSet {
        name: set.clone(),
        text: format!(
            "set {set} {{ type {kinds}; size {size}; flags dynamic,timeout; timeout {}; }}",
            lapse(expire)
        ),
        agree: format!("{bucket} {window:?} {key_words}"),
        span: name.span,
        differs: DIFFERS,
        first_counts: (ways.len() == 1).then(|| format!("{unit} {}", window.is_some())),
    });
    let mut either = Vec::new();
    for Way { condition, header, key } in ways {
        let mut statements = match condition.is_empty() {
            true => Vec::new(),
            false => nft::statements(&condition, loaded.span)?,
        };
        if let Some(header) = header {
            let kind = StatementKind::Whole { header, protocol: None };
            statements.push(Statement::new(kind, loaded.span));
        }
        let update = format!("update @{set} {{ {key} timeout {} {bucket} }}", lapse(expire));
        let mut updates = nft::statements(&update, loaded.span)?;
        if let Some(StatementKind::Update(update)) = updates.last_mut().map(|last| &mut last.kind) {
            finish(update, above, window);
        }
        statements.append(&mut updates);
        either.push(statements);
    }
    if let [only] = &mut either[..] {
        built.remembers = Some(loaded.span);
        built.statements.append(only);
    } else {
        built.shared_by(either, loaded.span);
    }
    Ok(())
}

/// What nft has no words for.
fn finish(update: &mut Update, above: bool, window: Option<u32>) {
    update.drops_if_full = true;
    update.negated = above;
    for each in &mut update.each {
        if let StatementKind::Limit(limit) = &mut each.kind {
            limit.window = window;
        }
    }
}

/// The rate and the burst.
fn allowed(loaded: &Loaded, given: &Given, built: &mut Built) -> Result<Allowed, Diagnostic> {
    let window = match (loaded.get("--hashlimit-rate-match"), loaded.get("--hashlimit-rate-interval")) {
        // Without it, an interval has no effect.
        (None, interval) => {
            interval.map(|interval| number(interval.value(), 1, u64::from(u32::MAX))).transpose()?;
            None
        }
        (Some(_), None) => Some(1),
        (Some(_), Some(interval)) => {
            let seconds = number(interval.value(), 1, u64::from(u32::MAX))?;
            Some(u32::try_from(seconds).unwrap_or(u32::MAX))
        }
    };
    let burst_given = loaded.get("--hashlimit-burst");
    if !given.value().text.ends_with("b/s") {
        let rate = packets(given.value(), 1_000_000)?;
        let burst = burst_given.map_or(Ok(5), |given| number(given.value(), 1, 1_000_000))?;
        if window.is_none() && !fits(rate, burst) {
            let most = MOST_CREDITS / (PER_MICROSECOND * lapse_of_one(rate));
            let message = format!(
                "the kernel has no room for so many at this rate: `--hashlimit-burst` is at most {most}"
            );
            return Err(Diagnostic::new(burst_given.map_or(given.span, |given| given.span), message));
        }
        // A window has so many packets, whatever the time that they are said for.
        let burst = if window.is_some() { burst + rate.count } else { burst };
        return Ok(Allowed { rate, burst, window });
    }
    let rate = byte_rate(given.value())?;
    let burst = burst_given.map_or(Ok(0), |given| bytes(given.value()))?;
    // In units of 16 bytes; the burst is so many times the rate.
    let count = rate.count / 16 * 16;
    if count == 0 && (window.is_some() || burst > 0) {
        return Err(Diagnostic::new(given.span, "the kernel counts in units of 16 bytes"));
    }
    if burst > 0 && burst / 16 < count / 16 {
        let message = format!("the burst is at least {count} bytes");
        return Err(Diagnostic::new(burst_given.map_or(given.span, |given| given.span), message));
    }
    if window.is_none() {
        built.note(given.span, BYTES_NOTE);
        return Ok(Allowed { rate, burst, window });
    }
    Ok(Allowed { rate: Rate { count, ..rate }, burst: count * burst.div_ceil(count).max(1), window })
}

/// Whether the kernel can count so many packets in 64 bits: what it earns in a microsecond, for as long as they take.
fn fits(rate: Rate, burst: u64) -> bool {
    PER_MICROSECOND.checked_mul(lapse_of_one(rate)).and_then(|one| one.checked_mul(burst)).is_some()
}

/// Microseconds until there is room for one more.
const fn lapse_of_one(rate: Rate) -> u64 {
    rate.seconds * 1_000_000 / rate.count
}

/// One way to read a key, and of which packets.
struct Way {
    condition: String,
    header: Option<Header>,
    key: String,
}

impl Way {
    const fn any(key: String) -> Self {
        Self { condition: String::new(), header: None, key }
    }
}

/// The parts of a key.
#[derive(Default)]
struct Keys {
    kind: &'static str,
    addresses: Vec<String>,
    /// Source and destination.
    ports: Vec<&'static str>,
}

impl Keys {
    const fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.ports.is_empty()
    }

    fn kinds(&self) -> Vec<&'static str> {
        let addresses = self.addresses.iter().map(|_| self.kind);
        addresses.chain(self.ports.iter().map(|_| "inet_service")).collect()
    }

    fn with(&self, port: impl Fn(&str) -> String) -> String {
        let ports = self.ports.iter().map(|field| port(field));
        self.addresses.iter().cloned().chain(ports).collect::<Vec<_>>().join(" . ")
    }

    /// How the key is read: a packet whose protocol has no ports has 0 for them, and of an authentication header the
    /// kernel takes the index.
    fn ways(&self, facts: &Facts<'_>) -> Vec<Way> {
        let with_ports = |condition: String| Way {
            condition,
            header: Some(Header::Transport(4)),
            key: self.with(|field| format!("th {field}")),
        };
        let of_ah = |condition: String| Way {
            condition,
            header: Some(Header::Transport(8)),
            key: self.with(|field| format!("@th,{},16", if field == "sport" { 32 } else { 48 })),
        };
        let without = |condition: String| Way { condition, header: None, key: self.with(|_| "0".to_owned()) };
        if self.ports.is_empty() {
            return vec![Way::any(self.with(|_| String::new()))];
        }
        match facts.protocol.filter(|_| !facts.not_protocol) {
            Some(6 | 17 | 33 | 50 | 132 | 136) => vec![with_ports(String::new())],
            Some(51) => vec![of_ah(String::new())],
            Some(_) => vec![without(String::new())],
            None => vec![
                with_ports("meta l4proto { 6, 17, 33, 50, 132, 136 }".to_owned()),
                of_ah("meta l4proto 51".to_owned()),
                without("meta l4proto != { 6, 17, 33, 50, 51, 132, 136 }".to_owned()),
            ],
        }
    }
}

fn keys(loaded: &Loaded, facts: &Facts<'_>) -> Result<Keys, Diagnostic> {
    let Some(mode) = loaded.get("--hashlimit-mode") else {
        return Ok(Keys::default());
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
    let mut keys = Keys { kind, ..Keys::default() };
    for (at, field, option) in [(0, "saddr", "--hashlimit-srcmask"), (1, "daddr", "--hashlimit-dstmask")] {
        let bits = loaded.get(option).map_or(Ok(width), |given| number(given.value(), 0, width))?;
        if wanted[at] && bits > 0 {
            let mask = super::connlimit::mask(bits, facts.version);
            keys.addresses.push(format!("{protocol} {field}{mask}"));
        }
    }
    keys.ports = [(2, "sport"), (3, "dport")]
        .into_iter()
        .filter(|(at, _)| wanted[*at])
        .map(|(_, field)| field)
        .collect();
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

/// Credits, of which a day has as many as a power of two in ticks allows, with 250 ticks a second as with 1000.
const PER_MICROSECOND: u64 = 137_438_953;
const MOST_CREDITS: u64 = u64::MAX;

/// What the kernel cuts the size of a table down to.
const LARGEST: u64 = 1 << 20;

const MODES: [&str; 4] = ["srcip", "dstip", "srcport", "dstport"];

const DIFFERS: &str = "two rules name this table and ask for different rates, keys, sizes or lifetimes: those of the \
                       first count for both, as in the kernel";

const BYTES_NOTE: &str = "bytes are counted one by one, where the kernel counts in units of 16, and the burst is room in \
                          the bucket, where the kernel grants it once";
