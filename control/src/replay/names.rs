//! What is a rule called in output? Family, table, chain and position, and its own comment.

use config::Policy;
use config::policy::{ChainId, RuleId};
use dataplane::classify::DecidedBy;

/// The names of a policy's rules and chain policies, made once.
#[derive(Debug)]
pub struct Names {
    rules: Vec<(String, Option<String>)>,
    policies: Vec<String>,
}

impl Names {
    /// The names of everything in `policy`.
    pub fn of(policy: &Policy) -> Self {
        let chain = |id: ChainId| {
            let chain = &policy.chains[id.index()];
            format!("{} {} {}", chain.family, chain.table, chain.name)
        };
        let rules = policy
            .rules
            .iter()
            .map(|rule| (format!("{} {}", chain(rule.chain), rule.position), rule.comment.clone()));
        let policies = (0..policy.chains.len() as u32).map(|id| format!("{} policy", chain(ChainId(id))));
        Self { rules: rules.collect(), policies: policies.collect() }
    }

    /// What decided, and its comment.
    pub fn get(&self, decided_by: DecidedBy) -> (Option<&str>, Option<&str>) {
        match decided_by {
            DecidedBy::Nothing => (None, None),
            DecidedBy::Rule(RuleId(id)) => {
                let (name, comment) = &self.rules[id as usize];
                (Some(name), comment.as_deref())
            }
            DecidedBy::ChainPolicy(ChainId(id)) => (Some(&self.policies[id as usize]), None),
        }
    }
}
