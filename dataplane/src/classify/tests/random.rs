//! Random policies that packets of [`super::sample`] often match.

use super::choices::Choices;
use super::stateful;
use crate::object::numbers::each_field;
use config::policy::{
    Base, Chain, ChainId, ChainPolicy, ChunkMode, Chunks, Comparison, Counter, CounterId, Ct, Extensions,
    Family, Field, Header, HeaderBase, Hook, Icmpx, Load, Match, Meta, OptionOf, Part, Place, Policy, Reject,
    Rule, Set, SetId, Sought, Statement, Test, Tracks, Value, Verdict, Ways, interface_value, whole,
};

/// A policy with regular chains that lead to one another without circles, and base chains.
pub(crate) fn policy(choices: &mut Choices<'_>) -> Policy {
    let lists = vec![vec![1 << 127 | 1]];
    let mut policy = Policy { tracks: Tracks { v4: true, v6: true }, lists, ..Policy::default() };
    let regular = choices.below(5);
    for number in 0..regular + 1 + choices.below(5) {
        let id = ChainId(number as u32);
        let base = (number >= regular).then(|| base(choices));
        let family = choices.of(&FAMILIES);
        // A regular chain leads only to those before it.
        let targets = number.min(regular);
        let length = choices.of(&[3, 0, 6, 12, 20, 40, 150]);
        let start = policy.rules.len() as u32;
        for position in 1..=length {
            let statements = without_two_draws(rule(choices, &mut policy, targets));
            policy.rules.push(Rule {
                chain: id,
                position,
                statements,
                comment: None,
                place: Place::default(),
            });
        }
        let rules = start..policy.rules.len() as u32;
        policy.chains.push(Chain { family, table: "t".into(), name: format!("c{number}"), base, rules });
    }
    policy
}

/// Nothing, if one of them asks twice for a number that would come out the same.
fn without_two_draws(statements: Vec<Statement>) -> Vec<Statement> {
    let mut draws = Vec::new();
    for statement in &statements {
        each_field(statement, |field| match field.load {
            Load::Number { random, draw, .. } => draws.push((random, draw)),
            Load::Meta(Meta::Random) => draws.push((true, 0)),
            _ => {}
        });
    }
    draws.sort_unstable();
    if draws.windows(2).any(|two| two[0] == two[1]) { Vec::new() } else { statements }
}

fn base(choices: &mut Choices<'_>) -> Base {
    Base {
        hook: choices.of(&HOOKS),
        priority: choices.of(&[0, -300, -200, -150, 0, 100]),
        policy: choices.of(&[ChainPolicy::Accept, ChainPolicy::Accept, ChainPolicy::Drop]),
        is_iptables: choices.one_in(2),
    }
}

fn rule(choices: &mut Choices<'_>, policy: &mut Policy, targets: usize) -> Vec<Statement> {
    let mut statements = Vec::new();
    for _ in 0..choices.of(&[1, 2, 2, 3, 4, 0]) {
        if choices.one_in(10) {
            statements.push(counter(choices, policy));
        }
        if choices.one_in(6) {
            statements.push(whole_or_dropped(choices, policy));
        }
        statements.push(Statement::Match(condition(choices, policy)));
    }
    if choices.one_in(3) {
        statements.push(counter(choices, policy));
    }
    if choices.one_in(12) {
        statements.push(Statement::Notrack);
    }
    if choices.one_in(3) {
        statements.push(stateful::statement(choices, policy));
    }
    statements.extend(match choices.below(8) {
        0..=3 => Some(Statement::Verdict(verdict(choices, targets))),
        4 => Some(Statement::Reject(choices.of(&REJECTS))),
        5 => {
            let key = key(choices);
            let map = set(choices, policy, &key);
            let verdicts =
                (0..policy.sets[map.index()].holdings()).map(|_| verdict(choices, targets)).collect();
            policy.sets[map.index()].verdicts = verdicts;
            Some(Statement::VerdictMap { key: key.into_iter().map(|(field, _)| field).collect(), map })
        }
        _ => None,
    });
    if choices.one_in(4) {
        statements.push(counter(choices, policy));
    }
    statements
}

/// What a match of iptables does before it looks into a header.
fn whole_or_dropped(choices: &mut Choices<'_>, policy: &mut Policy) -> Statement {
    let asked = |load| Field::plain(load, 8);
    let field = asked(if choices.one_in(4) { sought(choices) } else { Load::Whole(header(choices)) });
    let goes_on = if choices.one_in(4) { whole::NONE } else { whole::ALL };
    let mut keys = vec![Value::from(whole::CUT), Value::from(goes_on)];
    let mut verdicts = vec![Verdict::Drop, Verdict::Continue];
    if goes_on < whole::CUT {
        keys.reverse();
        verdicts.reverse();
    }
    let widths = vec![8];
    policy.sets.push(Set { widths, low: keys.clone(), high: keys, verdicts, ..Set::default() });
    Statement::VerdictMap { key: vec![field], map: SetId(policy.sets.len() as u32 - 1) }
}

