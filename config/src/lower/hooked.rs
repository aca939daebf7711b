//! What is there on some hooks only? The kernel refuses it in chains that packets of other hooks come to.

use super::Lowering;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{ChainId, Family, Hook};

/// Something that some hooks do not have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hooked {
    /// Those that have it.
    hooks: &'static [Hook],
    what: &'static str,
    span: Span,
}

impl Hooked {
    /// A reject in a table of `family`.
    pub(super) const fn reject(family: Family, span: Span) -> Self {
        let hooks: &[Hook] = match family {
            Family::Bridge => &[Hook::Prerouting, Hook::Input],
            Family::Netdev => &[Hook::Ingress],
            _ => &[Hook::Ingress, Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output],
        };
        Self { hooks, what: "no reject", span }
    }

    /// The type of an address, or, if it is `device`, its type on the interface it comes in or goes out by.
    pub(super) const fn address_type(family: Family, device: Option<bool>, span: Span) -> Self {
        use Hook::{Egress, Forward, Ingress, Input, Output, Postrouting, Prerouting};
        let what = match device {
            None => "no type of an address",
            Some(false) => "no interface that packets come in by",
            Some(true) => "no interface that packets go out by",
        };
        let hooks: &[Hook] = match (family, device) {
            (Family::Netdev, None) => &[Ingress, Egress],
            (Family::Netdev, Some(false)) => &[Ingress],
            (Family::Netdev, Some(true)) => &[Egress],
            (_, None) => &[Prerouting, Input, Forward, Output, Postrouting],
            (_, Some(false)) => &[Prerouting, Input, Forward],
            (_, Some(true)) => &[Forward, Output, Postrouting],
        };
        Self { hooks, what, span }
    }
}

impl Lowering<'_> {
    /// Complains about what the hooks do not have from which packets come to it. In `order`, each chain stands behind
    /// those it jumps to.
    pub(super) fn check_hooks(&mut self, graph: &[Vec<(ChainId, Span)>], order: &[usize]) {
        let mut from: Vec<u8> = self
            .policy
            .chains
            .iter()
            .map(|chain| chain.base.map_or(0, |base| 1 << base.hook as u8))
            .collect();
        for &chain in order.iter().rev() {
            for (to, _) in &graph[chain] {
                from[to.index()] |= from[chain];
            }
        }
        for (chain, hooked) in std::mem::take(&mut self.hooked) {
            let lacks =
                |hook: &Hook| from[chain.index()] & 1 << *hook as u8 != 0 && !hooked.hooks.contains(hook);
            if let Some(hook) = Hook::ALL.into_iter().find(lacks) {
                let text = format!("there is {} on {hook}, and packets come here from there", hooked.what);
                self.errors.push(Diagnostic::new(hooked.span, text));
            }
        }
    }
}
