//! What does the configuration file say, and where are the files it names?

use crate::failure::{Failure, Outcome};
use crate::left_out::LeaveOut;
use crate::rules;
use config::Options;
use config::settings::Settings;
use std::path::{Path, PathBuf};

/// A configuration and where it was read.
#[derive(Debug)]
pub struct Configuration {
    /// What it says.
    pub settings: Settings,
    directory: PathBuf,
    /// What the file and the command line say is to be left out.
    options: Options,
}

/// Reads the configuration file at `path`; `leave_out` is left out besides what it names.
pub fn read(path: &Path, leave_out: &LeaveOut) -> Outcome<Configuration> {
    let sources = rules::read(&[path.to_owned()])?;
    let [source] = &sources[..] else { return Err(Failure::refused("one file has no one text")) };
    let settings =
        config::settings::parse(&source.name, &source.text).map_err(|found| rules::refused(&found))?;
    let mut options = leave_out.options();
    options.leave_out.extend(settings.rules.leave_out.iter().cloned());
    Ok(Configuration { settings, directory: path.parent().unwrap_or(Path::new("")).to_owned(), options })
}

impl Configuration {
    /// Reads the ruleset anew. A relative path counts from the directory of the configuration.
    pub fn load_rules(&self) -> Outcome<config::Loaded> {
        let paths: Vec<PathBuf> =
            self.settings.rules.files.iter().map(|file| self.directory.join(file)).collect();
        rules::load(&paths, &self.options)
    }
}
