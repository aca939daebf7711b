//! What does the output of `ipset save` say? Sets: `create NAME TYPE options`, then `add NAME element`.
//!
//! A set becomes one of nft with the same name in every table whose rules ask for it.

mod finish;
mod nested;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Version;
use super::lexer::{Line, Token};
use crate::diagnostic::{Diagnostic, Span};
use crate::nft;
use crate::ruleset::{Elements, Set};

/// The sets saved beside a dump, by name.
#[derive(Debug, Clone, Default)]
pub struct IpSets {
    sets: BTreeMap<String, Saved>,
}

/// A part of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// An address or network.
    Address,
    /// A protocol and a port.
    Port,
    /// A port of whatever protocol has one.
    BarePort,
    /// A MAC address.
    Mac,
    /// The mark of the packet.
    Mark,
    /// The name of an interface.
    Interface,
}

/// One set.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    pub(super) parts: Vec<Part>,
    /// Unless it holds no address.
    pub(super) version: Option<Version>,
    /// Elements may be networks and ranges.
    intervals: bool,
    /// In seconds, if elements end by themselves.
    pub(super) timeout: Option<u64>,
    size: Option<u64>,
    span: Span,
    elements: Elements,
    waiting: Waiting,
    /// The first that is a network or a range.
    wide: Option<Span>,
    /// Those that are exceptions, by number.
    exceptions: BTreeSet<usize>,
    /// Elements do not overlap, and do not become one where they touch.
    apart: bool,
    /// What of an address counts, in nft's words.
    pub(super) mask: String,
    /// The sets that a list holds, if it is one.
    members: Option<Vec<Token>>,
}

/// Elements in nft's words that are not read yet: a few at a time, since there may be millions.
#[derive(Debug, Clone, Default)]
struct Waiting {
    /// One behind the other, with commas.
    text: String,
    /// Where each ends in the text, and where it was written.
    places: Vec<(usize, Span)>,
}

impl IpSets {
    pub(super) fn get(&self, name: &str) -> Option<&Saved> {
        self.sets.get(name)
    }

    /// The list that holds this set, or is it.
    pub(super) fn list_of(&self, name: &str) -> Option<&str> {
        let holds = |members: &Vec<Token>| members.iter().any(|member| member.text == name);
        let mut lists = self.sets.iter().filter_map(|(list, saved)| Some((list, saved.members.as_ref()?)));
        lists.find(|(list, members)| *list == name || holds(members)).map(|(list, _)| list.as_str())
    }

    /// Whether `text` is the output of `ipset save`.
    #[must_use]
    pub fn is_save(text: &str) -> bool {
        let mut lines = text.lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
        first.is_some_and(|line| {
            let words: Vec<&str> = line.split_whitespace().take(3).collect();
            matches!(words[..], ["create", _, kind] if kind.contains(':'))
        })
    }

    /// Adds the sets of `text`, which is number `source` of the sources.
    pub fn read(&mut self, source: u16, text: &str, errors: &mut Vec<Diagnostic>) {
        for line in Line::all(source, text) {
            let trimmed = line.text.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') || trimmed == "COMMIT" {
                continue;
            }
            let read = line.tokens(0).and_then(|tokens| self.line(&tokens, line.whole(), errors));
            errors.extend(read.err());
        }
        self.sets.values_mut().for_each(|saved| saved.read_waiting(errors));
        self.finish(errors);
    }

    fn is_list(&self, name: &Token) -> bool {
        self.sets.get(&name.text).is_some_and(|saved| saved.members.is_some())
    }

    fn line(&mut self, tokens: &[Token], span: Span, errors: &mut Vec<Diagnostic>) -> Result<(), Diagnostic> {
        match tokens {
            [command, name, kind, options @ ..] if command.text == "create" => {
                let saved = create(kind, options, span)?;
                if self.sets.insert(name.text.clone(), saved).is_some() {
                    return Err(Diagnostic::new(
                        name.span,
                        format!("the set `{}` is there already", name.text),
                    ));
                }
                Ok(())
            }
            [command, name, element, options @ ..] if command.text == "add" && self.is_list(name) => {
                if !self.sets.contains_key(&element.text) {
                    let message = format!("there is no set `{}` to be listed", element.text);
                    return Err(Diagnostic::new(element.span, message));
                }
                if let Some(option) = options.iter().find(|option| option.text == "timeout") {
                    let message = "a set that leaves its list is not supported";
                    return Err(Diagnostic::new(option.span, message));
                }
                let saved = self.sets.get_mut(&name.text);
                if let Some(members) = saved.and_then(|saved| saved.members.as_mut()) {
                    members.push(element.clone());
                }
                Ok(())
            }
            [command, name, element, options @ ..] if command.text == "add" => {
                let Some(saved) = self.sets.get_mut(&name.text) else {
                    let message = format!("there is no set `{}` to add to", name.text);
                    return Err(Diagnostic::new(name.span, message));
                };
                saved.element(element, options)?;
                if saved.waiting.places.len() >= MOST_WAITING {
                    saved.read_waiting(errors);
                }
                Ok(())
            }
            _ => Err(Diagnostic::new(span, "expected `create NAME TYPE ...` or `add NAME ELEMENT ...`")),
        }
    }
}

