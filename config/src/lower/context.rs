//! Which headers does a rule already know a packet to have? What a field needs and was not yet said is
//! said for it.

use super::Lowered;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Comparison, Family, Field, HeaderBase, Load, Match, Meta, Statement, Test, Value};
use crate::ruleset::{HeaderField, MetaKey, Protocol, Selector};

/// What the statements so far say of the packet.
#[derive(Debug, Clone)]
pub(super) struct Context {
    family: Family,
    /// IPv4, IPv6 or ARP.
    pub(super) network: Option<Protocol>,
    /// The number of the transport protocol.
    pub(super) transport: Option<u8>,
    /// It was stated to be of two transport protocols.
    torn: bool,
    icmp_type: Option<u8>,
    /// How many VLAN tags were stated, each behind the other.
    tags: u16,
    /// Whether the type behind the innermost tag says that another follows.
    deeper: bool,
    /// Its EtherType was stated.
    typed: bool,
}

/// What a field needs before it can be read.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// The conditions to be stated, in order.
    pub(super) conditions: Vec<Match>,
    /// The types of which an ICMP message must have one, if there are several.
    pub(super) icmp_types: Option<&'static [u8]>,
}

impl Context {
    /// What is known of a packet that a chain of `family` sees.
    pub(super) fn new(family: Family) -> Self {
        let network = match family {
            Family::Ip => Some(Protocol::Ip),
            Family::Ip6 => Some(Protocol::Ip6),
            Family::Arp => Some(Protocol::Arp),
            Family::Inet | Family::Bridge | Family::Netdev => None,
        };
        Self {
            family,
            network,
            transport: None,
            torn: false,
            icmp_type: None,
            tags: 0,
            deeper: false,
            typed: false,
        }
    }

    /// What must be stated before `field` is read; from then on it is known.
    pub(super) fn need(&mut self, field: &HeaderField, span: Span) -> Lowered<Needs> {
        let mut needs = Needs::default();
        match field.protocol {
            Protocol::Ether | Protocol::Th => {}
            extension if extension.extension().is_some() => {
                self.need_network(Protocol::Ip6, false, span, &mut needs)?;
            }
            Protocol::Vlan => {
                let framed = self.typed || matches!(self.family, Family::Bridge | Family::Netdev);
                if let Some(known) = self.network.filter(|_| self.tags == 0 && framed) {
                    return Err(conflict(known.name(), "vlan", span));
                }
                if self.tags == 0 {
                    needs.conditions.push(ether_type(96, TAGGED));
                    self.tags = 1;
                } else if self.deeper {
                    self.tags += 1;
                }
                self.deeper = false;
            }
            network @ (Protocol::Ip | Protocol::Ip6 | Protocol::Arp) => {
                self.need_network(network, false, span, &mut needs)?;
            }
            transport => self.need_transport(transport, span, &mut needs)?,
        }
        self.need_icmp_type(field, span, &mut needs)?;
        Ok(needs)
    }

    /// Bits by which a field of a tag lies behind the same field of the outermost tag.
    pub(super) fn behind(&self, field: &HeaderField) -> u16 {
        match field.protocol {
            Protocol::Vlan => 32 * self.tags.saturating_sub(1),
            _ => 0,
        }
    }

    /// States that the packet is of `network`.
    pub(super) fn need_network(
        &mut self,
        network: Protocol,
        for_icmp: bool,
        span: Span,
        needs: &mut Needs,
    ) -> Lowered<()> {
        match self.network {
            Some(known) if known == network => return Ok(()),
            Some(known) => return Err(conflict(known.name(), network.name(), span)),
            None => {}
        }
        let condition = match (self.family, network) {
            (Family::Inet, Protocol::Arp) => return Err(conflict("inet", "arp", span)),
            (Family::Inet, Protocol::Ip) => meta(Meta::NfProto, 8, 2),
            (Family::Inet, _) => meta(Meta::NfProto, 8, 10),
            _ if self.tags > 0 => ether_type(96 + 32 * self.tags, number_of(network)),
            _ if for_icmp || network == Protocol::Arp => ether_type(96, number_of(network)),
            _ => meta(Meta::Protocol, 16, number_of(network)),
        };
        needs.conditions.push(condition);
        self.network = Some(network);
        Ok(())
    }

    /// States that the packet's transport is `protocol`.
    pub(super) fn need_transport(
        &mut self,
        protocol: Protocol,
        span: Span,
        needs: &mut Needs,
    ) -> Lowered<()> {
        let Some(number) = transport_number(protocol) else {
            return Ok(());
        };
        if let Some(known) = self.transport {
            let known = if self.torn { "of two protocols" } else { transport_name(known) };
            if self.transport == Some(number) && !self.torn {
                return Ok(());
            }
            return Err(conflict(known, protocol.name(), span));
        }
        if self.network == Some(Protocol::Arp) {
            return Err(conflict("arp", protocol.name(), span));
        }
        if self.network.is_none() {
            match protocol {
                Protocol::Icmp | Protocol::Igmp => self.need_network(Protocol::Ip, true, span, needs)?,
                Protocol::Icmpv6 => self.need_network(Protocol::Ip6, true, span, needs)?,
                _ => {}
            }
        }
        needs.conditions.push(meta(Meta::L4Proto, 8, number.into()));
        self.transport = Some(number);
        Ok(())
    }

