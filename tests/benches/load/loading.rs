//! What does a process do to load a ruleset? What `sluice run` does up to the publication, by the same functions, in a
//! process of its own: it reads the file, parses, checks and lowers it and compiles the program, lets go of the text,
//! and then does all of it again beside the program in force, as a reload does.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use config::{NoFiles, Source};
use dataplane::rules::Rules;
use serde::{Deserialize, Serialize};

/// What one process has measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Loading {
    /// Seconds to the policy: read, parsed, checked, lowered.
    pub policy_seconds: f64,
    /// Seconds from there to the compiled program.
    pub program_seconds: f64,
    /// Seconds on a processor, outside the kernel, for both.
    pub user_seconds: f64,
    /// Bytes resident when loading began.
    pub before: u64,
    /// Bytes resident at most, up to the publication.
    pub peak: u64,
    /// Bytes resident when everything that is not published was gone.
    pub published: u64,
    /// Bytes of the program by its own account.
    pub program: u64,
    /// Bytes resident at most during a reload.
    pub reload_peak: u64,
}

impl Loading {
    /// Loads the files twice, one after the other.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn of(paths: &[PathBuf]) -> Self {
        let before = resident("VmRSS");
        let start = Instant::now();
        let (first, policy_seconds) = load(paths, None);
        let program_seconds = start.elapsed().as_secs_f64() - policy_seconds;
        let user_seconds = user_seconds();
        let peak = resident("VmHWM");
        let published = resident("VmRSS");
        fs::write("/proc/self/clear_refs", "5").expect("the peak can be forgotten");
        let (second, _) = load(paths, Some(&first));
        let reload_peak = resident("VmHWM");
        let program = second.program.memory() as u64;
        Self { policy_seconds, program_seconds, user_seconds, before, peak, published, program, reload_peak }
    }
}

/// The rules of the files, and seconds to their policy.
fn load(paths: &[PathBuf], before: Option<&Rules>) -> (Rules, f64) {
    let start = Instant::now();
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a text");
    let sources = paths.iter().map(|path| Source::new(path.display().to_string(), read(path)));
    let sources: Vec<Source> = sources.collect();
    let loaded = config::load(&sources, &mut NoFiles).unwrap_or_else(|refused| panic!("{refused}"));
    let seconds = start.elapsed().as_secs_f64();
    (Rules::compile_at(&loaded.policy, 1, 0, before).expect("a checked policy compiles"), seconds)
}

/// Of this process so far, to a hundredth.
fn user_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("a stat");
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_whitespace().nth(11).and_then(|ticks| ticks.parse::<f64>().ok());
    ticks.expect("a number of ticks") / 100.0
}

fn resident(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|n| n.parse::<u64>().ok());
    kilobytes.expect("a number of kB") * 1024
}
