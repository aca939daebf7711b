//! Which bits does a selector read, and what is done with them before they are compared?

use super::constant::{constant, ones};
use super::context::{Needs, payload, stated};
use super::hooked::Hooked;
use super::rule::Making;
use super::{Lowered, Lowering};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{
    self, Ct, Family, Field, Load, Match, Meta, OptionOf, Set, SetId, Statement, Test, Value,
};
use crate::ruleset::{
    BinaryOperator, CtKey, Expression, HeaderField, MetaKey, OptionField, Protocol, Selector, Term, Type,
};

/// One part of what is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) field: Field,
    pub(super) kind: Type,
    /// What is read, if it is compared as it is read.
    pub(super) plain: Option<Selector>,
}

impl Lowering<'_> {
    /// The parts of a key: one, or those of a concatenation. What they need is stated first.
    pub(super) fn key(&mut self, making: &mut Making<'_, '_>, key: &Expression) -> Lowered<Vec<Part>> {
        match &key.term {
            Term::Concat(parts) => {
                parts.iter().try_for_each(says_its_family)?;
                parts.iter().map(|part| self.part(making, part)).collect()
            }
            _ => Ok(vec![self.part(making, key)?]),
        }
    }

    /// One part. What it needs is stated first.
    pub(super) fn part(&mut self, making: &mut Making<'_, '_>, part: &Expression) -> Lowered<Part> {
        match &part.term {
            Term::Selector(selector) => {
                let field = self.selected(making, *selector, part.span)?;
                let kind = match field.load {
                    Load::Ct(Ct::Address { v6: true, .. }) => Type::Ipv6Addr,
                    _ => selector.kind(),
                };
                Ok(Part { field, kind, plain: Some(*selector) })
            }
            Term::Binary(operator, both) => {
                let left = self.part(making, &both.0)?;
                let kind = if is_shift(*operator) { Type::Integer(8) } else { left.kind };
                let right = constant(&both.1, kind)?;
                if *operator == BinaryOperator::ShiftLeft {
                    let text = "a field that is compared cannot be shifted left";
                    return Err(Diagnostic::new(part.span, text).help("shift the value to the right instead"));
                }
                let room = left.field.width;
                match apply(left.field, *operator, right, room) {
                    Some(field) => Ok(Part { field, plain: None, ..left }),
                    None => Err(Diagnostic::new(part.span, "these bits cannot be worked out")),
                }
            }
            _ => Err(Diagnostic::new(part.span, "expected something of the packet")),
        }
    }

    fn selected(&mut self, making: &mut Making<'_, '_>, selector: Selector, span: Span) -> Lowered<Field> {
        let width = selector.kind().width();
        let family = making.scope.table.family;
        let load = match selector {
            Selector::Header(header) => return self.header(making, header, 0, span),
            Selector::Indexed { field, index } => {
                return self.header(making, field, u16::from(index) * field.width, span);
            }
            Selector::Raw { base, offset, width } => return Ok(payload(base, offset, width)),
            Selector::Meta(MetaKey::NfProto) if family != Family::Inet => {
                let text = format!("`nfproto` tells packets apart in family inet only, and this is {family}");
                return Err(Diagnostic::new(span, text));
            }
            Selector::Meta(key) => Load::Meta(known(key)),
            Selector::Ct(key) => {
                self.track(family, span)?;
                let (load, width) = connection(making, key, span)?;
                return Ok(Field::plain(Load::Ct(load), width));
            }
            Selector::Option(OptionField { of, kind, offset, width, .. }) => {
                need_options(making, *of, span)?;
                Load::Option { of: *of, kind: *kind, offset: *offset, width: *width }
            }
            Selector::RawOption { of, kind, offset, width } => {
                need_options(making, of, span)?;
                Load::Option { of, kind, offset, width }
            }
            Selector::Exists(part) => {
                match part {
                    policy::Part::Extension(_) => need_network(making, Protocol::Ip6, span)?,
                    policy::Part::Option(of, _) => need_options(making, of, span)?,
                }
                return Ok(Field::plain(Load::Exists(part), 8));
            }
            Selector::Number { random, modulus, offset } => Load::Number { random, modulus, offset, draw: 0 },
            Selector::AddressType { destination, device } => {
                if matches!(family, Family::Arp | Family::Bridge) {
                    let text = format!("there is no fib in a table of family {family}");
                    return Err(Diagnostic::new(span, text));
                }
                making.hooked.push(Hooked::address_type(family, device, span));
                Load::AddressType { destination, of_device: device.is_some() }
            }
        };
        Ok(Field::plain(load, width))
    }

    /// A field of a header, `behind` bits from where it stands alone.
    fn header(
        &mut self,
        making: &mut Making<'_, '_>,
        header: &HeaderField,
        behind: u16,
        span: Span,
    ) -> Lowered<Field> {
        let needs = making.context.need(header, span)?;
        making.statements.extend(stated(needs.conditions));
        if let Some(types) = needs.icmp_types {
            let condition = self.one_of(types);
            making.statements.push(Statement::Match(condition));
        }
        let (offset, width) = (header.offset + behind + making.context.behind(header), header.width);
        match header.protocol.extension() {
            Some(number) => Ok(Field::plain(Load::Extension { header: number, offset, width }, width)),
            None => Ok(payload(header.protocol.base(), offset, width)),
        }
    }

    /// Connections are tracked from now on for what `family` sees.
    pub(super) fn track(&mut self, family: Family, span: Span) -> Lowered<()> {
        let tracks = &mut self.policy.tracks;
        match family {
            Family::Ip => tracks.v4 = true,
            Family::Ip6 => tracks.v6 = true,
            Family::Inet | Family::Bridge => (tracks.v4, tracks.v6) = (true, true),
            Family::Arp | Family::Netdev => {
                let text = format!("there is no connection state in a table of family {family}");
                return Err(Diagnostic::new(span, text));
            }
        }
        Ok(())
    }

    /// The condition that an ICMP message has one of `types`.
    fn one_of(&mut self, types: &[u8]) -> Match {
        let mut values: Vec<Value> = types.iter().copied().map(Value::from).collect();
        values.sort_unstable();
        let runs = values.chunk_by(|before, next| before + 1 == *next);
        let (low, high) = runs.map(|run| (run[0], run[run.len() - 1])).unzip();
        let set = self.add_set(Set { widths: vec![8], low, high, ..Set::default() });
        Match {
            key: vec![payload(crate::policy::HeaderBase::Transport, 0, 8)],
            test: Test::Lookup { set, negated: false },
        }
    }

    /// Adds a set without a name.
    pub(super) fn add_set(&mut self, set: Set) -> SetId {
        let id = SetId(super::next_id(self.policy.sets.len()));
        self.policy.sets.push(set);
        id
    }
}

