//! Where do EAL's log lines go? To the `log` crate, target `dpdk`, and nowhere else.
//!
//! Two things escape, because EAL prints them itself: a fatal alert of a failed start also goes to
//! stderr, and an unknown EAL option makes it print its usage to stdout.

use std::ffi::c_char;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dpdk_sys as sys;

use crate::Error;

/// The log target of every line DPDK writes.
const TARGET: &str = "dpdk";

/// Error lines are kept while EAL starts, to stand in the error it returns.
static KEPT: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// How many lines are kept.
const MOST_KEPT: usize = 8;

/// Directs the log here. To be called before EAL starts.
pub(crate) fn install() -> Result<(), Error> {
    // SAFETY: `on_log` has the expected signature, lives for the whole program and may be called by
    // any thread.
    let status = unsafe { sys::dpdk_sys_log_hook(Some(on_log)) };
    Error::check("rte_openlog_stream", "the log", status).map(drop)
}

/// Starts to keep error lines.
pub(crate) fn keep() {
    *kept() = Some(Vec::new());
}

/// Stops keeping, and hands over what was kept.
pub(crate) fn take_kept() -> Vec<String> {
    kept().take().unwrap_or_default()
}

fn kept() -> MutexGuard<'static, Option<Vec<String>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "C" fn on_log(level: u32, text: *const c_char, length: usize) {
    // SAFETY: the stream passes its buffer, `length` bytes long, for the time of this call.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    let level = severity(level);
    for line in String::from_utf8_lossy(bytes).lines() {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        log::log!(target: TARGET, level, "{line}");
        if level == log::Level::Error
            && let Some(lines) = kept().as_mut()
            && lines.len() < MOST_KEPT
        {
            lines.push(line.to_owned());
        }
    }
}

/// EAL has eight levels, `log` five: what EAL shows by default (notice) is `Info` here.
fn severity(level: u32) -> log::Level {
    match level {
        0..=sys::RTE_LOG_ERR => log::Level::Error,
        sys::RTE_LOG_WARNING => log::Level::Warn,
        sys::RTE_LOG_NOTICE => log::Level::Info,
        sys::RTE_LOG_INFO => log::Level::Debug,
        _ => log::Level::Trace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_keep_their_order() {
        let levels: Vec<log::Level> = (sys::RTE_LOG_EMERG..=sys::RTE_LOG_DEBUG).map(severity).collect();
        assert!(levels.is_sorted());
        assert_eq!(levels[3], log::Level::Error);
        assert_eq!(levels[7], log::Level::Trace);
    }
}
