//! The objects of a policy: each exists once, whatever rules and workers meet it.

use super::clock::{MILLISECOND, Moment};
use super::connections::{self, Bound, Counter, Memberships, Place};
use super::gone::{Gone, GoneName};
use super::held::{Held, left};
use super::left::Left;
use super::numbers::Numbers;
use super::quota::Quota;
use super::rate::Rate;
use super::recent::Addresses;
use super::set::{DynamicSet, Element, Wanted};
use crate::time::Tick;
use ahash::RandomState;
use config::policy::{
    Assigned, Change, ConnectionLimitId, HelperId, HelperKind, Limit, LimitId, Policy, QuotaId, RecentListId,
    Set, SetId, Statement, TimeoutsId, Update, Value,
};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Seeds of the hash of sets that packets change: a secret, or somebody could fill a part of one.
pub type Seed = [u64; 4];

/// Every limit, quota and changing set of a policy, with its state.
#[derive(Debug, Default)]
pub struct Objects {
    limits: Box<[Shared<Rate>]>,
    quotas: Box<[Shared<Quota>]>,
    /// What each helper understands, over which transport protocol, and whether it is for IPv4 and for IPv6.
    helpers: Box<[(HelperKind, u8, [bool; 2])]>,
    /// The protocol each list of timeouts is for.
    timeouts: Box<[u8]>,
    bounds: Box<[Shared<Bound, [AtomicU64; 2]>]>,
    /// Who was counted a moment ago.
    gone: Gone,
    recent: Box<[Addresses]>,
    /// So many generations of policies came before, from 1: connections know whose counters count them.
    generation: AtomicU32,
    numbers: Numbers,
    /// By set of the policy.
    sets: Box<[Held]>,
    /// Likewise: room that deleted elements keep, where rules delete any.
    left: Box<[Option<Left>]>,
    /// Names, to find an object again after a reload.
    names: Names,
}

/// An object alone in its cache line: workers write it.
#[derive(Debug)]
#[repr(align(128))]
struct Shared<T, S = AtomicU64> {
    what: T,
    state: S,
}

#[derive(Debug, Default)]
struct Names {
    limits: Box<[Option<String>]>,
    quotas: Box<[Option<String>]>,
    sets: Box<[Option<String>]>,
    recent: Box<[String]>,
}

/// An element that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Of a set that packets do not change: by its place in the policy's set.
    Fixed(usize),
    /// Of one that they do.
    Dynamic(Element),
}

impl Found {
    /// What the element holds, of a map whose fixed elements hold `fixed`.
    #[inline]
    pub fn data(self, fixed: impl FnOnce(usize) -> Value) -> Value {
        match self {
            Self::Fixed(element) => fixed(element),
            Self::Dynamic(element) => element.data,
        }
    }

    /// Its place in the policy's set, of a map to verdicts.
    #[inline]
    #[must_use]
    pub fn place(self) -> usize {
        match self {
            Self::Fixed(element) => element,
            Self::Dynamic(element) => element.data as usize,
        }
    }
}

impl Objects {
    /// The objects of `policy`, with this secret for sets that packets change, loaded at `now`
    /// ([`super::Now::monotonic_ns`]). Takes all their memory. `None` if one of them cannot be had; a policy that was
    /// checked has no such.
    #[must_use]
    pub fn new(policy: &Policy, now: u64, seed: Seed) -> Option<Self> {
        let [a, b, c, d] = seed;
        let hasher = &RandomState::with_seeds(a, b, c, d);
        // One that has windows is met in elements of sets only.
        let limit = |limit: &Limit| {
            let what = if limit.window.is_some() { Rate::default() } else { Rate::of(limit)? };
            Some(Shared { what, state: AtomicU64::new(0) })
        };
        let quotas = policy.quotas.iter();
        let bound = |limit| {
            let bound = Shared { what: Bound::of(limit), state: [AtomicU64::new(0), AtomicU64::new(0)] };
            Counter::of(&bound.state).map(connections::begin);
            bound
        };
        let sets = (0u32..).zip(&policy.sets).map(|(id, set)| Held::new(policy, SetId(id), set, now, hasher));
        Some(Self {
            limits: policy.limits.iter().map(limit).collect::<Option<_>>()?,
            quotas: quotas
                .map(|quota| Shared { what: Quota::of(quota), state: AtomicU64::new(quota.used) })
                .collect(),
            helpers: policy
                .helpers
                .iter()
                .map(|helper| (helper.kind, helper.protocol, helper.families))
                .collect(),
            timeouts: policy.timeouts.iter().map(|timeouts| timeouts.protocol).collect(),
            bounds: policy.connection_limits.iter().map(bound).collect(),
            gone: if policy.connection_limits.is_empty() { Gone::default() } else { Gone::new() },
            recent: policy.recent_lists.iter().map(|list| Addresses::new(list, hasher.clone())).collect(),
            generation: AtomicU32::new(1),
            numbers: Numbers::new(policy),
            sets: sets.collect::<Option<_>>()?,
            left: (0u32..).zip(&policy.sets).map(|(id, set)| left(policy, SetId(id), set, now)).collect(),
            names: Names {
                limits: policy.limits.iter().map(|limit| limit.name.clone()).collect(),
                quotas: policy.quotas.iter().map(|quota| quota.name.clone()).collect(),
                sets: policy.sets.iter().map(|set| set.name.clone()).collect(),
                recent: policy.recent_lists.iter().map(|list| list.name.clone()).collect(),
            },
        })
    }

