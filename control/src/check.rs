//! `sluice check`: is this ruleset one that Sluice can run as it stands, and does it say what is meant?

mod report;

use crate::cli::Check;
use crate::counts::counted;
use crate::failure::{Failure, Outcome};
use crate::left_out;
use crate::output::{self, Output};
use crate::rules::{self, Disk, Unread};
use config::lint::{self, Kind, Linted};
use config::{Diagnostics, Loaded, Source, Sources};
use report::Report;

/// What came of all files.
#[derive(Default)]
struct Checked {
    unread: Vec<Unread>,
    refused: Vec<Diagnostics>,
    notes: Vec<Diagnostics>,
    linted: Vec<(Sources, Linted)>,
    left_out: Vec<left_out::Entry>,
    rules: usize,
    chains: usize,
    sets: usize,
}

/// Runs the command.
pub fn check(command: &Check) -> Outcome<()> {
    let mut output = Output::stdout();
    let mut checked = Checked::default();
    for sources in checked.read(command) {
        match rules::load_sources(&sources, &command.leave_out.options()) {
            Ok(loaded) => checked.accept(command, &sources, loaded, &mut output)?,
            Err(found) => checked.refused.push(found),
        }
    }
    let denied = checked.denied(command);
    if command.json {
        output.json_line(&Report::of(&checked, command.lint, denied.is_none()))?;
    } else {
        checked.tell(command, &mut output)?;
    }
    output.finish()?;
    let unread = checked.unread.iter().map(ToString::to_string);
    let refused = checked.refused.iter().map(|found| rules::refused(found).to_string());
    let complaints: Vec<String> =
        unread.chain(refused).chain(denied.map(|denied| denied.to_string())).collect();
    if complaints.is_empty() { Ok(()) } else { Err(Failure::Complaints(complaints.join("\n"))) }
}

impl Checked {
    /// The texts of each ruleset; what cannot be read is kept back.
    fn read(&mut self, command: &Check) -> Vec<Vec<Source>> {
        let mut sources = Vec::new();
        for file in &command.files {
            match rules::read_one(file) {
                Ok(source) => sources.push(source),
                Err(unread) => self.unread.push(unread),
            }
        }
        if !command.together {
            return sources.into_iter().map(|source| vec![source]).collect();
        }
        // Half of a ruleset would bring complaints about what the other half declares.
        if self.unread.is_empty() { vec![sources] } else { Vec::new() }
    }

    fn accept(
        &mut self,
        command: &Check,
        sources: &[Source],
        loaded: Loaded,
        output: &mut Output,
    ) -> Outcome<()> {
        let policy = &loaded.policy;
        self.rules += policy.rules.len();
        self.chains += policy.chains.len();
        self.sets += policy.sets.iter().filter(|set| set.name.is_some()).count();
        if command.print || command.lint {
            let ruleset = match config::parse_with(sources, &mut Disk, &command.leave_out.options()) {
                Ok(ruleset) => ruleset,
                Err(found) => {
                    self.refused.push(found);
                    return Ok(());
                }
            };
            if command.print {
                match config::plain(&ruleset) {
                    Ok((said, notes)) => {
                        self.notes.push(Diagnostics::notes(ruleset.sources.clone(), notes));
                        output.text(&config::print(&said))?;
                    }
                    Err(errors) => {
                        self.refused.push(Diagnostics::new(ruleset.sources.clone(), errors));
                    }
                }
            }
            if command.lint {
                let linted = lint::lint(&ruleset, policy, &command.keep);
                self.linted.push((loaded.sources.clone(), linted));
            }
        }
        self.left_out.extend(left_out::entries(&loaded.left_out, &loaded.sources));
        self.notes.push(loaded.notes);
        Ok(())
    }

    fn findings(&self) -> impl Iterator<Item = &lint::Finding> {
        self.linted.iter().flat_map(|(_, linted)| &linted.findings)
    }

    /// The complaint about what was found, if it is more than a warning.
    fn denied(&self, command: &Check) -> Option<Failure> {
        if let Some(closed) = self.findings().find(|finding| finding.kind == Kind::LockOut) {
            return Some(Failure::refused(closed.diagnostic.message.clone()));
        }
        let denied = command.deny_lints && self.findings().next().is_some();
        denied.then(|| Failure::refused("there are findings, and --deny-lints was given"))
    }

    /// For people: notes go to stderr, so that what is printed is a ruleset and nothing else.
    fn tell(&self, command: &Check, output: &mut Output) -> Outcome<()> {
        let mut talk = Output::stderr();
        let colours = output::colours(&std::io::stderr());
        for notes in &self.notes {
            talk.text(&notes.clone().in_colours(colours).to_string())?;
        }
        talk.finish()?;
        if command.print {
            return Ok(());
        }
        let colours = output::colours(&std::io::stdout());
        for (sources, linted) in &self.linted {
            let found = linted.findings.iter().map(|finding| finding.diagnostic.clone()).collect();
            let found = Diagnostics::warnings(sources.clone(), found).in_colours(colours);
            let unproven = Diagnostics::notes(sources.clone(), linted.unproven.clone()).in_colours(colours);
            output.text(&format!("{found}{unproven}"))?;
        }
        if !self.refused.is_empty() || !self.unread.is_empty() {
            return Ok(());
        }
        let files = counted(command.files.len(), "file");
        let (rules, chains) = (counted(self.rules, "rule"), counted(self.chains, "chain"));
        let said = match (command.lint, self.findings().count()) {
            (false, _) => String::new(),
            (true, 0) => ", nothing found".to_owned(),
            (true, count) => format!(", {}", counted(count, "finding")),
        };
        output.line(&format_args!("{files} checked: {rules} in {chains}{said}"))
    }
}
