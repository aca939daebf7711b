//! How does a ruleset reach the files it includes? Through whoever loads it.

/// Opens files on behalf of the parser, which opens none.
pub trait Files {
    /// The paths that `pattern`, as written in the file called `from`, stands for: itself unless it is a
    /// pattern. A pattern may match nothing.
    ///
    /// # Errors
    /// Why it cannot be said.
    fn find(&mut self, pattern: &str, from: &str) -> Result<Vec<String>, String>;

    /// The text of the file at `path`.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&mut self, path: &str) -> Result<String, String>;
}

/// There are no files: whatever is included cannot be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn find(&mut self, pattern: &str, _from: &str) -> Result<Vec<String>, String> {
        Ok(vec![pattern.to_owned()])
    }

    fn read(&mut self, _path: &str) -> Result<String, String> {
        Err("no file can be included here".to_owned())
    }
}
