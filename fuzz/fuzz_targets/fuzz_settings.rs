//! Any text is refused with a reason, or gives settings that hold what their documentation says.
#![no_main]

use config::settings::{self, Settings};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

fuzz_target!(|text: &str| {
    match settings::parse("settings.toml", text) {
        Ok(settings) => make_sense(&settings),
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            assert!(errors.to_string().starts_with("settings.toml:"));
        }
    }
});

fn make_sense(settings: &Settings) {
    assert!((1..=127).contains(&settings.workers.count));
    assert!((1024..=1 << 30).contains(&settings.workers.flows));
    assert!(settings.eal.memory > 0);
    assert!(!settings.rules.files.is_empty() && settings.rules.files.iter().all(|file| !file.is_empty()));
    assert!(!settings.wires.is_empty());
    let devices: BTreeSet<&str> = settings.eal.devices.iter().map(|device| device.name()).collect();
    assert_eq!(devices.len(), settings.eal.devices.len(), "a device twice");
    let (mut names, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for wire in &settings.wires {
        assert!(names.insert(&wire.name), "a name twice");
        for port in [&wire.outside, &wire.inside] {
            assert!(ports.insert(port), "a port twice");
            assert!(devices.contains(port.as_str()), "a port that is no device");
        }
    }
}