    /// Takes over the state of the named objects of the generation before, as of `now`: limits and quotas of the same
    /// name and meaning, and what packets have put into sets and lists of the same name and shape. What packets change in
    /// `old` meanwhile may be lost. Connections are counted anew.
    pub fn inherit(&self, old: &Self, now: u64) {
        self.generation.store(old.generation().wrapping_add(1).max(1), Relaxed);
        inherit_numbers((&self.limits, &self.names.limits), (&old.limits, &old.names.limits));
        inherit_numbers((&self.quotas, &self.names.quotas), (&old.quotas, &old.names.quotas));
        for (held, name) in self.sets.iter().zip(&self.names.sets) {
            let same = old.names.sets.iter().position(|other| name.is_some() && other == name);
            if let (Held::Dynamic { set, .. }, Some(Held::Dynamic { set: old, .. })) =
                (held, same.and_then(|same| old.sets.get(same)))
            {
                set.inherit(old, now);
            }
        }
        for (list, name) in self.recent.iter().zip(&self.names.recent) {
            let same = old.names.recent.iter().position(|other| other == name);
            if let Some(old) = same.and_then(|same| old.recent.get(same)) {
                list.inherit(old, now);
            }
        }
    }

    /// Whether verdicts of `policy` depend on the order in which packets of different flows are met.
    #[must_use]
    pub fn need_order(policy: &Policy) -> bool {
        let mut statements = policy.rules.iter().flat_map(|rule| &rule.statements);
        let helps = |statement: &Statement| {
            matches!(statement, Statement::Assign(Assigned::Template { helper: Some(_), .. }))
        };
        !policy.limits.is_empty()
            || !policy.helpers.is_empty()
            || statements.any(helps)
            || !policy.quotas.is_empty()
            || !policy.connection_limits.is_empty()
            || !policy.recent_lists.is_empty()
            || policy.sets.iter().any(Self::keeps)
            || !Numbers::new(policy).is_empty()
    }

    /// Whether these are the objects of `policy`, but for sets at its end whose elements do nothing, and it asks of its
    /// sets what they can do.
    #[must_use]
    pub fn serve(&self, policy: &Policy) -> bool {
        let statements = policy.rules.iter().flat_map(|rule| &rule.statements);
        let more = policy.sets.get(self.sets.len()..);
        let mut updates = statements.filter_map(|statement| match statement {
            Statement::Update(update) => Some(update),
            _ => None,
        });
        self.limits.len() == policy.limits.len()
            && self.quotas.len() == policy.quotas.len()
            && self.helpers.len() == policy.helpers.len()
            && self.timeouts.len() == policy.timeouts.len()
            && self.bounds.len() == policy.connection_limits.len()
            && self.recent.len() == policy.recent_lists.len()
            && more.is_some_and(|more| !more.iter().any(Self::keeps))
            && self.numbers.is_empty()
            && self.numbers.have(&policy.lists)
            && Numbers::new(policy).is_empty()
            && updates.all(|update| self.wanted(update).is_some())
    }

