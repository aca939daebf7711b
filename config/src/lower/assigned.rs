//! What do the helpers and timeouts of a table mean?

use super::scope::Scope;
use super::{Lowered, Lowering, next_id};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{ConnectionTimeouts, Family, Helper, HelperId, HelperKind, TimeoutsId};
use crate::ruleset::HelperType;

impl Lowering<'_> {
    /// Gives the helpers and timeouts of a table their ids. As in the kernel, connections are tracked where there is one,
    /// whether or not a rule names it.
    pub(super) fn connection_objects(&mut self, scope: &mut Scope<'_>) {
        let table = scope.table;
        for helper in table.helpers.iter() {
            let families = families(table.family, helper.what.family, helper.span);
            let Some(families) = self.note(families) else { continue };
            let tracked = self.track(table.family, helper.span);
            self.note(tracked);
            let HelperType::Known(kind) = helper.what.kind else { continue };
            let Some(families) = self.note(read_by(kind, families, helper.span)) else { continue };
            let id = HelperId(next_id(self.policy.helpers.len()));
            self.policy.helpers.push(Helper {
                name: helper.name.clone(),
                kind,
                protocol: helper.what.protocol,
                families,
            });
            scope.helpers.insert(&helper.name, id);
        }
        for timeouts in table.timeouts.iter() {
            let tracked = self.track(table.family, timeouts.span);
            if self.note(tracked).is_none() {
                continue;
            }
            let id = TimeoutsId(next_id(self.policy.timeouts.len()));
            self.policy.timeouts.push(ConnectionTimeouts {
                name: timeouts.name.clone(),
                protocol: timeouts.what.protocol,
                values: timeouts.what.values.clone(),
            });
            scope.timeouts.insert(&timeouts.name, id);
        }
    }
}

/// For which of these versions such a helper is.
fn read_by(kind: HelperKind, [v4, v6]: [bool; 2], span: Span) -> Lowered<[bool; 2]> {
    match (kind.is_of_ipv4(), v4) {
        (true, false) => Err(Diagnostic::new(span, format!("the helper `{}` is for IPv4 only", kind.name()))),
        (true, true) => Ok([true, false]),
        _ => Ok([v4, v6]),
    }
}

/// Whether an object of a table of `family` that says `said` is for IPv4 and for IPv6.
fn families(family: Family, said: Option<Family>, span: Span) -> Lowered<[bool; 2]> {
    match (family, said.unwrap_or(family)) {
        (Family::Arp | Family::Bridge | Family::Netdev, _) => {
            Err(Diagnostic::new(span, format!("there is no connection tracking in family {family}")))
        }
        (Family::Ip6, Family::Ip) | (Family::Ip, Family::Ip6) => {
            Err(Diagnostic::new(span, format!("a table of family {family} sees no packets of the other")))
        }
        (_, Family::Ip) => Ok([true, false]),
        (_, Family::Ip6) => Ok([false, true]),
        _ => Ok([true, true]),
    }
}