/// `field` with one more operation on its bits, of which `room` are kept; none if a field cannot say it.
pub(super) fn apply(field: Field, operator: BinaryOperator, value: Value, room: u16) -> Option<Field> {
    let shift = i32::from(field.shift);
    if is_shift(operator) {
        let by = i32::try_from(value).ok().filter(|by| *by < 128)?;
        return shifted(field, if operator == BinaryOperator::ShiftRight { by } else { -by }, room);
    }
    // The value as it stands before the shift that the field has already.
    let before =
        if shift >= 0 { value.checked_shl(shift.unsigned_abs())? } else { value >> shift.unsigned_abs() };
    let back = if shift >= 0 { before >> shift.unsigned_abs() } else { before << shift.unsigned_abs() };
    if back != value && operator != BinaryOperator::And {
        return None;
    }
    let (mask, xor) = match operator {
        BinaryOperator::And => (field.mask & before, field.xor & before),
        BinaryOperator::Xor => (field.mask, field.xor ^ before),
        _ => (field.mask & !before, field.xor & !before | before),
    };
    Some(Field { mask, xor, ..field })
}

/// `field` shifted right by so many places more, or left if negative.
fn shifted(field: Field, by: i32, room: u16) -> Option<Field> {
    let shift = i32::from(field.shift);
    let total = i8::try_from(shift + by).ok()?;
    let kept = if by < 0 {
        // What would be shifted out on the left, and what was shifted out on the right before.
        let left = ones(room) >> by.unsigned_abs().min(127);
        let right = if shift > 0 { !ones(u16::try_from(shift).ok()?) } else { Value::MAX };
        aligned(left, shift) & right
    } else if shift < 0 {
        aligned(ones(room), shift)
    } else {
        Value::MAX
    };
    Some(Field { mask: field.mask & kept, xor: field.xor & kept, shift: total, ..field })
}

