//! Where may a chain be attached, and at which priority?

use super::{Lowered, Lowering, next_id};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{
    self, ChainId, ChainPolicy, Family, Field, Hook, Load, Match, Meta, Set, Statement, Test, Verdict,
    interface_value,
};
use crate::ruleset::{Base, Chain, Priority, Spanned, Table};
use crate::suggestion::did_you_mean;

impl Lowering<'_> {
    /// Gives `chain` its id; it has no rules yet.
    pub(super) fn declare_chain(&mut self, table: &Table, chain: &Chain) -> ChainId {
        let id = ChainId(next_id(self.policy.chains.len()));
        let attached = chain.base.as_ref().map(|base| attach(table.family, base));
        let base = attached.and_then(|attached| self.note(attached)).filter(|_| !table.dormant);
        self.policy.chains.push(policy::Chain {
            family: table.family,
            table: table.name.clone(),
            name: chain.name.clone(),
            base,
            rules: 0..0,
        });
        id
    }

    /// The rule, before the first, by which a chain that is bound to devices lets the packets of others go on.
    pub(super) fn other_devices(&mut self, id: ChainId, chain: &Chain) {
        let (Some(base), Some(attached)) = (&chain.base, self.policy.chains[id.index()].base) else {
            return;
        };
        let meta = match attached.hook {
            Hook::Ingress => Meta::IifName,
            Hook::Egress => Meta::OifName,
            _ => return,
        };
        let mut names: Vec<_> =
            base.devices.iter().filter_map(|device| interface_value(&device.node)).collect();
        names.sort_unstable();
        names.dedup();
        let set = self.add_set(Set { widths: vec![128], low: names.clone(), high: names, ..Set::default() });
        let key = vec![Field::plain(Load::Meta(meta), 128)];
        let other = Match { key, test: Test::Lookup { set, negated: true } };
        let place = self.place(chain.span);
        self.policy.rules.push(policy::Rule {
            chain: id,
            position: 0,
            statements: vec![Statement::Match(other), Statement::Verdict(Verdict::Accept)],
            comment: None,
            place,
        });
    }
}

fn attach(family: Family, base: &Base) -> Lowered<policy::Base> {
    check_kind(&base.kind)?;
    let hook = hook(family, &base.hook)?;
    match (hook, base.devices.first()) {
        (Hook::Ingress | Hook::Egress, None) => {
            let text = format!("a chain on {hook} names its device");
            return Err(
                Diagnostic::new(base.hook.span, text).help("`device \"NAME\"`, or `devices = { ... }`")
            );
        }
        (Hook::Ingress | Hook::Egress, Some(_)) => {
            for device in &base.devices {
                if device.node.is_empty() || interface_value(&device.node).is_none() {
                    return Err(Diagnostic::new(device.span, "the name of a device has 1 to 15 bytes"));
                }
                if device.node.ends_with('*') {
                    let text = "a pattern of devices is not supported: name each";
                    return Err(Diagnostic::new(device.span, text));
                }
            }
        }
        (_, Some(device)) => {
            let text = format!("a chain on {hook} is not bound to a device");
            return Err(Diagnostic::new(device.span, text));
        }
        (_, None) => {}
    }
    Ok(policy::Base {
        hook,
        priority: priority(family, hook, &base.priority)?,
        policy: base.policy.unwrap_or(ChainPolicy::Accept),
        is_iptables: base.is_iptables,
    })
}

fn check_kind(kind: &Spanned<String>) -> Lowered<()> {
    let text = match kind.node.as_str() {
        "filter" => return Ok(()),
        "nat" => "chains of type nat are not supported: Sluice does not rewrite packets".to_owned(),
        "route" => "chains of type route are not supported: a wire has no routing table".to_owned(),
        other => format!("there is no type of chain `{other}`"),
    };
    let mut complaint = Diagnostic::new(kind.span, text);
    complaint.help = did_you_mean(&kind.node, ["filter"]);
    Err(complaint)
}

fn hook(family: Family, name: &Spanned<String>) -> Lowered<Hook> {
    let Some(hook) = Hook::ALL.into_iter().find(|hook| hook.to_string() == name.node) else {
        let text = format!("there is no hook `{}`", name.node);
        let mut complaint = Diagnostic::new(name.span, text);
        let names = Hook::ALL.map(|hook| hook.to_string());
        complaint.help = did_you_mean(&name.node, names.iter().map(String::as_str));
        return Err(complaint);
    };
    let fits = match family {
        Family::Inet => hook != Hook::Egress,
        Family::Ip | Family::Ip6 | Family::Bridge => !matches!(hook, Hook::Ingress | Hook::Egress),
        Family::Arp => matches!(hook, Hook::Input | Hook::Output),
        Family::Netdev => matches!(hook, Hook::Ingress | Hook::Egress),
    };
    if fits {
        return Ok(hook);
    }
    let text = format!("family {family} has no hook {hook}");
    Err(Diagnostic::new(name.span, text))
}

fn priority(family: Family, hook: Hook, priority: &Spanned<Priority>) -> Lowered<i32> {
    let from = match &priority.node.name {
        None => 0,
        Some(name) => named_priority(family, hook, name, priority.span)?,
    };
    let value = from.checked_add(priority.node.offset);
    value.ok_or_else(|| Diagnostic::new(priority.span, "a priority has 32 bits"))
}

fn named_priority(family: Family, hook: Hook, name: &str, span: Span) -> Lowered<i32> {
    let names: &[(&str, i32)] = match family {
        Family::Ip | Family::Ip6 | Family::Inet => &NETWORK_PRIORITIES,
        Family::Bridge => &BRIDGE_PRIORITIES,
        Family::Arp | Family::Netdev => &[("filter", 0)],
    };
    let Some((_, value)) = names.iter().find(|(known, _)| *known == name) else {
        let text = format!("family {family} has no priority `{name}`");
        let mut complaint = Diagnostic::new(span, text);
        complaint.help = did_you_mean(name, names.iter().map(|(known, _)| *known));
        return Err(complaint);
    };
    let fits = match name {
        "dstnat" => hook == Hook::Prerouting,
        "srcnat" => hook == Hook::Postrouting,
        "out" => hook == Hook::Output,
        _ => true,
    };
    if !fits {
        let text = format!("there is no priority `{name}` on {hook}");
        return Err(Diagnostic::new(span, text));
    }
    Ok(*value)
}

const NETWORK_PRIORITIES: [(&str, i32); 6] =
    [("raw", -300), ("mangle", -150), ("dstnat", -100), ("filter", 0), ("security", 50), ("srcnat", 100)];

const BRIDGE_PRIORITIES: [(&str, i32); 4] =
    [("dstnat", -300), ("filter", -200), ("out", 100), ("srcnat", 300)];
