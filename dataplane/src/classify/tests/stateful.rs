//! Random limits, quotas, marks and sets that change.

use super::choices::Choices;
use super::random;
use config::policy::{
    Assigned, BitOperator, Change, ConnectionTimeouts, Dynamic, Field, HeaderBase, Helper, HelperId,
    HelperKind, Limit, LimitId, LimitUnit, Load, ObjectKind, Operand, Policy, Quota, QuotaId, Recent,
    RecentAction, RecentList, RecentListId, Seen, Set, SetId, Statement, Target, TimeoutsId, Update, Value,
};

/// A statement that remembers something, or changes what is known of the packet.
pub(super) fn statement(choices: &mut Choices<'_>, policy: &mut Policy) -> Statement {
    match choices.below(12) {
        8 => object(choices, policy),
        10 => recent(choices, policy),
        9 => Statement::Assign(match choices.below(3) {
            0 => Assigned::Helper(HelperId(assigned(choices, policy, ObjectKind::Helper))),
            1 => Assigned::Timeouts(TimeoutsId(assigned(choices, policy, ObjectKind::Timeouts))),
            _ => {
                let helper = choices.of(&[None, Some(HelperKind::Ftp), Some(HelperKind::Tftp)]);
                Assigned::Template { zone: choices.of(&[0, 1, 2]), helper }
            }
        }),
        0 => Statement::Limit(limit(choices, policy)),
        1 => Statement::Quota(quota(choices, policy)),
        2 => Statement::Log(Box::default()),
        3 | 4 => {
            let target = choices.of(&[Target::Mark, Target::CtMark, Target::CtZone]);
            Statement::Set(target, operand(choices, policy))
        }
        _ => update(choices, policy),
    }
}

/// Asks one of a few lists of addresses seen lately.
fn recent(choices: &mut Choices<'_>, policy: &mut Policy) -> Statement {
    if policy.recent_lists.is_empty() || choices.one_in(3) {
        let name = format!("l{}", policy.recent_lists.len());
        let (mask, size) = (choices.of(&[Value::MAX, !0 << 96 | 0xff]), choices.of(&[1, 2, 100]));
        policy.recent_lists.push(RecentList { name, mask, size, stamps: 3 });
    }
    let seen = Seen {
        seconds: choices.of(&[1, 5, 60]),
        times: choices.of(&[1, 1, 2, 3]),
        same_ttl: choices.one_in(4),
        reap: choices.one_in(3),
    };
    let field =
        |offset, width| Field::plain(Load::Payload { base: HeaderBase::Network, offset, width }, width);
    let v6 = choices.one_in(3);
    Statement::Recent(Box::new(Recent {
        list: RecentListId(choices.below(policy.recent_lists.len()) as u32),
        address: if v6 { field(64, 128) } else { field(96, 32) },
        ttl: if v6 { field(56, 8) } else { field(64, 8) },
        action: match choices.below(5) {
            0 | 1 => RecentAction::Set,
            2 => RecentAction::Remove,
            3 => RecentAction::Check(seen),
            _ => RecentAction::Update(seen),
        },
        negated: choices.one_in(4),
    }))
}

/// Lets elements of a set end, have statements, or come and go.
pub(super) fn enliven(choices: &mut Choices<'_>, policy: &mut Policy, set: &mut Set, intervals: bool) {
    let dynamic = choices.one_in(4) && !intervals;
    if dynamic {
        let each = if choices.one_in(3) { each(choices, policy) } else { Vec::new() };
        let timeout = choices.of(&[None, Some(1), Some(3000)]);
        let size = set.len() as u32 + choices.of(&[100, 0, 1, 3]);
        set.dynamic = Some(Dynamic { size, timeout, interval: false, collected_every: None, each });
    }
    if choices.one_in(5) {
        set.expires = (0..set.len()).map(|_| choices.of(&[0, 1, 500, 6000])).collect();
    }
    if choices.one_in(6) {
        set.each = (0..set.len()).map(|_| each(choices, policy)).collect();
    }
    if set.is_alive() && choices.one_in(2) {
        set.rest = true;
        if !set.expires.is_empty() {
            set.expires.push(choices.of(&[0, 1, 6000]));
        }
        if !set.each.is_empty() {
            set.each.push(each(choices, policy));
        }
    }
}

fn each(choices: &mut Choices<'_>, policy: &mut Policy) -> Vec<Statement> {
    match choices.below(4) {
        0 => Vec::new(),
        1 => vec![Statement::Limit(limit(choices, policy))],
        2 => vec![Statement::Quota(quota(choices, policy))],
        _ => vec![random::counter(choices, policy), Statement::Limit(limit(choices, policy))],
    }
}

