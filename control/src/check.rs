//! `sluice check`: is this ruleset one that Sluice can run as it stands?

use crate::cli::Check;
use crate::counts::counted;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::rules::{self, Disk};
use config::diagnostic::Lines;
use config::{Diagnostics, Source};
use serde::Serialize;

/// One complaint, for programs.
#[derive(Debug, Serialize)]
struct Finding<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

/// The whole result, for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    errors: Vec<Finding<'a>>,
    rules: usize,
    chains: usize,
    sets: usize,
}

/// Runs the command.
pub fn check(command: &Check) -> Outcome<()> {
    let mut unread = Vec::new();
    let mut groups: Vec<Vec<Source>> = Vec::new();
    if command.together {
        groups.push(rules::read(&command.files)?);
    } else {
        for file in &command.files {
            match rules::read(std::slice::from_ref(file)) {
                Ok(sources) => groups.push(sources),
                Err(failure) => unread.push(failure.to_string()),
            }
        }
    }
    let mut output = Output::stdout();
    let mut refused: Vec<Diagnostics> = Vec::new();
    let (mut rules, mut chains, mut sets) = (0, 0, 0);
    for sources in &groups {
        match checked(sources) {
            Ok((ruleset, policy)) => {
                rules += policy.rules.len();
                chains += policy.chains.len();
                sets += policy.sets.iter().filter(|set| set.name.is_some()).count();
                if command.print {
                    output.text(&config::print(&ruleset))?;
                }
            }
            Err(found) => refused.push(found),
        }
    }
    if command.json {
        let unreadable =
            unread.iter().map(|message| Finding { file: "", line: 0, column: 0, message, help: None });
        let errors = unreadable.chain(refused.iter().flat_map(findings)).collect();
        output.json_line(&Report {
            ok: refused.is_empty() && unread.is_empty(),
            errors,
            rules,
            chains,
            sets,
        })?;
    } else if !command.print && refused.is_empty() && unread.is_empty() {
        let files = counted(command.files.len(), "file");
        let (rules, chains) = (counted(rules, "rule"), counted(chains, "chain"));
        output.line(&format_args!("{files} checked: {rules} in {chains}"))?;
    }
    output.finish()?;
    if refused.is_empty() && unread.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> =
        unread.into_iter().chain(refused.iter().map(|found| rules::refused(found).to_string())).collect();
    Err(Failure::Complaints(shown.join("\n")))
}

/// The ruleset as written and as it would run; complaints about both together.
fn checked(sources: &[Source]) -> Result<(config::Ruleset, config::Policy), Diagnostics> {
    let policy = rules::load_sources(sources)?.policy;
    let ruleset = config::parse(sources, &mut Disk)?;
    Ok((ruleset, policy))
}

fn findings(found: &Diagnostics) -> impl Iterator<Item = Finding<'_>> {
    let lines: Vec<Lines> = found.sources().iter().map(|source| Lines::of(&source.text)).collect();
    found.iter().map(move |diagnostic| {
        let number = usize::from(diagnostic.span.source);
        let (file, (line, column)) = match (found.sources().get(number), lines.get(number)) {
            (Some(source), Some(lines)) => {
                (source.name.as_str(), lines.position(&source.text, diagnostic.span.start))
            }
            _ => ("", (0, 0)),
        };
        Finding { file, line, column, message: &diagnostic.message, help: diagnostic.help.as_deref() }
    })
}
