//! Which machine was it? What a reader needs to know to place a figure.

use serde::Serialize;
use std::fs;

/// The machine and how busy it is.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The CPU's name.
    pub cpu: String,
    /// How many of them.
    pub cpus: usize,
    /// Cycles of the TSC in a second.
    pub tsc_hz: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The version of DPDK.
    pub dpdk: String,
}

impl Machine {
    /// This one.
    pub fn of_this(tsc_hz: u64) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: name.map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':'])).to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            tsc_hz,
            kernel: kernel.trim().to_owned(),
            dpdk: dpdk::version(),
        }
    }
}