fn limit(choices: &mut Choices<'_>, policy: &mut Policy) -> LimitId {
    if policy.limits.is_empty() || !choices.one_in(3) {
        policy.limits.push(Limit {
            name: None,
            unit: choices.of(&[LimitUnit::Packets, LimitUnit::Bytes]),
            rate: choices.of(&[1, 3, 50, 700]),
            per_seconds: choices.of(&[1, 60, 3600]),
            burst: choices.of(&[0, 1, 5, 100]),
            over: choices.one_in(3),
            window: None,
        });
    }
    LimitId(choices.below(policy.limits.len()) as u32)
}

fn quota(choices: &mut Choices<'_>, policy: &mut Policy) -> QuotaId {
    if policy.quotas.is_empty() || !choices.one_in(3) {
        let (bytes, used) = (choices.of(&[100, 40, 400]), choices.of(&[0, 0, 80]));
        policy.quotas.push(Quota { name: None, bytes, used, over: choices.one_in(3) });
    }
    QuotaId(choices.below(policy.quotas.len()) as u32)
}

fn operand(choices: &mut Choices<'_>, policy: &mut Policy) -> Operand {
    match choices.below(5) {
        0 | 1 => Operand::Constant(choices.of(&[0, 1, 2, 3])),
        4 => {
            let operator = choices.of(&[BitOperator::And, BitOperator::Or, BitOperator::Xor]);
            let left = Operand::Field(random::field(choices).0);
            Operand::Bits(operator, Box::new((left, operand(choices, policy))))
        }
        2 => Operand::Field(random::field(choices).0),
        _ => {
            let key = random::key(choices);
            let map = random::set(choices, policy, &key);
            let set = &mut policy.sets[map.index()];
            set.data = (0..set.holdings() as Value).map(|element| element % 4).collect();
            Operand::Map { key: fields(&key), map }
        }
    }
}

/// A helper or timeouts, by its number.
pub(super) fn assigned(choices: &mut Choices<'_>, policy: &mut Policy, kind: ObjectKind) -> u32 {
    if kind == ObjectKind::Helper {
        let families = choices.of(&[[true, true], [true, false], [false, true]]);
        let kind = choices.of(&HelperKind::ALL);
        let protocol = kind.protocols()[0];
        policy.helpers.push(Helper { name: String::new(), kind, protocol, families });
        return policy.helpers.len() as u32 - 1;
    }
    let protocol = choices.of(&[6, 17]);
    policy.timeouts.push(ConnectionTimeouts { protocol, ..ConnectionTimeouts::default() });
    policy.timeouts.len() as u32 - 1
}

/// A map to objects.
fn object(choices: &mut Choices<'_>, policy: &mut Policy) -> Statement {
    let key = random::key(choices);
    let map = random::set(choices, policy, &key);
    let kind = choices.of(&[
        ObjectKind::Counter,
        ObjectKind::Limit,
        ObjectKind::Quota,
        ObjectKind::Helper,
        ObjectKind::Timeouts,
    ]);
    let count = policy.sets[map.index()].holdings();
    let data = (0..count).map(|_| match kind {
        ObjectKind::Counter => {
            let Statement::Counter(counter) = random::counter(choices, policy) else { return 0 };
            counter.0.into()
        }
        ObjectKind::Limit => limit(choices, policy).0.into(),
        ObjectKind::Quota => quota(choices, policy).0.into(),
        ObjectKind::Helper | ObjectKind::Timeouts => assigned(choices, policy, kind).into(),
    });
    let data = data.collect();
    let set = &mut policy.sets[map.index()];
    (set.data, set.dynamic) = (data, None);
    if !set.is_alive() {
        set.rest = false;
        set.data.truncate(set.len());
    }
    Statement::Object { kind, key: fields(&key), map }
}

fn update(choices: &mut Choices<'_>, policy: &mut Policy) -> Statement {
    let key = random::key(choices);
    let fields = fields(&key);
    let widths: Vec<u16> = fields.iter().map(|field| field.width).collect();
    // One that a lookup asks for, if there is one of that shape.
    let known = policy.sets.iter().position(|set| {
        let dynamic = set.dynamic.as_ref().is_some_and(|dynamic| !dynamic.interval);
        dynamic && set.widths == widths && set.verdicts.is_empty()
    });
    let set = known.unwrap_or_else(|| {
        let dynamic = Dynamic {
            size: choices.of(&[8, 2, 1]),
            timeout: Some(2000),
            interval: false,
            collected_every: None,
            each: Vec::new(),
        };
        policy.sets.push(Set { widths, dynamic: Some(dynamic), ..Set::default() });
        policy.sets.len() - 1
    });
    Statement::Update(Box::new(Update {
        change: choices.of(&[Change::Add, Change::Update, Change::Delete]),
        set: SetId(set as u32),
        key: fields,
        timeout: choices.of(&[None, None, Some(1), Some(4000)]),
        data: None,
        each: if choices.one_in(2) { each(choices, policy) } else { Vec::new() },
        drops_if_full: choices.one_in(3),
        negated: choices.one_in(4),
    }))
}

fn fields(key: &[(Field, [Value; 6])]) -> Vec<Field> {
    key.iter().map(|&(field, _)| field).collect()
}