fn header(choices: &mut Choices<'_>) -> Header {
    let bytes = choices.of(&[4, 8, 12, 20, 22, 30, 60]);
    match choices.below(8) {
        0 => Header::Tcp,
        1 => Header::TcpOptions,
        2 => Header::DccpOptions,
        3 => Header::Extension { number: choices.of(&[0, 43, 44, 60, 51]), bytes: choices.of(&[2, 4, 12]) },
        4 => Header::Mobility,
        _ => Header::Transport(bytes),
    }
}

fn sought(choices: &mut Choices<'_>) -> Load {
    Load::Sought(match choices.below(8) {
        0 => {
            let mode = choices.of(&[ChunkMode::All, ChunkMode::Any, ChunkMode::Only]);
            let types = choices.of(&[1, 2, 3, 0x4001, u32::MAX]);
            Sought::Chunks(Chunks { mode, types, flags: choices.of(&[0, 0, 0x33, 0x0011_0000]) })
        }
        1 => Sought::TcpOption(choices.of(&[0, 1, 2, 3, 8])),
        2 => {
            Sought::SegmentSize { low: choices.of(&[0, 1, 1400]), high: choices.of(&[1400, 1460, u16::MAX]) }
        }
        3 => Sought::MonthDay { days: choices.of(&[0, 2, u32::MAX]), until: choices.of(&[0, 40_000]) },
        4 => {
            let (header, kind) = (choices.of(&[0, 60]), choices.of(&[0, 1, 5]));
            let index = choices.of(&[0, 1, 2]);
            Sought::HeaderOption { header, index, kind, length: choices.of(&[0, 4, 255]) }
        }
        5 => Sought::RouteReserved,
        6 => Sought::SourceRoute { list: choices.of(&[0, 7]), strict: choices.one_in(2) },
        _ => {
            let (named, soft) = (choices.of(&[0, 1, 2, 0x80, 0x81]), choices.one_in(2));
            Sought::Extensions(Extensions { named, soft, negated: choices.one_in(2) })
        }
    })
}

pub(super) fn counter(choices: &mut Choices<'_>, policy: &mut Policy) -> Statement {
    if policy.counters.is_empty() || !choices.one_in(4) {
        policy.counters.push(Counter::default());
    }
    Statement::Counter(CounterId(choices.below(policy.counters.len()) as u32))
}

fn verdict(choices: &mut Choices<'_>, targets: usize) -> Verdict {
    let target = |choices: &mut Choices<'_>| ChainId(choices.below(targets) as u32);
    match choices.below(10) {
        0 | 1 => Verdict::Accept,
        2 => Verdict::Drop,
        3 => Verdict::Return,
        4 | 5 => Verdict::Continue,
        6 | 7 if targets > 0 => Verdict::Jump(target(choices)),
        8 if targets > 0 => Verdict::Goto(target(choices)),
        _ => Verdict::Continue,
    }
}

fn condition(choices: &mut Choices<'_>, policy: &mut Policy) -> Match {
    if choices.one_in(4) {
        let key = key(choices);
        let set = set(choices, policy, &key);
        let test = Test::Lookup { set, negated: choices.one_in(3) };
        return Match { key: key.into_iter().map(|(field, _)| field).collect(), test };
    }
    let (field, values) = field(choices);
    let value = field.apply(choices.of(&values));
    let test = match choices.below(8) {
        0..=3 => Test::Compare(Comparison::Equal, value),
        4 => Test::Compare(Comparison::NotEqual, value),
        5 => Test::Compare(choices.of(&COMPARISONS), value),
        _ => {
            let other = field.apply(choices.of(&values));
            Test::Range { low: value.min(other), high: value.max(other), negated: choices.one_in(3) }
        }
    };
    Match { key: vec![field], test }
}

pub(super) fn key(choices: &mut Choices<'_>) -> Vec<(Field, [Value; 6])> {
    (0..choices.of(&[1, 1, 2, 3])).map(|_| field(choices)).collect()
}