    /// Fields that only some ICMP messages have.
    fn need_icmp_type(&mut self, field: &HeaderField, span: Span, needs: &mut Needs) -> Lowered<()> {
        let types: &'static [u8] = match (field.protocol, field.name) {
            (Protocol::Icmp, "id" | "sequence") => &[8, 0],
            (Protocol::Icmp, "mtu") => &[3],
            (Protocol::Icmp, "gateway") => &[5],
            (Protocol::Icmpv6, "id" | "sequence") => &[128, 129],
            (Protocol::Icmpv6, "mtu") => &[2],
            (Protocol::Icmpv6, "parameter-problem") => &[4],
            (Protocol::Icmpv6, "max-delay") => &[130],
            (Protocol::Icmpv6, "taddr") => &[130, 131, 132, 135, 136, 137],
            (Protocol::Icmpv6, "daddr") => &[137],
            _ => return Ok(()),
        };
        match (self.icmp_type, types) {
            (Some(known), _) if types.contains(&known) => Ok(()),
            (Some(known), _) => {
                let text = format!("a message of type {known} has no {}", field.name);
                Err(Diagnostic::new(span, text))
            }
            (None, [only]) => {
                let field = payload(HeaderBase::Transport, 0, 8);
                needs.conditions.push(equal(field, Value::from(*only)));
                self.icmp_type = Some(*only);
                Ok(())
            }
            (None, _) => {
                needs.icmp_types = Some(types);
                Ok(())
            }
        }
    }

    /// Learns from `selector` being equal to `value`.
    pub(super) fn learn(&mut self, selector: Selector, value: Value) {
        match selector {
            Selector::Meta(MetaKey::L4Proto) => self.learn_transport(u8::try_from(value).ok()),
            Selector::Meta(MetaKey::NfProto) if self.family == Family::Inet => {
                self.learn_network(if value == 2 { 0x0800 } else { 0x86dd });
            }
            Selector::Meta(MetaKey::Protocol) if matches!(self.family, Family::Bridge | Family::Netdev) => {
                self.learn_network(value);
            }
            Selector::Header(field) => match (field.protocol, field.name) {
                (Protocol::Ip, "protocol") | (Protocol::Ip6, "nexthdr") => {
                    // As in nft, a number without a name says nothing here.
                    let number = u8::try_from(value).ok();
                    self.learn_transport(number.filter(|&number| transport_name(number) != UNKNOWN));
                }
                (Protocol::Ether, "type") if matches!(value, TAGGED | DOUBLE_TAGGED) => {
                    self.tags = 1;
                    self.typed = true;
                }
                (Protocol::Vlan, "type") if matches!(value, TAGGED | DOUBLE_TAGGED) => self.deeper = true,
                (Protocol::Ether | Protocol::Vlan, "type") => {
                    self.typed = true;
                    self.learn_network(value);
                }
                (Protocol::Icmp | Protocol::Icmpv6, "type") => {
                    self.icmp_type = u8::try_from(value).ok();
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn learn_transport(&mut self, number: Option<u8>) {
        self.torn |= number.is_some() && self.transport.is_some() && self.transport != number;
        self.transport = number.or(self.transport);
    }

    fn learn_network(&mut self, ether_type: Value) {
        let known = [Protocol::Ip, Protocol::Ip6, Protocol::Arp];
        let found = known.into_iter().find(|protocol| number_of(*protocol) == ether_type);
        self.network = found.or(self.network);
    }
}

fn conflict(known: &str, wanted: &str, span: Span) -> Diagnostic {
    let text = format!("this needs {wanted}, but the packet is known to be {known} here");
    Diagnostic::new(span, text)
}

/// The condition that `field` equals `value`.
pub(super) fn equal(field: Field, value: Value) -> Match {
    Match { key: vec![field], test: Test::Compare(Comparison::Equal, value) }
}

/// Bits of a header.
pub(super) const fn payload(base: HeaderBase, offset: u16, width: u16) -> Field {
    let load = Load::Payload { base, offset, width };
    Field::plain(load, width)
}

fn meta(key: Meta, width: u16, value: Value) -> Match {
    equal(Field::plain(Load::Meta(key), width), value)
}

fn ether_type(offset: u16, value: Value) -> Match {
    equal(payload(HeaderBase::Link, offset, 16), value)
}

/// The statements that state `conditions`.
pub(super) fn stated(conditions: Vec<Match>) -> impl Iterator<Item = Statement> {
    conditions.into_iter().map(Statement::Match)
}

const fn number_of(network: Protocol) -> Value {
    match network {
        Protocol::Ip => 0x0800,
        Protocol::Ip6 => 0x86dd,
        _ => 0x0806,
    }
}

const fn transport_number(protocol: Protocol) -> Option<u8> {
    Some(match protocol {
        Protocol::Icmp => 1,
        Protocol::Igmp => 2,
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Dccp => 33,
        Protocol::Gre => 47,
        Protocol::Esp => 50,
        Protocol::Ah => 51,
        Protocol::Icmpv6 => 58,
        Protocol::Comp => 108,
        Protocol::Sctp => 132,
        Protocol::Udplite => 136,
        _ => return None,
    })
}

/// The name of a transport whose fields have names.
fn transport_name(number: u8) -> &'static str {
    let mut known = Protocol::ALL.into_iter();
    known.find(|protocol| transport_number(*protocol) == Some(number)).map_or(UNKNOWN, Protocol::name)
}

const UNKNOWN: &str = "another protocol";
const TAGGED: Value = 0x8100;
const DOUBLE_TAGGED: Value = 0x88a8;
