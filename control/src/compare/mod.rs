//! `sluice compare`: what does one ruleset let through that another stops?

mod class;
mod report;

use crate::cli::Compare;
use crate::failure::{Failure, Outcome};
use crate::left_out::Without;
use crate::output::Output;
use crate::replay::{self, Names, Plan, Sources};
use crate::rules;
use dataplane::packet;
use report::{Report, Seen};
use std::path::PathBuf;

/// Runs the command.
pub fn compare(command: &Compare) -> Outcome<()> {
    let options = command.leave_out.options();
    let loaded = [rules::load(&command.rules, &options)?, rules::load(&command.against, &options)?];
    let sources = Sources::of(&command.input);
    let hasher = replay::hasher();
    let policies = [&loaded[0].policy, &loaded[1].policy];
    let plan = Plan::make(&sources, &policies, command.input.workers.into(), &hasher)?;
    replay::warn(&plan);
    let replayed = replay::run(&plan, &policies, &command.input, &hasher)?;
    let [first, second] = &replayed[..] else {
        return Err(Failure::refused("two rulesets gave no two results"));
    };
    let names = [Names::of(policies[0]), Names::of(policies[1])];
    let mut report = Report::new([title(&command.rules), title(&command.against)]);
    let mut records = first.records.iter().zip(&second.records);
    let mut number = 0;
    sources.each(|side, frame| {
        if let Some((first, second)) = records.next() {
            number += 1;
            let packet = packet::parse(frame.bytes);
            report.add(&Seen { number, side, packet: &packet, records: [first, second] }, &names);
        }
        Ok(())
    })?;
    let mut output = Output::stdout();
    if command.json {
        output.json_line(&Without::new(&report, &loaded))?;
    } else {
        output.line(&report)?;
    }
    output.finish()?;
    plan.damaged.map_or(Ok(()), Err)
}

/// What a ruleset is called: the names of its files, without their directories.
fn title(files: &[PathBuf]) -> String {
    let names =
        files.iter().map(|file| file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned());
    names.collect::<Vec<_>>().join(" + ")
}
