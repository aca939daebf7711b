//! Who may know whom? The directions between the crates, read from Cargo itself:
//!
//! ```text
//! config <- dataplane <- control -> dpdk -> dpdk-sys          tests -> the pure crates
//! ```

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Each crate of the workspace and which others of it it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("dataplane", &["config"]),
    ("dpdk-sys", &[]),
    ("dpdk", &["dpdk-sys"]),
    ("control", &["config", "dataplane", "dpdk"]),
    ("tests", &["config", "dataplane"]),
];

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    // what only other systems need is not there
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    MetadataCommand::new()
        .manifest_path(manifest)
        .other_options(vec!["--offline".into(), "--filter-platform".into(), platform])
        .exec()
        .expect("cargo metadata")
}

/// The crates of the workspace that each names, in any kind of dependency.
fn named(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let members = metadata.workspace_packages();
    let names: BTreeSet<String> = members.iter().map(|package| package.name.to_string()).collect();
    let dependencies = |package: &cargo_metadata::Package| {
        let own = package.dependencies.iter().map(|dependency| dependency.name.clone());
        own.filter(|name| names.contains(name)).collect()
    };
    members.iter().map(|package| (package.name.to_string(), dependencies(package))).collect()
}

#[test]
fn every_arrow_is_one_of_the_house() {
    let named = named(&metadata());
    let crates: BTreeSet<&str> = named.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(crates, known, "a crate of the workspace has no place in the house");
    for (name, allowed) in ALLOWED {
        for other in &named[*name] {
            assert!(allowed.contains(&other.as_str()), "{name} may not depend on {other}");
        }
    }
}

#[test]
fn the_pure_crates_have_no_path_to_dpdk() {
    let metadata = metadata();
    let graph = metadata.resolve.as_ref().expect("a resolved graph");
    let name = |id| metadata[id].name.to_string();
    for pure in ["config", "dataplane"] {
        let mut found: BTreeSet<String> = BTreeSet::new();
        let start = metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == pure);
        let mut open = vec![&start.expect("the crate").id];
        while let Some(id) = open.pop() {
            let node = graph.nodes.iter().find(|node| node.id == *id).expect("a node");
            let runtime = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
            });
            for dependency in runtime {
                if found.insert(name(&dependency.pkg)) {
                    open.push(&dependency.pkg);
                }
            }
        }
        for forbidden in ["dpdk", "dpdk-sys", "control", "bindgen"] {
            assert!(!found.contains(forbidden), "{pure} reaches {forbidden}");
        }
    }
}

#[test]
fn the_pure_crates_name_no_clock_log_or_system() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        if !["config", "dataplane"].contains(&package.name.as_str()) {
            continue;
        }
        for dependency in package.dependencies.iter().filter(|one| one.kind == DependencyKind::Normal) {
            let forbidden = ["libc", "log", "env_logger", "signal-hook", "clap", "tempfile", "pcap-file"];
            assert!(
                !forbidden.contains(&dependency.name.as_str()),
                "{} names {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let lints = std::fs::read_to_string(&package.manifest_path).expect("readable");
        assert!(
            lints.contains("[lints]\nworkspace = true"),
            "{} does not take the workspace's lints",
            package.name
        );
    }
}
