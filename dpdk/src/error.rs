//! What can go wrong, and where?

use std::ffi::{CStr, c_int};
use std::fmt;

use dpdk_sys as sys;

/// A failure of DPDK, or a use of it that was refused before DPDK saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A DPDK function failed.
    Call {
        /// The C function.
        function: &'static str,
        /// What it was called for: the name of a port, a pool, an lcore.
        subject: Option<String>,
        /// The error number, positive.
        errno: i32,
        /// DPDK's text for the number.
        text: String,
        /// What DPDK logged as errors meanwhile (filled by [`Eal::init`](crate::Eal::init) only).
        log: Vec<String>,
    },
    /// EAL was started before in this process; it starts once, even after it was cleaned up.
    AlreadyInitialised,
    /// Virtual devices that were asked for do not exist after start-up.
    MissingDevices {
        /// The names of the missing devices, as given.
        names: Vec<String>,
        /// What DPDK logged as errors meanwhile.
        log: Vec<String>,
    },
    /// An argument holds something that cannot be passed on to DPDK.
    InvalidArgument {
        /// The argument, as given.
        argument: String,
        /// Why it was refused.
        reason: &'static str,
    },
    /// There is no port of this name or number.
    NoSuchPort {
        /// The name or number, as given.
        port: String,
    },
    /// The port is open already.
    PortInUse {
        /// The port's name.
        port: String,
    },
    /// The operation needs a stopped port, or all of its queues dropped.
    QueuesInUse {
        /// The port's name.
        port: String,
    },
    /// The port has to be configured first.
    NotConfigured {
        /// The port's name.
        port: String,
    },
    /// More queues were asked for than the device has, or none.
    QueueCount {
        /// The port's name.
        port: String,
        /// `receive` or `transmit`.
        direction: &'static str,
        /// How many were asked for.
        asked: u16,
        /// How many the device has.
        most: u16,
    },
    /// Work is started on lcores from the main lcore only: the thread that initialised EAL.
    NotMainLcore,
}

impl Error {
    /// The error of a call that returned a negative error number.
    pub(crate) fn returned(function: &'static str, subject: &str, status: c_int) -> Error {
        let errno = status.checked_abs().unwrap_or(c_int::MAX);
        Error::Call {
            function,
            subject: (!subject.is_empty()).then(|| subject.to_owned()),
            errno,
            text: error_text(errno),
            log: Vec::new(),
        }
    }

    /// The error of a call that left its number in `rte_errno`.
    pub(crate) fn last(function: &'static str, subject: &str) -> Error {
        // SAFETY: reads a thread-local number, which exists without EAL.
        let errno = unsafe { sys::dpdk_sys_errno() };
        Error::returned(function, subject, errno)
    }

    /// Turns the status of a call into a result.
    pub(crate) fn check(function: &'static str, subject: &str, status: c_int) -> Result<c_int, Error> {
        if status < 0 { Err(Error::returned(function, subject, status)) } else { Ok(status) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Call { function, subject, errno, text, log } => {
                write!(f, "{function}")?;
                if let Some(subject) = subject {
                    write!(f, " for {subject}")?;
                }
                write!(f, ": {text} (error {errno})")?;
                write_log(f, log)
            }
            Error::AlreadyInitialised => f.write_str("EAL was started before; it starts once in a process"),
            Error::MissingDevices { names, log } => {
                write!(f, "virtual device not created: {}", names.join(", "))?;
                write_log(f, log)
            }
            Error::InvalidArgument { argument, reason } => write!(f, "`{argument}`: {reason}"),
            Error::NoSuchPort { port } => write!(f, "no port `{port}`"),
            Error::PortInUse { port } => write!(f, "port {port} is open already"),
            Error::QueuesInUse { port } => {
                write!(f, "port {port} is running: its queues are still in use")
            }
            Error::NotConfigured { port } => write!(f, "port {port} is not configured"),
            Error::QueueCount { port, direction, asked, most } => {
                write!(f, "port {port} has 1 to {most} {direction} queues, not {asked}")
            }
            Error::NotMainLcore => f.write_str("only the thread that initialised EAL starts work on lcores"),
        }
    }
}

impl std::error::Error for Error {}

fn write_log(f: &mut fmt::Formatter<'_>, log: &[String]) -> fmt::Result {
    for (index, line) in log.iter().enumerate() {
        f.write_str(if index == 0 { ": " } else { "; " })?;
        f.write_str(line)?;
    }
    Ok(())
}

fn error_text(errno: c_int) -> String {
    // SAFETY: rte_strerror() takes any number and returns a terminated string that stays valid
    // until this thread calls it again; it is copied at once.
    unsafe { CStr::from_ptr(sys::rte_strerror(errno)) }.to_string_lossy().into_owned()
}
