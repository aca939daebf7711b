//! Which packets can a chain see at all?

use std::sync::Arc;

use super::condition::STATES;
use super::region::{Dimensions, Region};
use super::values::Values;
use crate::policy::{ChainId, Ct, Family, Field, HeaderBase, Hook, Load, Meta, Policy, Value, ct_state};

/// All packets of a family, as far as every one of them has something.
pub(super) fn family_domain(family: Family, dimensions: &Dimensions) -> Region {
    let mut region = Region::default();
    for (dimension, field) in dimensions.iter() {
        let Some(values) = family_values(family, field) else { continue };
        region = region.limited(dimension, Arc::new(values)).unwrap_or_default();
    }
    region
}

fn family_values(family: Family, field: &Field) -> Option<Values> {
    let whole = field.is_plain();
    let is_ip = matches!(family, Family::Ip | Family::Ip6 | Family::Inet);
    let some = |values: &[Value]| Some(Values::within(values.iter().map(|&value| (value, value))));
    match field.load {
        Load::Meta(Meta::NfProto) if whole => match family {
            Family::Ip => some(&[2]),
            Family::Ip6 => some(&[10]),
            Family::Inet => some(&[2, 10]),
            Family::Arp => Some(Values::missing()),
            Family::Bridge | Family::Netdev => some(&[2, 10]).map(Values::or_missing),
        },
        Load::Meta(Meta::Protocol) if whole && is_ip => match family {
            Family::Ip => some(&[0x0800]),
            Family::Ip6 => some(&[0x86dd]),
            _ => some(&[0x0800, 0x86dd]),
        },
        // Nobody means packets whose headers are cut off.
        Load::Whole(_) if whole => some(&[crate::policy::whole::ALL.into()]),
        Load::Ct(Ct::State) if whole => some(&STATES),
        Load::Ct(Ct::Direction) if whole => some(&[0, 1]).map(Values::or_missing),
        Load::Meta(Meta::Length | Meta::IifName | Meta::OifName | Meta::Mark) => {
            Some(Values::present(field.width))
        }
        Load::Payload { base: HeaderBase::Network, offset, width } => {
            let header = if family == Family::Ip6 { 320 } else { 160 };
            (is_ip && offset + width <= header).then(|| Values::present(field.width))
        }
        _ => None,
    }
}

/// Whether packets meet a base chain before connection tracking, which sits at priority -200.
pub(super) fn before_tracking(policy: &Policy, chain: ChainId) -> bool {
    policy.chains[chain.index()].base.is_some_and(|base| match base.hook {
        Hook::Ingress => true,
        Hook::Prerouting | Hook::Output => base.priority < -200,
        _ => false,
    })
}

/// The packets that a base chain sees.
pub(super) fn domain(policy: &Policy, id: ChainId, dimensions: &Dimensions) -> Region {
    let chain = &policy.chains[id.index()];
    let mut region = family_domain(chain.family, dimensions);
    let Some(base) = chain.base else { return region };
    let nothing = || Arc::new(Values::within([(0, 0)]));
    for (dimension, field) in dimensions.iter().filter(|(_, field)| field.is_plain()) {
        let values = match (field.load, base.hook) {
            (Load::Meta(Meta::OifName), Hook::Ingress | Hook::Prerouting | Hook::Input) => nothing(),
            (Load::Meta(Meta::IifName), Hook::Output | Hook::Egress) => nothing(),
            (Load::Ct(Ct::State), _) if before_tracking(policy, id) => {
                let states = [ct_state::INVALID, ct_state::UNTRACKED].map(Value::from);
                Arc::new(Values::within(states.map(|bit| (bit, bit))))
            }
            _ => continue,
        };
        region = region.limited(dimension, values).unwrap_or_default();
    }
    region
}

/// The port at this bit of a transport header.
pub(super) const fn port(offset: u16) -> Field {
    Field::plain(Load::Payload { base: HeaderBase::Transport, offset, width: 16 }, 16)
}

/// Eight bits of a transport header.
pub(super) const fn transport_byte(offset: u16) -> Field {
    Field::plain(Load::Payload { base: HeaderBase::Transport, offset, width: 8 }, 8)
}
