//! Rulesets in `tests/nft`: what is printed for `f.nft` equals `f.ok`, or its complaints equal `f.err`.

use std::fs;
use std::path::{Path, PathBuf};

use config::{Files, Source, load, parse, print};

/// Files beside the golden ones.
struct Beside;

impl Files for Beside {
    fn find(&mut self, pattern: &str, _from: &str) -> Result<Vec<String>, String> {
        let Some((folder, _)) = pattern.split_once("/*") else {
            return Ok(vec![pattern.to_owned()]);
        };
        let listed = fs::read_dir(directory().join(folder)).map_err(|error| error.to_string())?;
        let mut found: Vec<String> = listed
            .flatten()
            .map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()))
            .collect();
        found.sort();
        Ok(found)
    }

    fn read(&mut self, path: &str) -> Result<String, String> {
        fs::read_to_string(directory().join(path)).map_err(|_| "there is no such file".to_owned())
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nft")
}

fn outcome(name: &str, text: &str) -> Result<String, String> {
    let sources = [Source::new(name, text)];
    load(&sources, &mut Beside).map_err(|errors| errors.to_string())?;
    let ruleset = parse(&sources, &mut Beside).map_err(|errors| errors.to_string())?;
    Ok(print(&ruleset))
}

#[test]
fn every_file_says_what_is_expected() {
    let mut seen = 0;
    let listed = fs::read_dir(directory()).expect("the golden files");
    let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "nft"));
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let text = fs::read_to_string(&path).expect("readable");
        let (end, got) = match outcome(name, &text) {
            Ok(printed) => {
                assert_eq!(outcome("printed", &printed), Ok(printed.clone()), "{name} printed");
                ("ok", printed)
            }
            Err(complaints) => ("err", complaints),
        };
        let expected = path.with_extension(end);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&expected, &got).expect("writable");
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(got, wanted, "{name}: differs from {}", expected.display());
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} golden files");
}