/// A set of elements that do not overlap.
pub(super) fn set(choices: &mut Choices<'_>, policy: &mut Policy, key: &[(Field, [Value; 6])]) -> SetId {
    let mut set = Set { widths: key.iter().map(|(field, _)| field.width).collect(), ..Set::default() };
    let parts = key.len();
    let intervals = choices.one_in(2);
    for _ in 0..choices.of(&[2, 1, 0, 5, 40]) {
        let element: Vec<(Value, Value)> = key
            .iter()
            .map(|(field, values)| {
                let (one, other) = (field.apply(choices.of(values)), field.apply(choices.of(values)));
                if intervals { (one.min(other), one.max(other)) } else { (one, one) }
            })
            .collect();
        let overlaps = (0..set.len()).any(|known| {
            (0..parts).all(|part| {
                let known = known * parts + part;
                set.low[known] <= element[part].1 && element[part].0 <= set.high[known]
            })
        });
        if !overlaps {
            set.low.extend(element.iter().map(|&(low, _)| low));
            set.high.extend(element.iter().map(|&(_, high)| high));
        }
    }
    stateful::enliven(choices, policy, &mut set, intervals);
    policy.sets.push(set);
    SetId(policy.sets.len() as u32 - 1)
}

/// A field and numbers it may load.
pub(super) fn field(choices: &mut Choices<'_>) -> (Field, [Value; 6]) {
    let v4 = |last: Value| 0x0a00_0000 | last;
    let v6 = |last: Value| 0xfd << 120 | last;
    let name = |name: &str| interface_value(name).unwrap();
    let (load, width, values) = match choices.below(22) {
        19..=21 => rare(choices),
        17 => (Load::Meta(Meta::Mark), 32, [0, 1, 2, 3, 7, 0]),
        18 => (Load::Ct(Ct::Mark), 32, [0, 1, 2, 3, 7, 7]),
        0 => (Load::Meta(Meta::NfProto), 8, [2, 10, 2, 10, 2, 10]),
        1 => (Load::Meta(Meta::L4Proto), 8, [6, 17, 1, 58, 6, 17]),
        2 => (network(96, 32), 32, [0, 1, 2, 3, 4, 7].map(v4)),
        3 => (network(128, 32), 32, [0, 1, 2, 3, 4, 7].map(v4)),
        4 => (network(64, 128), 128, [0, 1, 2, 3, 4, 7].map(v6)),
        5 => (network(192, 128), 128, [0, 1, 2, 3, 4, 7].map(v6)),
        6 | 7 => (transport(16, 16), 16, [0, 1, 2, 3, 22, 80]),
        8 => (transport(0, 16), 16, [0, 1, 2, 3, 4, 5]),
        9 => (transport(104, 8), 8, [2, 16, 18, 4, 41, 0]),
        10 | 11 => (Load::Ct(Ct::State), 32, [1, 2, 4, 8, 64, 8]),
        12 => (Load::Ct(Ct::Direction), 8, [0, 1, 0, 1, 0, 1]),
        13 => (Load::Meta(Meta::IifName), 128, ["eth0", "eth1", "eth", "", "lo", "eth0"].map(name)),
        14 => (Load::Meta(Meta::OifName), 128, ["eth0", "eth1", "eth", "", "lo", "eth1"].map(name)),
        15 => {
            let link = Load::Payload { base: HeaderBase::Link, offset: 91, width: 21 };
            (link, 21, [0x20_0800, 0x20_86dd, 0x2_0806, 0x0800, 0x86dd, 0])
        }
        _ => match choices.below(5) {
            0 => (Load::Meta(Meta::Length), 32, [40, 60, 34, 54, 0, 100]),
            1 => (Load::Meta(Meta::Protocol), 16, [0x0800, 0x86dd, 0x0806, 0x88cc, 0, 1]),
            // Odd bits, of the last bytes of the packet, of what is padding, and of nothing.
            2 => (transport(99, 7), 7, [1, 2, 4, 8, 16, 64]),
            3 => (transport(144, 16), 16, [0, 0, 0, 0, 0, 1]),
            _ => (transport(156, 8), 8, [0; 6]),
        },
    };
    let plain = Field::plain(load, width);
    let mask = match choices.below(8) {
        0 => plain.mask & !3,
        1 => plain.mask & 6,
        2 => plain.mask & !(plain.mask >> 30),
        _ => return (plain, values),
    };
    let xor = if choices.one_in(4) { choices.of(&values) & mask } else { 0 };
    let shift = choices.of(&[0, 0, 0, 1, 2, -3]);
    (Field { mask, xor, shift, ..plain }, values)
}

