//! Where does data go? To stdout or a file, buffered; a reader that went away is no error.

use crate::failure::{Failure, Outcome};
use serde::Serialize;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

/// Whether what is written to `stream` may have colours: it is a terminal, and NO_COLOR says nothing else.
pub fn colours(stream: &impl IsTerminal) -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && stream.is_terminal()
}

/// A stream of lines.
pub struct Output {
    name: String,
    writer: BufWriter<Box<dyn Write>>,
}

impl Output {
    /// The file at `path`, emptied; `-` is stdout.
    pub fn open(path: &Path) -> Outcome<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::stdout());
        }
        let name = path.display().to_string();
        let file =
            File::create(path).map_err(|error| Failure::refused(format!("cannot write {name}: {error}")))?;
        Ok(Self::over(name, Box::new(file)))
    }

    /// Standard output.
    pub fn stdout() -> Self {
        Self::over("stdout".to_owned(), Box::new(io::stdout()))
    }

    /// Standard error.
    pub fn stderr() -> Self {
        Self::over("stderr".to_owned(), Box::new(io::stderr()))
    }

    fn over(name: String, writer: Box<dyn Write>) -> Self {
        Self { name, writer: BufWriter::with_capacity(1 << 16, writer) }
    }

    /// Writes a line.
    pub fn line(&mut self, line: &impl Display) -> Outcome<()> {
        let written = writeln!(self.writer, "{line}");
        self.checked(written)
    }

    /// Writes text as it is.
    pub fn text(&mut self, text: &str) -> Outcome<()> {
        let written = self.writer.write_all(text.as_bytes());
        self.checked(written)
    }

    /// Writes one line of JSON.
    pub fn json_line(&mut self, value: &impl Serialize) -> Outcome<()> {
        let written = serde_json::to_writer(&mut self.writer, value).map_err(io::Error::from);
        let written = written.and_then(|()| self.writer.write_all(b"\n"));
        self.checked(written)
    }

    /// Writes what is held back.
    pub fn finish(mut self) -> Outcome<()> {
        let flushed = self.writer.flush();
        self.checked(flushed)
    }

    /// A closed pipe ends the program in silence, as it ends others in a pipeline.
    fn checked(&self, result: io::Result<()>) -> Outcome<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => Err(Failure::refused(format!("cannot write {}: {error}", self.name))),
        }
    }
}
