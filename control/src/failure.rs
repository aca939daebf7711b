//! How does a command fail? With one message for the reader and an exit status.

use std::fmt;

/// Why a command could not do its work. Printed as `sluice: MESSAGE` on stderr.
#[derive(Debug)]
pub struct Failure {
    message: String,
    status: u8,
}

/// The result of a command or of a part of it.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// Something was refused or went wrong: exit status 1.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), status: 1 }
    }

    /// The exit status that tells of it.
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
