//! `sluice check`: is this ruleset one that Sluice can run as it stands?

use crate::cli::Check;
use crate::counts::counted;
use crate::failure::{Failure, Outcome};
use crate::left_out;
use crate::output::Output;
use crate::rules::{self, Disk};
use config::diagnostic::Lines;
use config::lint::{self, Kind};
use config::{Diagnostics, Loaded, Options, Source, Sources, Span};
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

/// One thing that --lint found, for programs.
#[derive(Debug, Serialize)]
struct Warning<'a> {
    kind: &'static str,
    #[serde(flatten)]
    finding: Finding<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Finding<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<&'a str>,
}

/// The whole result, for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    errors: Vec<Finding<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<Warning<'a>>>,
    rules: usize,
    chains: usize,
    sets: usize,
    left_out: Vec<left_out::Entry>,
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
    let mut linted: Vec<(Sources, Vec<lint::Finding>)> = Vec::new();
    let (mut rules, mut chains, mut sets) = (0, 0, 0);
    let mut left_out = Vec::new();
    let options = command.leave_out.options();
    for sources in &groups {
        match checked(sources, &options, command.print || command.lint) {
            Ok((ruleset, Loaded { policy, notes, left_out: left, sources })) => {
                rules::tell(&notes);
                left_out.extend(left_out::entries(&left, &sources));
                rules += policy.rules.len();
                chains += policy.chains.len();
                sets += policy.sets.iter().filter(|set| set.name.is_some()).count();
                let Some(ruleset) = ruleset else { continue };
                if command.print {
                    output.text(&config::print(&ruleset))?;
                }
                if command.lint {
                    linted.push((ruleset.sources.clone(), lint::lint(&ruleset, &policy, &command.keep)));
                }
            }
            Err(found) => refused.push(found),
        }
    }
    let is_clean = refused.is_empty() && unread.is_empty();
    let found = || linted.iter().flat_map(|(_, found)| found);
    let denied = found().any(|finding| command.deny_lints || finding.kind == Kind::LockOut);
    if command.json {
        let unreadable =
            unread.iter().map(|message| Finding { file: "", line: 0, column: 0, message, help: None });
        let errors = unreadable.chain(refused.iter().flat_map(findings)).collect();
        let warnings = linted.iter().flat_map(|(sources, found)| warnings(sources, found)).collect();
        output.json_line(&Report {
            ok: is_clean && !denied,
            errors,
            warnings: command.lint.then_some(warnings),
            rules,
            chains,
            sets,
            left_out,
        })?;
    } else if !command.print {
        for (sources, found) in &linted {
            output.text(&shown(sources, found).to_string())?;
        }
        if is_clean {
            let files = counted(command.files.len(), "file");
            let (rules, chains) = (counted(rules, "rule"), counted(chains, "chain"));
            let said = match (command.lint, found().count()) {
                (false, _) => String::new(),
                (true, 0) => ", nothing found".to_owned(),
                (true, count) => format!(", {}", counted(count, "finding")),
            };
            output.line(&format_args!("{files} checked: {rules} in {chains}{said}"))?;
        }
    }
    output.finish()?;
    let refused = refused.iter().map(|found| rules::refused(found).to_string());
    let mut complaints: Vec<String> = unread.into_iter().chain(refused).collect();
    if let Some(first) = found().find(|finding| finding.kind == Kind::LockOut) {
        complaints.push(Failure::refused(first.diagnostic.message.clone()).to_string());
    } else if denied {
        complaints.push(Failure::refused("there are findings, and --deny-lints was given").to_string());
    }
    if complaints.is_empty() { Ok(()) } else { Err(Failure::Complaints(complaints.join("\n"))) }
}

/// The findings of one ruleset, as a person reads them.
fn shown(sources: &Sources, found: &[lint::Finding]) -> Diagnostics {
    let list = found.iter().map(|finding| finding.diagnostic.clone()).collect();
    Diagnostics::warnings(sources.clone(), list)
}

fn warnings<'a>(sources: &'a Sources, found: &'a [lint::Finding]) -> impl Iterator<Item = Warning<'a>> {
    let lines: Vec<Lines> = sources.iter().map(|source| Lines::of(&source.text)).collect();
    found.iter().map(move |finding| {
        let what = &finding.diagnostic;
        let related = what.related.iter().map(|(span, message)| place(sources, &lines, *span, message, None));
        Warning {
            kind: finding.kind.name(),
            finding: place(sources, &lines, what.span, &what.message, what.help.as_deref()),
            related: related.collect(),
            packet: finding.packet.as_ref().map(|(packet, _)| packet.to_string()),
            example: what.example.as_deref(),
        }
    })
}

/// The ruleset as it would run and, if `written`, as written; complaints about both together.
fn checked(
    sources: &[Source],
    options: &Options,
    written: bool,
) -> Result<(Option<config::Ruleset>, Loaded), Diagnostics> {
    let loaded = rules::load_sources(sources, options)?;
    let ruleset = written.then(|| config::parse_with(sources, &mut Disk, options)).transpose()?;
    Ok((ruleset, loaded))
}

fn findings(found: &Diagnostics) -> impl Iterator<Item = Finding<'_>> {
    let lines: Vec<Lines> = found.sources().iter().map(|source| Lines::of(&source.text)).collect();
    found.iter().map(move |diagnostic| {
        let (message, help) = (&diagnostic.message, diagnostic.help.as_deref());
        place(found.sources(), &lines, diagnostic.span, message, help)
    })
}

fn place<'a>(
    sources: &'a Sources,
    lines: &[Lines],
    span: Span,
    message: &'a str,
    help: Option<&'a str>,
) -> Finding<'a> {
    let number = usize::from(span.source);
    let (file, (line, column)) = match (sources.get(number), lines.get(number)) {
        (Some(source), Some(lines)) => (source.name.as_str(), lines.position(&source.text, span.start)),
        _ => ("", (0, 0)),
    };
    Finding { file, line, column, message, help }
}