fn create(kind: &Token, options: &[Token], span: Span) -> Result<Saved, Diagnostic> {
    let is_list = kind.text == "list:set";
    let known = TYPES.iter().find(|(name, ..)| *name == kind.text).or(is_list.then_some(&("", &[], false)));
    let Some(&(_, parts, intervals)) = known else {
        let message = format!("sets of type `{}` are not supported", kind.text);
        let names: Vec<&str> = TYPES.iter().map(|(name, ..)| *name).chain(["list:set"]).collect();
        return Err(Diagnostic::new(kind.span, message).help(format!("supported are {}", names.join(", "))));
    };
    let has_address = parts.contains(&Part::Address);
    let mut saved = Saved {
        parts: parts.to_vec(),
        version: has_address.then_some(Version::V4),
        intervals,
        timeout: None,
        size: None,
        span,
        elements: Elements::default(),
        waiting: Waiting::default(),
        wide: None,
        exceptions: BTreeSet::new(),
        apart: false,
        mask: String::new(),
        members: is_list.then(Vec::new),
    };
    let mut words = options.iter();
    while let Some(word) = words.next() {
        let mut value = || {
            let missing = || Diagnostic::new(word.span, format!("`{}` needs a value", word.text));
            words.next().ok_or_else(missing)
        };
        let number = |token: &Token| super::numbers::number(token, 0, u64::from(u32::MAX));
        match word.text.as_str() {
            "family" => {
                let family = value()?;
                saved.version = match family.text.as_str() {
                    "inet" => Some(Version::V4),
                    "inet6" => Some(Version::V6),
                    _ => return Err(Diagnostic::new(family.span, "a family is inet or inet6")),
                };
            }
            "timeout" => saved.timeout = Some(number(value()?)?),
            "maxelem" => saved.size = Some(number(value()?)?),
            // How the kernel lays it out, and which part of its space a bitmap covers.
            "hashsize" | "bucketsize" | "initval" | "range" | "size" => drop(value()?),
            // Marks that an element gives are taken by `SET --map-set` only.
            "counters" | "comment" | "forceadd" | "skbinfo" => {}
            "netmask" | "bitmask" if matches!(parts, [Part::Address]) && !intervals => {
                saved.mask = mask(word, value()?, saved.version.unwrap_or(Version::V4))?;
            }
            _ => {
                let message = format!("the option `{}` of a set is not supported", word.text);
                return Err(Diagnostic::new(word.span, message));
            }
        }
    }
    Ok(saved)
}

/// What of an address counts, in nft's words.
fn mask(option: &Token, said: &Token, version: Version) -> Result<String, Diagnostic> {
    if option.text == "netmask" {
        let bits = super::numbers::number(said, 1, version.width().into())?;
        return Ok(super::matches::connlimit::mask(bits, version));
    }
    let mask = match version {
        Version::V4 => said.text.parse::<Ipv4Addr>().map(|mask| mask.to_string()).ok(),
        Version::V6 => said.text.parse::<Ipv6Addr>().map(|mask| mask.to_string()).ok(),
    };
    let wrong = || Diagnostic::new(said.span, format!("`{}` is not a mask of addresses", said.text));
    mask.map(|mask| format!(" & {mask}")).ok_or_else(wrong)
}