/// A load that few rules ask for.
fn rare(choices: &mut Choices<'_>) -> (Load, u16, [Value; 6]) {
    let header = choices.of(&[0, 44, 60]);
    let of = choices.of(&[OptionOf::Tcp, OptionOf::Tcp, OptionOf::Ipv4, OptionOf::Sctp, OptionOf::Dccp]);
    let kind = choices.of(&[2, 3, 4]);
    let [reply, destination, v6] = [(); 3].map(|()| choices.one_in(2));
    let ways = choices.of(&[Ways::Both, Ways::Original, Ways::Reply]);
    match choices.below(25) {
        23 => (Load::Whole(self::header(choices)), 8, [0, 1, 2, 0, 1, 2]),
        24 => (sought(choices), 8, [0, 1, 2, 0, 1, 2]),
        0 => (Load::Extension { header, offset: 16, width: 16 }, 16, [0, 1, 2, 0, 1, 2]),
        1 => (Load::Extension { header, offset: 29, width: 3 }, 3, [0, 1, 2, 0, 1, 2]),
        2 => (Load::Option { of, kind, offset: 16, width: 16 }, 16, [0x500, 0x501, 0x502, 0x503, 0, 0]),
        3 => (Load::Exists(Part::Option(of, kind)), 8, [0, 1, 0, 1, 0, 1]),
        4 => (Load::Exists(Part::Extension(header)), 8, [0, 1, 0, 1, 0, 1]),
        5 | 6 => (
            Load::Number { random: reply, modulus: 3, offset: 1, draw: choices.of(&[0, 1]) },
            32,
            [1, 2, 3, 1, 2, 3],
        ),
        7 => (Load::Meta(Meta::Random), 32, [1 << 31, 1 << 30, 3 << 30, 0, 1 << 31, 7]),
        8 => (Load::AddressType { destination, of_device: reply }, 32, [1, 2, 3, 5, 1, 2]),
        9 => (Load::Meta(choices.of(&[Meta::InType, Meta::OutType])), 16, [1, 1, 1, 1, 0, 1]),
        10 => (Load::Meta(Meta::PacketType), 8, [0, 1, 2, 0, 0, 0]),
        11 => (Load::Meta(Meta::Day), 8, [4, 5, 2, 4, 5, 2]),
        12 => (Load::Meta(Meta::Hour), 32, [0, 13_600, 80_000, 0, 1, 2]),
        13 => (Load::Meta(Meta::Time), 64, [0, 86_400_000_000_000, 100_000_000_000_000, 0, 1, 2]),
        14 => (Load::Ct(Ct::Status), 32, [0, 10, 2, 8, 0, 10]),
        15 => (Load::Ct(choices.of(&[Ct::Zone, Ct::Expiration])), 32, [0, 5000, 4999, 0, 0, 5000]),
        21 => (Load::Ct(Ct::Helper), 128, [FTP, 0, FTP, 1, FTP, 0]),
        16 => (Load::Ct(Ct::L3Proto), 8, [2, 10, 2, 10, 2, 10]),
        18 => (Load::Ct(Ct::Packets(ways)), 64, [0, 1, 2, 3, 1, 2]),
        19 => (Load::Ct(Ct::Bytes(ways)), 64, [0, 40, 80, 81, 1500, 3000]),
        20 => (Load::Ct(Ct::AveragePacket(ways)), 64, [0, 40, 41, 770, 1500, 513]),
        17 => {
            let width = if v6 { 128 } else { 32 };
            (Load::Ct(Ct::Address { reply, destination, v6 }), width, [0, 1, 2, 3, 4, 5])
        }
        _ => (Load::Ct(Ct::Port { reply, destination }), 16, [0, 1, 2, 3, 22, 80]),
    }
}

/// `ftp` as a name.
const FTP: Value = (b'f' as Value) << 120 | (b't' as Value) << 112 | (b'p' as Value) << 104;

const fn network(offset: u16, width: u16) -> Load {
    Load::Payload { base: HeaderBase::Network, offset, width }
}

const fn transport(offset: u16, width: u16) -> Load {
    Load::Payload { base: HeaderBase::Transport, offset, width }
}

const FAMILIES: [Family; 8] = [
    Family::Inet,
    Family::Inet,
    Family::Inet,
    Family::Ip,
    Family::Ip6,
    Family::Arp,
    Family::Bridge,
    Family::Netdev,
];

const HOOKS: [Hook; 9] = [
    Hook::Input,
    Hook::Input,
    Hook::Output,
    Hook::Prerouting,
    Hook::Prerouting,
    Hook::Forward,
    Hook::Postrouting,
    Hook::Ingress,
    Hook::Egress,
];

const COMPARISONS: [Comparison; 4] =
    [Comparison::Less, Comparison::LessOrEqual, Comparison::Greater, Comparison::GreaterOrEqual];

const REJECTS: [Reject; 7] = [
    Reject::TcpReset,
    Reject::Icmp(3),
    Reject::Icmpv6(4),
    Reject::Icmpx(Icmpx::NoRoute),
    Reject::Icmpx(Icmpx::PortUnreachable),
    Reject::Icmpx(Icmpx::HostUnreachable),
    Reject::Icmpx(Icmpx::AdminProhibited),
];