    /// Whether a set has elements that come, go or do something.
    #[must_use]
    pub fn keeps(set: &Set) -> bool {
        set.is_alive()
    }

    /// Whether there is this limit.
    #[must_use]
    pub fn has_limit(&self, id: LimitId) -> bool {
        id.index() < self.limits.len()
    }

    /// Takes from a limit. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn limit(&self, id: LimitId, moment: &Moment<'_>) -> bool {
        let Shared { what, state } = &self.limits[id.index()];
        what.goes_on(state, moment)
    }

    /// Takes from a quota. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn quota(&self, id: QuotaId, moment: &Moment<'_>) -> bool {
        let Shared { what, state } = &self.quotas[id.index()];
        what.goes_on(state, moment)
    }

    /// What a helper understands, over which transport protocol, and whether it is for IPv4 and for IPv6.
    #[must_use]
    pub fn helper(&self, id: HelperId) -> (HelperKind, u8, [bool; 2]) {
        self.helpers[id.index()]
    }

    /// The transport protocol that timeouts are for.
    #[must_use]
    pub fn timeouts_protocol(&self, id: TimeoutsId) -> u8 {
        self.timeouts[id.index()]
    }

    /// Counts the packet's connection. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn connections(&self, id: ConnectionLimitId, moment: &Moment<'_>) -> bool {
        let Shared { what, state } = &self.bounds[id.index()];
        let place = Place { set: 0, word: id.0 };
        Counter::of(state).is_some_and(|counter| what.goes_on(counter, place, moment))
    }

    /// A list of addresses seen lately.
    #[inline]
    #[must_use]
    pub fn recent(&self, id: RecentListId) -> &Addresses {
        &self.recent[id.index()]
    }

    /// Connections that a limit of a rule counts.
    #[must_use]
    pub fn open_connections(&self, id: ConnectionLimitId) -> Option<u32> {
        Some(connections::connections(self.bounds.get(id.index())?.state[0].load(Relaxed)))
    }

    /// Whether anything counts connections.
    #[must_use]
    pub const fn count_connections(&self) -> bool {
        !self.bounds.is_empty()
    }

    /// Which of the policies in a row, from 1.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation.load(Relaxed)
    }

    /// Whether a list that was cleaned up may still have a connection of this name that has come to nothing or ended.
    #[must_use]
    pub fn may_be_listed(&self, name: GoneName, now: Tick) -> bool {
        self.gone.may_have(name, now)
    }

    /// Whether a connection of this name that begins, and is counted as `memberships` say, may be on a list besides: as one
    /// that has come to nothing or ended, and that nobody has cleaned away.
    #[must_use]
    pub fn may_be_mistaken(&self, name: GoneName, memberships: &Memberships) -> bool {
        self.gone.counters(name).any(|place| {
            place.is_none_or(|place| {
                !memberships.is_at(place) && self.counter(place).is_some_and(connections::has_stale)
            })
        })
    }

    /// A packet was counted by these, and no connection is there.
    pub fn passed(&self, memberships: &Memberships, now: Tick) {
        if let Some(name) = memberships.name() {
            memberships.each(|at, _| self.gone.note(name, at, now));
        }
    }

    /// A connection with these memberships has ended at `now`, or never came to be, which is `refused`.
    pub fn leave(&self, memberships: &Memberships, refused: bool, now: Tick) {
        if memberships.generation() != self.generation() {
            return;
        }
        memberships.each(|at, epoch| {
            if let Some(counter) = self.counter(at) {
                connections::leave(counter, epoch, refused);
            }
        });
        self.passed(memberships, now);
    }

    fn counter(&self, at: Place) -> Option<Counter<'_>> {
        match at.set.checked_sub(1) {
            None => self.bounds.get(at.word as usize).and_then(|bound| Counter::of(&bound.state)),
            Some(set) => match self.sets.get(set as usize) {
                Some(Held::Timed(timed)) => timed.counter(at.word),
                Some(Held::Dynamic { set, .. }) => set.counter(at.word),
                Some(Held::Nothing) | None => None,
            },
        }
    }

    /// The counters of rules that count packets off.
    #[must_use]
    pub const fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Bytes a quota has counted, at most a packet beyond its amount.
    #[must_use]
    pub fn used(&self, id: QuotaId) -> Option<u64> {
        Some(self.quotas.get(id.index())?.state.load(Relaxed))
    }

    /// The set, if packets change it.
    #[must_use]
    pub fn dynamic(&self, id: SetId) -> Option<&DynamicSet> {
        match self.sets.get(id.index())? {
            Held::Dynamic { set, .. } => Some(set),
            Held::Nothing | Held::Timed(_) => None,
        }
    }

    /// Whether a lookup in this set must ask here.
    #[must_use]
    pub fn holds(&self, id: SetId) -> bool {
        self.sets.get(id.index()).is_some_and(|held| !matches!(held, Held::Nothing))
    }

    /// The element with this key; `fixed` finds it in a set that packets do not change.
    #[inline]
    pub fn find(
        &self,
        id: SetId,
        key: &[Value],
        moment: &Moment<'_>,
        fixed: impl FnOnce(&[Value]) -> Option<usize>,
    ) -> Option<Found> {
        match self.sets.get(id.index()).unwrap_or(&Held::Nothing) {
            Held::Nothing => fixed(key).map(Found::Fixed),
            Held::Timed(timed) => timed.holding(fixed(key), moment.now).map(Found::Fixed),
            Held::Dynamic { set, .. } => {
                let element = set.find(key, moment.now).or_else(|| set.rest(moment.now));
                element.map(Found::Dynamic)
            }
        }
    }

    /// Runs the statements of an element that a lookup has found. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn goes_on(&self, id: SetId, found: Found, moment: &Moment<'_>) -> bool {
        match (self.sets.get(id.index()).unwrap_or(&Held::Nothing), found) {
            (Held::Timed(timed), Found::Fixed(element)) => timed.goes_on(element, id.0 + 1, moment),
            (Held::Dynamic { set, .. }, Found::Dynamic(element)) => set.goes_on(element, id.0 + 1, moment),
            _ => true,
        }
    }

    /// Changes a set. Whether the rule goes on: it ends if packets do not change that set, or if a statement of the
    /// element says so. `None` if there is no room.
    pub fn change(&self, id: SetId, key: &[Value], wanted: &Wanted, moment: &Moment<'_>) -> Option<bool> {
        let Some(set) = self.dynamic(id) else { return Some(false) };
        if let Some(left) = self.left.get(id.index()).and_then(Option::as_ref) {
            let is_there = set.find(key, moment.now).is_some();
            match wanted.change {
                Change::Delete if is_there => left.deleted(moment.now),
                Change::Add | Change::Update if !is_there && left.is_full(set.len(), moment.now) => {
                    return None;
                }
                _ => {}
            }
        }
        set.change(key, wanted, id.0 + 1, moment)
    }

    /// What `update` asks of its set, but for the data. `None` if packets do not change that set.
    #[must_use]
    pub fn wanted(&self, update: &Update) -> Option<Wanted> {
        let Held::Dynamic { lists, .. } = self.sets.get(update.set.index())? else { return None };
        let has_none = update.each.is_empty() || update.change == Change::Delete;
        let list = if has_none { 0 } else { lists.iter().position(|list| *list == update.each)? };
        Some(Wanted {
            change: update.change,
            lifetime: update.timeout.map(|milliseconds| milliseconds.saturating_mul(MILLISECOND)),
            data: 0,
            each: list as u32,
        })
    }

    /// Bytes they take.
    #[must_use]
    pub fn memory(&self) -> usize {
        let of_set = |held: &Held| match held {
            Held::Nothing => 0,
            Held::Timed(timed) => timed.memory(),
            Held::Dynamic { set, .. } => set.memory(),
        };
        size_of_val(&*self.limits)
            + size_of_val(&*self.quotas)
            + size_of_val(&*self.bounds)
            + self.recent.iter().map(Addresses::memory).sum::<usize>()
            + self.sets.iter().map(of_set).sum::<usize>()
    }
}

fn inherit_numbers<T: PartialEq>(
    (new, names): (&[Shared<T>], &[Option<String>]),
    (old, old_names): (&[Shared<T>], &[Option<String>]),
) {
    for (new, name) in new.iter().zip(names).filter(|(_, name)| name.is_some()) {
        let same = old.iter().zip(old_names).find(|(old, other)| *other == name && old.what == new.what);
        if let Some((old, _)) = same {
            new.state.store(old.state.load(Relaxed), Relaxed);
        }
    }
}
