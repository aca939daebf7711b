//! How long does it take until every worker uses one rule more? `sluice bench --changes`, with packets going on; what
//! `rte_acl` does instead is to be built anew.

use crate::rulesets::{self, Kind};
use serde::{Deserialize, Serialize};
use std::fs;
use std::process::Command;

/// Rules added to so many.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Joining {
    /// Rules.
    pub rules: usize,
    /// Of which kind.
    pub kind: Kind,
    /// What it took.
    pub changes: Changes,
}

/// What `sluice bench` says of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Changes {
    /// Rules added.
    pub rules_added: usize,
    /// Microseconds until every worker used one, the median.
    pub until_used_us: f64,
    /// The longest.
    pub until_used_us_worst: f64,
    /// Of the rules, those with which everything was compiled anew.
    pub compiled_anew: usize,
    /// Microseconds those took.
    pub compiled_anew_us: Option<f64>,
}

/// Runs `program bench --changes` with rules of both kinds.
pub fn measure(program: &str, seconds: f64, rules: &[u32]) -> Vec<Joining> {
    let kinds = [Kind::Whitelist, Kind::Acl].into_iter();
    let all = kinds.flat_map(|kind| rules.iter().map(move |&rules| (kind, rules as usize)));
    all.map(|(kind, rules)| one(program, seconds, kind, rules)).collect()
}

fn one(program: &str, seconds: f64, kind: Kind, rules: usize) -> Joining {
    let path = std::env::temp_dir().join(format!("sluice-rivals-{}.nft", std::process::id()));
    fs::write(&path, rulesets::served(&rulesets::rules(kind, rules))).expect("the ruleset is written");
    let arguments = ["bench", "--json", "--changes", "--flows", "100000", "--rules"];
    let mut command = Command::new(program);
    command.args(arguments).arg(&path).args(["--seconds", &seconds.to_string()]);
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    fs::remove_file(&path).expect("the ruleset is ours");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    #[derive(Deserialize)]
    struct Report {
        changes: Changes,
    }
    let Report { changes } = serde_json::from_slice(&output.stdout).expect("figures");
    eprintln!("{} more of {rules}, {kind:?}: {:.0} us", changes.rules_added, changes.until_used_us);
    Joining { rules, kind, changes }
}
