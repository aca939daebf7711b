//! Which files make up a ruleset? Opens them, and what they include, for the parser that opens none.

use crate::counts::counted;
use crate::failure::{Failure, Outcome};
use crate::output;
use config::{Diagnostics, Files, Options, Source};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// A ruleset of more bytes than this is refused: nothing an administrator writes comes near it.
const SIZE_LIMIT: u64 = 1 << 30;

/// Why a file cannot be a ruleset.
#[derive(Debug)]
pub struct Unread {
    pub file: String,
    pub why: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sluice: {}: {}", self.file, self.why)
    }
}

/// The text of a file.
pub fn read_one(path: &Path) -> Result<Source, Unread> {
    let file = path.display().to_string();
    match text_of(path) {
        Ok(text) => Ok(Source::new(file, text)),
        Err(why) => Err(Unread { file, why }),
    }
}

/// The texts of `paths`. Every path that cannot be read is named, not only the first.
pub fn read(paths: &[PathBuf]) -> Outcome<Vec<Source>> {
    let (mut sources, mut complaints) = (Vec::new(), Vec::new());
    for path in paths {
        match read_one(path) {
            Ok(source) => sources.push(source),
            Err(unread) => complaints.push(unread.to_string()),
        }
    }
    if complaints.is_empty() { Ok(sources) } else { Err(Failure::Complaints(complaints.join("\n"))) }
}

/// Reads, parses and lowers the ruleset that `paths` make up.
pub fn load(paths: &[PathBuf], options: &Options) -> Outcome<config::Loaded> {
    let loaded = load_sources(&read(paths)?, options).map_err(|found| refused(&found))?;
    tell(&loaded.notes);
    if loaded.policy.chains.iter().all(|chain| chain.base.is_none()) {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        log::warn!("{}: no chain is attached to a hook: every packet passes", names.join(", "));
    }
    Ok(loaded)
}

/// Says on stderr what the administrator should know although nothing is wrong.
pub fn tell(notes: &Diagnostics) {
    if !notes.is_empty() {
        log::info!("{}", notes.to_string().trim_end());
    }
}

/// Parses and lowers the ruleset that `sources` make up, and asks whether the data path can run it.
pub fn load_sources(sources: &[Source], options: &Options) -> Result<config::Loaded, Diagnostics> {
    config::load_for(sources, &mut Disk, options, &dataplane::classify::objections)
}

/// Every complaint at its place, and how many there are.
pub fn refused(found: &Diagnostics) -> Failure {
    let count = counted(found.len(), "error");
    let found = found.clone().in_colours(output::colours(&io::stderr()));
    Failure::Complaints(format!("{found}{count}"))
}

/// The files of this machine. A relative path counts from the directory of the file that names it, then from
/// `/etc`, as nft's does.
pub struct Disk;

impl Files for Disk {
    fn find(&mut self, pattern: &str, from: &str) -> Result<Vec<String>, String> {
        let path = Path::new(pattern);
        let beside = Path::new(from).parent().unwrap_or(Path::new("")).join(path);
        let beside: PathBuf = beside.components().filter(|part| *part != Component::CurDir).collect();
        let candidates = if path.is_absolute() {
            vec![path.to_owned()]
        } else {
            vec![beside, Path::new("/etc").join(path)]
        };
        if !pattern.contains(['*', '?', '[']) {
            let found = candidates.iter().find(|path| path.exists()).unwrap_or(&candidates[0]);
            return Ok(vec![found.display().to_string()]);
        }
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            require_literal_separator: true,
            case_sensitive: true,
        };
        for candidate in candidates {
            let pattern = candidate.display().to_string();
            let paths = glob::glob_with(&pattern, options).map_err(|error| error.to_string())?;
            let found: Result<Vec<_>, _> =
                paths.map(|path| path.map(|path| path.display().to_string())).collect();
            let found = found.map_err(|error| error.to_string())?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    fn read(&mut self, path: &str) -> Result<String, String> {
        text_of(Path::new(path))
    }
}

/// The text of a file, or why it has none.
fn text_of(path: &Path) -> Result<String, String> {
    let words = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes).map_err(words)?;
        bytes
    } else {
        let metadata = fs::metadata(path).map_err(words)?;
        if metadata.is_dir() {
            return Err("is a directory, not a file of rules".to_owned());
        }
        if metadata.len() > SIZE_LIMIT {
            return Err(format!("has {} bytes; at most {SIZE_LIMIT} are read", metadata.len()));
        }
        fs::read(path).map_err(words)?
    };
    match bytes[..] {
        [0xef, 0xbb, 0xbf, ..] => {
            return Err("begins with a byte order mark: save it as UTF-8 without one".into());
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err("is UTF-16: save it as UTF-8".into()),
        _ => {}
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
        format!("is not text: byte {at} (line {line}) is not UTF-8")
    })?;
    match text.find('\0') {
        Some(at) => Err(format!("is not text: byte {at} is NUL")),
        None => Ok(text),
    }
}
