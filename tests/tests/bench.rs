//! Does the bench measure what it says? Every mix meets the fate it was made for, and the figures fit together.
//! How great they are is nobody's business here.

use serde_json::Value;
use tests::sluice;

fn bench(arguments: &[&str]) -> Value {
    let output = sluice::run(["bench", "--seconds", "0.1", "--json"].iter().chain(arguments));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn number(report: &Value, key: &str) -> f64 {
    report[key].as_f64().unwrap_or_else(|| panic!("no number {key}: {report}"))
}

#[test]
fn figures_fit_together() {
    let report = bench(&["--flows", "500", "--rules", "30", "--family", "both", "--workers", "2"]);
    for suffix in ["", "_p10"] {
        let of = |key: &str| number(&report, &format!("{key}{suffix}"));
        let ratio = of("cycles_per_packet") / of("floor_cycles_per_packet");
        assert!((ratio / of("ratio_to_floor") - 1.0).abs() < 0.01, "{report}");
        assert!(of("mpps") > 0.0 && of("cycles_over_floor") > 0.0, "{report}");
    }
    assert!(number(&report, "bytes_per_flow") >= 64.0, "{report}");
    assert_eq!(number(&report, "flows_at_end"), 500.0);
    assert_eq!(number(&report, "rules"), 30.0);
    assert_eq!(number(&report, "new_flows_per_second"), 0.0);
}

#[test]
fn established_mixes_pass_and_open_nothing() {
    for mix in ["bidirectional", "imix"] {
        let report = bench(&["--flows", "300", "--mix", mix]);
        assert_eq!(number(&report, "flows_at_end"), 300.0, "{mix}");
    }
}

#[test]
fn floods_open_flows_and_keep_their_number() {
    for mix in ["new", "syn-flood", "established,syn-flood"] {
        let report = bench(&["--flows", "2000", "--mix", mix, "--sets", "100"]);
        assert!(number(&report, "new_flows_per_second") > 0.0, "{report}");
        assert!(number(&report, "flows_at_end") < 6000.0, "{report}");
    }
}

#[test]
fn what_is_refused_opens_nothing() {
    for mix in ["deny", "invalid"] {
        assert_eq!(number(&bench(&["--flows", "2000", "--mix", mix]), "flows_at_end"), 0.0, "{mix}");
    }
}

#[test]
fn what_is_refused_beside_connections_leaves_them_alone() {
    let report = bench(&["--flows", "300", "--mix", "deny,established"]);
    assert_eq!(number(&report, "flows_at_end"), 300.0, "{report}");
    assert_eq!(number(&report, "of_connections_lost"), 0.0, "{report}");
}

#[test]
fn a_ruleset_that_does_not_serve_the_mix_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, "table inet t { chain c { type filter hook input priority 0; policy drop; } }")
        .expect("written");
    let rules = file.path().display().to_string();
    let output = sluice::run(["bench", "--seconds", "0.05", "--flows", "10", "--rules", &rules]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("of 10 connections 0 could be opened"), "{said}");
}
