//! EAL's log goes to the `log` crate, and to neither stderr nor stdout.

use std::process::Command;
use std::sync::Mutex;

use dpdk::{Eal, EalConfig};

/// Set in the process that the test starts to look at its output.
const CHILD: &str = "DPDK_TEST_LOG_CHILD";

#[test]
fn log_lines_go_to_the_log_crate_only() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log_lines_go_to_the_log_crate_only", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(stderr, "");
    assert!(!stdout.contains("EAL"), "{stdout}");
}

fn child() {
    log::set_logger(&RECORDER).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let eal = Eal::init(&EalConfig::new().log_level("lib.eal:debug")).unwrap();
    drop(eal);
    let lines = RECORDER.0.lock().unwrap();
    assert!(lines.iter().all(|line| line.target == "dpdk" && !line.text.contains('\n')));
    let find = |text: &str| lines.iter().find(|line| line.text.contains(text));
    assert_eq!(find("Detected lcore").unwrap().level, log::Level::Trace);
    assert_eq!(find("Detected NUMA nodes").unwrap().level, log::Level::Debug);
}

struct Line {
    level: log::Level,
    target: String,
    text: String,
}

struct Recorder(Mutex<Vec<Line>>);

static RECORDER: Recorder = Recorder(Mutex::new(Vec::new()));

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(Line {
            level: record.level(),
            target: record.target().to_owned(),
            text: record.args().to_string(),
        });
    }

    fn flush(&self) {}
}
