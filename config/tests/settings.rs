//! What does a settings file mean, and what is said about a wrong one? `settings/*.toml` with an `.err`
//! beside it is refused in exactly those words; the others are accepted. `UPDATE_GOLDEN=1` writes the words anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::settings::{Device, Role, Settings, Timeouts, Workers, parse};
use proptest::prelude::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/settings")
}

fn accepted(name: &str) -> Settings {
    let text = fs::read_to_string(folder().join(name)).expect("readable");
    parse(name, &text).unwrap_or_else(|found| panic!("{found}"))
}

#[test]
fn every_file_is_accepted_or_refused_in_the_expected_words() {
    let mut seen = 0;
    for entry in fs::read_dir(folder()).expect("readable") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let text = fs::read_to_string(&path).expect("readable");
        let said = parse(name, &text).err().map(|found| found.to_string());
        let err = path.with_extension("err");
        if std::env::var_os("UPDATE_GOLDEN").is_some()
            && let Some(said) = &said
        {
            fs::write(&err, said).expect("writable");
        }
        assert_eq!(said, fs::read_to_string(&err).ok(), "{name}");
        seen += 1;
    }
    assert!(seen >= 9, "{seen} files");
}

#[test]
fn every_key_is_read() {
    let settings = accepted("full.toml");
    assert_eq!(settings.eal.memory, 2048);
    assert!(settings.eal.huge_pages);
    assert_eq!(settings.eal.lcores.as_deref(), Some("0@0,(1-2)@(1-2)"));
    let names: Vec<&str> = settings.eal.devices.iter().map(Device::name).collect();
    assert_eq!(names, ["net_af_xdp0", "net_af_xdp1", "0000:03:00.0", "0000:03:00.1"]);
    assert_eq!(settings.eal.devices[3].to_string(), "0000:03:00.1,representor=[0]");
    assert_eq!(settings.eal.file_prefix, "edge");
    assert_eq!(settings.eal.extra, ["--log-level=5"]);
    assert_eq!(settings.workers, Workers { count: 2, flows: 1 << 20 });
    assert_eq!(settings.wires[0].role, Role::Guard { interface: "ens3".to_owned() });
    let transit = Role::Transit { outside: "wan0".to_owned(), inside: "dmz0".to_owned() };
    assert_eq!(settings.wires[1].role, transit);
    assert_eq!(settings.wires[1].inside, "0000:03:00.1");
    assert_eq!(settings.rules.files, ["/etc/nftables.conf", "rules.v6"]);
    assert_eq!(settings.rules.leave_out, ["nat", "mangle"]);
    assert!(settings.conntrack.tcp_loose);
    let timeouts = settings.conntrack.timeouts;
    assert_eq!(timeouts.tcp_established, Duration::from_secs(7200));
    assert_eq!(timeouts.udp, Duration::from_secs(10));
    assert_eq!(timeouts.udp_stream, Duration::from_secs(120));
}

#[test]
fn what_is_not_said_has_a_default() {
    let settings = accepted("least.toml");
    assert_eq!(settings.eal.memory, 512);
    assert!(!settings.eal.huge_pages);
    assert_eq!(settings.eal.lcores, None);
    assert_eq!(settings.eal.file_prefix, "sluice");
    assert_eq!(settings.workers, Workers { count: 1, flows: 65_536 });
    assert_eq!(settings.wires[0].role, Role::Guard { interface: "eth0".to_owned() });
    assert!(!settings.conntrack.tcp_loose);
    assert_eq!(settings.conntrack.timeouts, Timeouts::default());
}

#[test]
fn a_timeout_is_called_after_its_sysctl() {
    for row in Timeouts::ALL {
        let short = row.sysctl.trim_start_matches("nf_conntrack_").replace("_timeout", "");
        assert_eq!(row.key, short.replace('_', "-"));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s)([\\[\\]=\"{}, \n]|eal|wire|name|devices|role|[0-9]|\\PC){0,60}") {
        let _ = parse("any", &text);
    }

    #[test]
    fn no_change_of_a_good_file_panics(at in 0usize..800, put in "(?s).{0,3}") {
        let mut text = fs::read_to_string(folder().join("full.toml")).expect("readable");
        let at = at.min(text.len());
        text.replace_range(at..(at + 1).min(text.len()), &put);
        let _ = parse("any", &text);
    }
}
