//! What does the configuration file say, and where are the files it names?

use crate::failure::{Failure, Outcome};
use crate::rules;
use config::settings::Settings;
use std::path::{Path, PathBuf};

/// A configuration and where it was read.
#[derive(Debug)]
pub struct Configuration {
    /// What it says.
    pub settings: Settings,
    directory: PathBuf,
}

/// Reads the configuration file at `path`.
pub fn read(path: &Path) -> Outcome<Configuration> {
    let sources = rules::read(&[path.to_owned()])?;
    let [source] = &sources[..] else { return Err(Failure::refused("one file has no one text")) };
    let settings =
        config::settings::parse(&source.name, &source.text).map_err(|found| rules::refused(&found))?;
    Ok(Configuration { settings, directory: path.parent().unwrap_or(Path::new("")).to_owned() })
}

impl Configuration {
    /// Reads the ruleset anew. A relative path counts from the directory of the configuration.
    pub fn load_rules(&self) -> Outcome<config::Loaded> {
        let paths: Vec<PathBuf> =
            self.settings.rules.files.iter().map(|file| self.directory.join(file)).collect();
        rules::load(&paths)
    }
}
