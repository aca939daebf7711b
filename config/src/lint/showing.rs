//! What would a packet look like that lies in a box?

use std::sync::Arc;

use super::Linter;
use super::analysis::{Analysis, within};
use super::example::{Example, ICMP, ICMPV6, TCP, UDP};
use super::region::Region;
use super::values::Values;
use super::walk::Walk;
use crate::policy::{ChainId, Ct, Field, Hook, Load, Meta, RuleId, Value, ct_state, interface_value};

impl Analysis<'_> {
    /// The dimension of a field that is compared as it is read.
    pub(super) fn limited(&self, region: Region, field: &Field, values: Values) -> Option<Region> {
        let found = self.space.dimensions.iter().find(|(_, known)| *known == field);
        match found {
            Some((dimension, _)) => region.limited(dimension, Arc::new(values)),
            None => Some(region),
        }
    }

    /// A packet of `region`, as it comes to chains of `hook`, of which `holds` is true.
    pub(super) fn example(
        &self,
        region: &Region,
        hook: Hook,
        mut holds: impl FnMut(&Example) -> bool,
    ) -> Option<Example> {
        let cell = |load: Load, width| {
            let field = Field::plain(load, width);
            let found = self.space.dimensions.iter().find(|(_, known)| **known == field)?;
            region.cell(found.0)
        };
        let (network, protocol) = (cell(Load::Meta(Meta::NfProto), 8), cell(Load::Meta(Meta::L4Proto), 8));
        let state = cell(Load::Ct(Ct::State), 32);
        let fits = |values: Option<&Values>, value| values.is_none_or(|values| values.contains(Some(value)));
        let named =
            protocol.and_then(|values| values.ranges().first()).and_then(|range| u8::try_from(range.0).ok());
        for v6 in [false, true] {
            if !fits(network, if v6 { 10 } else { 2 }) {
                continue;
            }
            for number in [TCP, UDP, if v6 { ICMPV6 } else { ICMP }].into_iter().chain(named) {
                if !fits(protocol, number.into()) {
                    continue;
                }
                for bit in USUAL_STATES.into_iter().filter(|&bit| fits(state, bit.into())) {
                    let mut example =
                        Example::template(v6, number, bit, matches!(hook, Hook::Output | Hook::Egress));
                    (example.iif, example.oif) = interfaces(hook);
                    self.fill(&mut example, region);
                    example.finish();
                    if example.is_sound() && self.lies_in(&example, region) && holds(&example) {
                        return Some(example);
                    }
                }
            }
        }
        None
    }

    fn fill(&self, example: &mut Example, region: &Region) {
        for (dimension, values) in region.cells() {
            let field = self.space.dimensions.field(dimension);
            let now = example.load(&field.load).map(|load| field.apply(load));
            if values.contains(now) {
                continue;
            }
            let first = values.ranges().first().map(|&(low, high)| match field.load {
                Load::Meta(Meta::IifName | Meta::OifName) => low,
                _ if field.width >= 32 && high - low >= 2 => low + 1,
                _ => low,
            });
            let usual = match field.load {
                Load::Meta(Meta::IifName | Meta::OifName) => {
                    let mut names = USUAL_NAMES.iter().filter_map(|name| interface_value(name));
                    names.find(|&name| values.contains(Some(name)))
                }
                _ if field.width == 16 => {
                    USUAL_PORTS.iter().copied().find(|&value| values.contains(Some(value)))
                }
                _ => None,
            };
            if let Some(value) = usual.or(first) {
                example.store(field, value);
            }
        }
    }

    fn lies_in(&self, example: &Example, region: &Region) -> bool {
        region.cells().all(|(dimension, values)| {
            let field = self.space.dimensions.field(dimension);
            values.contains(example.load(&field.load).map(|load| field.apply(load)))
        })
    }
}

impl Linter<'_> {
    /// A packet of one of `regions` that could match `id` and of which `holds` is true on a base chain leading there.
    pub(super) fn example_for(
        &self,
        regions: &[Region],
        id: RuleId,
        mut holds: impl FnMut(ChainId, &Example) -> bool,
    ) -> Option<(Example, ChainId)> {
        let policy = self.analysis.policy;
        let chain = policy.rules[id.index()].chain;
        for &base in self.analysis.bases[chain.index()].iter().take(MOST_TRIED) {
            let Some(attached) = policy.chains[base.index()].base else { continue };
            for region in within(regions, &self.analysis.entries[base.index()]).iter().take(MOST_TRIED) {
                let found = self.analysis.example(region, attached.hook, |packet| {
                    Walk::new(policy).could_match(id, packet) && holds(base, packet)
                });
                if let Some(found) = found {
                    return Some((found, base));
                }
            }
        }
        None
    }
}

fn interfaces(hook: Hook) -> (Value, Value) {
    let name = |name| interface_value(name).unwrap_or(0);
    match hook {
        Hook::Ingress | Hook::Prerouting | Hook::Input => (name("eth0"), 0),
        Hook::Output | Hook::Egress => (0, name("eth0")),
        Hook::Forward | Hook::Postrouting => (name("eth0"), name("eth1")),
    }
}

const USUAL_STATES: [u32; 5] =
    [ct_state::NEW, ct_state::ESTABLISHED, ct_state::RELATED, ct_state::UNTRACKED, ct_state::INVALID];
const USUAL_NAMES: [&str; 6] = ["eth0", "eth1", "lan0", "wg0", "ppp0", "lo"];
const USUAL_PORTS: [Value; 6] = [80, 443, 22, 53, 8080, 4242];
/// Boxes and base chains tried for one example.
pub(super) const MOST_TRIED: usize = 32;