/// Bits of a shifted value, as bits of the value before.
const fn aligned(bits: Value, shift: i32) -> Value {
    if shift >= 0 { bits << shift.unsigned_abs() } else { bits >> shift.unsigned_abs() }
}

const fn is_shift(operator: BinaryOperator) -> bool {
    matches!(operator, BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight)
}

const fn known(key: MetaKey) -> Meta {
    match key {
        MetaKey::Length => Meta::Length,
        MetaKey::Protocol => Meta::Protocol,
        MetaKey::NfProto => Meta::NfProto,
        MetaKey::L4Proto => Meta::L4Proto,
        MetaKey::IifName | MetaKey::Iif => Meta::IifName,
        MetaKey::OifName | MetaKey::Oif => Meta::OifName,
        MetaKey::Mark => Meta::Mark,
        MetaKey::IifType => Meta::InType,
        MetaKey::OifType => Meta::OutType,
        MetaKey::PktType => Meta::PacketType,
        MetaKey::Random => Meta::Random,
        MetaKey::Time => Meta::Time,
        MetaKey::Day => Meta::Day,
        MetaKey::Hour => Meta::Hour,
    }
}

/// What of a connection is read, and how many bits it has.
fn connection(making: &Making<'_, '_>, key: CtKey, span: Span) -> Lowered<(Ct, u16)> {
    let load = match key {
        CtKey::State => Ct::State,
        CtKey::Direction => Ct::Direction,
        CtKey::Status => Ct::Status,
        CtKey::Mark => Ct::Mark,
        CtKey::Zone => Ct::Zone,
        CtKey::Helper => Ct::Helper,
        CtKey::Expiration => Ct::Expiration,
        CtKey::L3Proto => Ct::L3Proto,
        CtKey::Protocol => Ct::Protocol,
        CtKey::Address { reply, destination, v6 } => {
            let known = match making.context.network {
                Some(Protocol::Ip) => Some(false),
                Some(Protocol::Ip6) => Some(true),
                _ => None,
            };
            let v6 = match (v6, known) {
                (Some(said), Some(known)) if said != known => {
                    return Err(Diagnostic::new(span, "the packet is known to be of the other family here"));
                }
                (Some(v6), _) | (None, Some(v6)) => v6,
                (None, None) => {
                    let text = "this address does not say of which family it is";
                    let help = "write `ct original ip saddr` or `ct original ip6 saddr`";
                    return Err(Diagnostic::new(span, text).help(help));
                }
            };
            return Ok((Ct::Address { reply, destination, v6 }, if v6 { 128 } else { 32 }));
        }
        CtKey::Port { reply, destination } => Ct::Port { reply, destination },
        CtKey::Packets(ways) => Ct::Packets(ways),
        CtKey::Bytes(ways) => Ct::Bytes(ways),
        CtKey::AveragePacket(ways) => Ct::AveragePacket(ways),
    };
    Ok((load, key.kind().width()))
}

/// In a key of several parts, and in a map, an address of a connection says of which family it is: as in nft.
pub(super) fn says_its_family(part: &Expression) -> Lowered<()> {
    match part.term {
        Term::Selector(Selector::Ct(CtKey::Address { v6: None, .. })) => {
            let text = "here an address of a connection says of which family it is";
            let help = "write `ct original ip saddr` or `ct original ip6 saddr`";
            Err(Diagnostic::new(part.span, text).help(help))
        }
        _ => Ok(()),
    }
}

fn need_network(making: &mut Making<'_, '_>, network: Protocol, span: Span) -> Lowered<()> {
    let mut needs = Needs::default();
    making.context.need_network(network, false, span, &mut needs)?;
    making.statements.extend(stated(needs.conditions));
    Ok(())
}

/// A TCP option is looked for in TCP only, without a word: nft states nothing either, and takes it anywhere.
fn need_options(making: &mut Making<'_, '_>, of: OptionOf, span: Span) -> Lowered<()> {
    match of {
        OptionOf::Ipv4 => need_network(making, Protocol::Ip, span),
        OptionOf::Tcp | OptionOf::Sctp | OptionOf::Dccp => Ok(()),
    }
}