impl Saved {
    /// Puts an element, with what it has, to those that wait.
    fn element(&mut self, element: &Token, options: &[Token]) -> Result<(), Diagnostic> {
        let before = self.waiting.text.len();
        if before > 0 {
            self.waiting.text.push_str(", ");
        }
        if let Err(why) = self.write(element, options) {
            self.waiting.text.truncate(before);
            return Err(why);
        }
        let mut parts = self.parts.iter().zip(element.text.split(','));
        if parts.any(|(part, said)| *part != Part::Interface && said.contains(['/', '-'])) {
            self.wide.get_or_insert(element.span);
        }
        self.waiting.places.push((self.waiting.text.len(), element.span));
        Ok(())
    }

    /// Writes an element in nft's words.
    fn write(&mut self, element: &Token, options: &[Token]) -> Result<(), Diagnostic> {
        let count = element.text.split(',').count();
        if count != self.parts.len() {
            let message = format!("this set has {} parts, this element {count}", self.parts.len());
            return Err(Diagnostic::new(element.span, message));
        }
        let text = &mut self.waiting.text;
        let mut at = 0;
        for (part, said) in self.parts.iter().zip(element.text.split(',')) {
            if at > 0 {
                text.push_str(" . ");
            }
            let end = at + said.len();
            let is_pattern = || options.iter().any(|option| option.text == "wildcard");
            let said = if *part == Part::Interface && is_pattern() { &format!("{said}*") } else { said };
            part_text(*part, said, text)
                .map_err(|message| Diagnostic::new(element.piece(at, end).span, message))?;
            at = end + 1;
        }
        let mut words = options.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                let missing = || Diagnostic::new(word.span, format!("`{}` needs a value", word.text));
                words.next().ok_or_else(missing)
            };
            match word.text.as_str() {
                "timeout" => {
                    let seconds = super::numbers::number(value()?, 0, u64::from(u32::MAX))?;
                    if seconds > 0 {
                        let _ = write!(text, " timeout {seconds}s");
                    }
                }
                "comment" | "packets" | "bytes" | "skbmark" | "skbprio" | "skbqueue" => drop(value()?),
                "wildcard" if self.parts.contains(&Part::Interface) => {}
                "nomatch" if matches!(self.parts[..], [Part::Address]) && self.intervals => {
                    self.exceptions.insert(self.elements.len() + self.waiting.places.len());
                }
                _ => {
                    let message = format!("`{}` of an element is not supported", word.text);
                    let why = "of several parts nft has no such exception: list what is meant without it";
                    return Err(Diagnostic::new(word.span, message).help(why));
                }
            }
        }
        Ok(())
    }

    /// Reads those that wait. Where they cannot be read together, each is read alone, to say which it is.
    fn read_waiting(&mut self, errors: &mut Vec<Diagnostic>) {
        let Waiting { text, places } = std::mem::take(&mut self.waiting);
        let spans = || places.iter().map(|(_, span)| *span);
        if let Ok(mut read) = nft::elements(&text, self.span) {
            read.move_each_to(spans());
            self.elements.append(read);
            return;
        }
        let mut from = 0;
        for (end, span) in places {
            let element = text[from..end].trim_start_matches(", ");
            errors.extend(nft::elements(element, span).err());
            from = end;
        }
    }

    /// The set as one of nft, which rules may have `changed`.
    pub(super) fn declare(&self, name: &str, changed: bool) -> Result<Set, Diagnostic> {
        let address = if self.version == Some(Version::V6) { "ipv6_addr" } else { "ipv4_addr" };
        let types = self.parts.iter().map(|part| match part {
            Part::Address => address,
            Part::Port => "inet_proto . inet_service",
            Part::BarePort => "inet_service",
            Part::Mac => "ether_addr",
            Part::Mark => "mark",
            Part::Interface => "ifname",
        });
        let types = types.collect::<Vec<_>>().join(" . ");
        if let Some(span) = self.wide.filter(|_| changed) {
            let message = format!(
                "rules change the set `{name}`, and this is a network: packets cannot change a set of networks"
            );
            return Err(Diagnostic::new(span, message).help("put the networks into a set of their own"));
        }
        let ranges = !changed && (self.intervals || self.wide.is_some());
        let flags: Vec<&str> =
            [(ranges, "interval"), (changed, "dynamic"), (self.timeout.is_some(), "timeout")]
                .iter()
                .filter_map(|(set, name)| set.then_some(*name))
                .collect();
        let flags = if flags.is_empty() { String::new() } else { format!("flags {}; ", flags.join(",")) };
        let merge = if ranges && self.parts.len() == 1 && !self.apart { "auto-merge; " } else { "" };
        let lifetime = match self.timeout.filter(|seconds| *seconds > 0) {
            Some(seconds) => format!("timeout {seconds}s; "),
            None => String::new(),
        };
        let size =
            self.size.or(changed.then_some(DEFAULT_SIZE)).map(|size| size.max(self.elements.len() as u64));
        let size = size.map_or_else(String::new, |size| format!("size {size}; "));
        let text = format!("set {name} {{ type {types}; {size}{flags}{lifetime}{merge}}}");
        let mut set = nft::set(&text, self.span)?;
        set.elements = self.elements.clone();
        Ok(set)
    }
}

