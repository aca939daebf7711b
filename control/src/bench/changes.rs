//! How long does it take until every worker uses one rule more? Rules are added while packets go on.

use super::measure::Pair;
use config::policy::{Policy, Rule};
use config::{NoFiles, Source};
use dataplane::generation::Publisher;
use dataplane::rules::Rules;
use serde::Serialize;
use std::time::Instant;

/// The ruleset in force, to which rules are added.
pub struct Changes {
    policy: Policy,
    /// Which chain: the longest.
    chain: usize,
    number: u32,
    joined: Vec<f64>,
    compiled: Vec<f64>,
}

/// What was measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Changed {
    /// Rules added to the longest chain.
    pub rules_added: usize,
    /// Microseconds from the rule to its use by every worker, the median.
    pub until_used_us: f64,
    /// The longest.
    pub until_used_us_worst: f64,
    /// Of the rules, those with which everything was compiled anew.
    pub compiled_anew: usize,
    /// Microseconds that those took, the median.
    pub compiled_anew_us: Option<f64>,
}

impl Changes {
    /// Of this policy, in force.
    pub fn new(policy: Policy) -> Self {
        let length = |chain: usize| policy.chains[chain].rules.len();
        let chain = (0..policy.chains.len()).max_by_key(|&chain| length(chain)).unwrap_or(0);
        Self { policy, chain, number: 0, joined: Vec::new(), compiled: Vec::new() }
    }

    /// Adds a rule somewhere in the chain, and waits until every worker uses it.
    pub fn add(&mut self, publisher: &mut Publisher<Rules>) {
        let Some(rule) = self.next_rule() else { return };
        let range = self.policy.chains[self.chain].rules.clone();
        let at = self.number.wrapping_mul(0x9e37_79b1) as usize % (range.len() + 1);
        let begin = Instant::now();
        let next = publisher.current().with_rule(&self.policy, &rule, at);
        let joined = next.is_some();
        self.put(rule, at);
        let Some(next) = next.or_else(|| publisher.current().compile_again(&self.policy)) else { return };
        publisher.publish(next);
        while publisher.reclaim() > 0 {
            std::hint::spin_loop();
        }
        let took = begin.elapsed().as_secs_f64() * 1e6;
        if joined { self.joined.push(took) } else { self.compiled.push(took) }
    }

    /// What was measured, if anything was.
    pub fn measured(&self) -> Option<Changed> {
        let worst = self.joined.iter().copied().reduce(f64::max)?;
        Some(Changed {
            rules_added: self.joined.len() + self.compiled.len(),
            until_used_us: Pair::of(&self.joined).p50,
            until_used_us_worst: worst,
            compiled_anew: self.compiled.len(),
            compiled_anew_us: (!self.compiled.is_empty()).then(|| Pair::of(&self.compiled).p50),
        })
    }

    /// A rule of the kind that blocks one client, which none of the bench is.
    fn next_rule(&mut self) -> Option<Rule> {
        self.number += 1;
        let [_, a, b, c] = self.number.to_be_bytes();
        let (port, hook) = (1 + self.number % 60_000, "type filter hook input priority 0;");
        let condition = format!("ip saddr 100.{a}.{b}.{c} tcp dport {port} drop");
        let text = format!("table inet one {{ chain one {{ {hook} {condition}; }} }}");
        let one = config::load(&[Source::new("a rule", text)], &mut NoFiles).ok()?;
        let rule = one.policy.rules.into_iter().next()?;
        Some(Rule { chain: config::policy::ChainId(self.chain as u32), ..rule })
    }

    /// Puts the rule into the policy, in order.
    fn put(&mut self, rule: Rule, at: usize) {
        let place = self.policy.chains[self.chain].rules.start + at as u32;
        self.policy.rules.insert(place as usize, rule);
        self.policy.chains[self.chain].rules.end += 1;
        for (number, chain) in self.policy.chains.iter_mut().enumerate() {
            if number != self.chain && chain.rules.start >= place {
                chain.rules = chain.rules.start + 1..chain.rules.end + 1;
            }
        }
    }
}
