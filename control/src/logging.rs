//! What is said on stderr? Our own lines from `info` on, DPDK's once it runs.
//!
//! While DPDK starts, what it complains of becomes part of the one error message, so its lines are shown only on
//! request (`--verbose`).

use env_logger::{Env, Logger};
use log::{Log, Metadata, Record};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

static DPDK_RUNS: AtomicBool = AtomicBool::new(false);

/// From here on DPDK's own lines are shown.
pub fn dpdk_runs() {
    DPDK_RUNS.store(true, Ordering::Relaxed);
}

/// Starts logging to stderr. `SLUICE_LOG` prevails over `verbose`.
pub fn start(verbose: u8) {
    let filter = match verbose {
        0 => "info,dpdk=warn",
        1 => "debug",
        _ => "trace",
    };
    let logger = env_logger::Builder::from_env(Env::new().filter_or("SLUICE_LOG", filter))
        .format(|out, record| {
            let level = record.level();
            let style = out.default_level_style(level);
            let origin = if record.target() == DPDK { "dpdk: " } else { "" };
            writeln!(out, "{style}{}{style:#}: {origin}{}", level.as_str().to_lowercase(), record.args())
        })
        .build();
    log::set_max_level(logger.filter());
    let gate = Gate { logger, shows_start: verbose > 0 };
    // a second logger in one program is a bug, and no reason to stop
    let _ = log::set_boxed_logger(Box::new(gate));
}

/// Holds DPDK's lines back while it starts.
struct Gate {
    logger: Logger,
    shows_start: bool,
}

impl Log for Gate {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let held_back = metadata.target() == DPDK && !self.shows_start && !DPDK_RUNS.load(Ordering::Relaxed);
        !held_back && self.logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.logger.log(record);
        }
    }

    fn flush(&self) {
        self.logger.flush();
    }
}

/// The target of DPDK's lines.
const DPDK: &str = "dpdk";