/// Writes a part of an element in nft's words; otherwise what is wrong with it.
fn part_text(part: Part, said: &str, text: &mut String) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'/' | b'-' | b'_');
    let name = said.trim_end_matches('*');
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(format!("`{said}` is not an element"));
    }
    match part {
        Part::Port => {
            let (protocol, port) = said.split_once(':').unwrap_or(("tcp", said));
            if protocol.contains("icmp") {
                return Err("an ICMP type in place of a port is not supported".to_owned());
            }
            const PORTS: [&str; 8] = ["tcp", "udp", "sctp", "udplite", "6", "17", "132", "136"];
            if !PORTS.iter().any(|known| known.eq_ignore_ascii_case(protocol)) {
                return Err(format!(
                    "`{protocol}` has no ports: only elements of {} are supported",
                    PORTS[..4].join(", ")
                ));
            }
            text.extend(protocol.chars().map(|letter| letter.to_ascii_lowercase()));
            text.push_str(" . ");
            text.push_str(port);
        }
        Part::Interface if said.starts_with("physdev:") => {
            return Err("`physdev:` is a port of a bridge of the host: a wire has none".to_owned());
        }
        Part::Interface => {
            let _ = write!(text, "\"{said}\"");
        }
        Part::BarePort => text.push_str(said.rsplit(':').next().unwrap_or(said)),
        _ => text.push_str(said),
    }
    Ok(())
}

/// Elements that are read together.
const MOST_WAITING: usize = 4096;
/// Elements a set of ipset has room for unless it says otherwise.
const DEFAULT_SIZE: u64 = 65_536;

/// Type, parts, and whether elements may be networks.
const TYPES: &[(&str, &[Part], bool)] = &[
    ("hash:ip", &[Part::Address], false),
    ("hash:net", &[Part::Address], true),
    ("hash:ip,port", &[Part::Address, Part::Port], false),
    ("hash:net,port", &[Part::Address, Part::Port], true),
    ("hash:ip,port,ip", &[Part::Address, Part::Port, Part::Address], false),
    ("hash:ip,port,net", &[Part::Address, Part::Port, Part::Address], true),
    ("hash:net,net", &[Part::Address, Part::Address], true),
    ("hash:net,port,net", &[Part::Address, Part::Port, Part::Address], true),
    ("hash:ip,mark", &[Part::Address, Part::Mark], false),
    ("hash:mac", &[Part::Mac], false),
    ("hash:ip,mac", &[Part::Address, Part::Mac], false),
    ("hash:net,iface", &[Part::Address, Part::Interface], true),
    ("bitmap:ip", &[Part::Address], false),
    ("bitmap:ip,mac", &[Part::Address, Part::Mac], false),
    ("bitmap:port", &[Part::BarePort], false),
];
