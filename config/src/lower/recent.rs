//! Which lists of addresses seen lately are there? One for each name, over all tables, as in the kernel.

use super::{Lowering, next_id};
use crate::policy::{
    self, Family, Field, HeaderBase, Load, RecentAction, RecentList, RecentListId, Seen, Statement,
};
use crate::ruleset::Recent;

impl Lowering<'_> {
    /// `-m recent`
    pub(super) fn recent(&mut self, family: Family, recent: &Recent) -> Statement {
        let lists = &mut self.policy.recent_lists;
        let known = lists.iter().position(|list| list.name == recent.list);
        let at = known.unwrap_or_else(|| {
            lists.push(RecentList {
                name: recent.list.clone(),
                mask: recent.mask,
                size: LIST_SIZE,
                stamps: 1,
            });
            lists.len() - 1
        });
        if let RecentAction::Check(Seen { times, .. }) | RecentAction::Update(Seen { times, .. }) =
            recent.action
        {
            lists[at].stamps = lists[at].stamps.max(times);
        }
        let of =
            |(offset, width)| Field::plain(Load::Payload { base: HeaderBase::Network, offset, width }, width);
        let (source, destination, ttl) = match family {
            Family::Ip6 => ((64, 128), (192, 128), (56, 8)),
            _ => ((96, 32), (128, 32), (64, 8)),
        };
        Statement::Recent(Box::new(policy::Recent {
            list: RecentListId(next_id(at)),
            address: of(if recent.destination { destination } else { source }),
            ttl: of(ttl),
            action: recent.action,
            negated: recent.negated,
        }))
    }
}

/// Addresses a list has room for, as the kernel's have unless its `ip_list_tot` says otherwise.
const LIST_SIZE: u32 = 100;
