//! How does a command fail? With one message for the reader and an exit status.

use std::fmt;

/// Why a command could not do its work: shown on stderr, exit status 1, or 2 for usage that clap cannot see.
#[derive(Debug)]
pub enum Failure {
    /// Something was refused or went wrong, in one sentence.
    Refused(String),
    /// The command was not written as it must be: exit status 2.
    Usage(String),
    /// Complaints about files, each at its place; they stand as they are.
    Complaints(String),
}

/// The result of a command or of a part of it.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// Something was refused or went wrong.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// The exit status that tells of it.
    pub const fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Refused(_) | Self::Complaints(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) | Self::Usage(message) => write!(f, "sluice: {message}"),
            Self::Complaints(text) => f.write_str(text),
        }
    }
}

impl From<dpdk::Error> for Failure {
    fn from(error: dpdk::Error) -> Self {
        Self::refused(error.to_string())
    }
}
