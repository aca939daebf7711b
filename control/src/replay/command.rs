//! `sluice replay`

use super::names::Names;
use super::plan::{Plan, Sources};
use super::record::{Record, Verdict};
use super::summary::Summary;
use crate::capture::Writer;
use crate::cli::Replay;
use crate::failure::{Failure, Outcome};
use crate::left_out::Without;
use crate::output::Output;
use crate::rules;
use dataplane::io::Side;
use dataplane::reason::Reason;
use serde::Serialize;

/// One line of a verdict file.
#[derive(Debug, Serialize)]
struct Line<'a> {
    n: u64,
    dir: &'static str,
    verdict: Verdict,
    ct: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

/// Runs the command.
pub fn replay(command: &Replay) -> Outcome<()> {
    let loaded = rules::load(&command.rules, &command.leave_out.options())?;
    let sources = Sources::of(&command.input);
    let hasher = super::hasher();
    let plan = Plan::make(&sources, &[&loaded.policy], command.input.workers.into(), &hasher)?;
    warn(&plan);
    let replayed = super::run(&plan, &[&loaded.policy], &command.input, &hasher)?;
    let [replayed] = &replayed[..] else { return Err(Failure::refused("one ruleset gave no one result")) };
    if let Some(path) = &command.verdicts {
        let mut output = Output::open(path)?;
        write_verdicts(&mut output, &plan, &replayed.records, &Names::of(&loaded.policy))?;
        output.finish()?;
    }
    write_captures(command, &sources, &replayed.records)?;
    let summary = Summary::of(replayed);
    let mut output = if command.verdicts.as_deref().is_some_and(|path| path.as_os_str() == "-") {
        Output::stderr()
    } else {
        Output::stdout()
    };
    if command.json {
        output.json_line(&Without::new(&summary, [&loaded]))?;
    } else {
        output.line(&summary)?;
    }
    output.finish()?;
    if let Some(dropped) = beside_checksums(replayed, &command.input) {
        log::warn!("{dropped}");
    }
    plan.damaged.map_or(Ok(()), Err)
}

/// Says what the capture itself got wrong.
pub fn warn(plan: &Plan) {
    if plan.cut > 0 {
        log::warn!(
            "{} of {} frames were cut short when captured (snap length); they are judged as they are",
            plan.cut,
            plan.len()
        );
    }
}

/// A hint for captures made on a host that leaves checksums to its network card.
fn beside_checksums(replayed: &super::Replayed, input: &crate::cli::Input) -> Option<String> {
    let wrong = [Reason::TcpChecksum, Reason::UdpChecksum, Reason::IcmpChecksum, Reason::Icmpv6Checksum];
    let count = replayed.records.iter().filter(|record| wrong.contains(&record.reason)).count();
    (!input.no_checksum && count * 10 > replayed.records.len()).then(|| {
        format!(
            "{count} packets have a wrong checksum; if the capturing host leaves checksums to its network card, \
             try --no-checksum"
        )
    })
}

fn write_verdicts(output: &mut Output, plan: &Plan, records: &[Record], names: &Names) -> Outcome<()> {
    let mut sides = plan.sides();
    for (n, record) in (1..).zip(records) {
        let (rule, comment) = names.get(record.decided_by);
        let dir = match sides.next() {
            Some(Side::Inside) => "out",
            _ => "in",
        };
        let (ct, reason) = (record.ct.label(), record.reason.label());
        output.json_line(&Line { n, dir, verdict: record.verdict, ct, reason, rule, comment })?;
    }
    Ok(())
}

/// Writes the captures of what passed and of what did not, with the frames and times of the input.
fn write_captures(command: &Replay, sources: &Sources<'_>, records: &[Record]) -> Outcome<()> {
    if command.pass.is_none() && command.drop.is_none() {
        return Ok(());
    }
    let mut pass = command.pass.as_deref().map(Writer::create).transpose()?;
    let mut drop = command.drop.as_deref().map(Writer::create).transpose()?;
    let mut records = records.iter();
    sources.each(|_, frame| {
        let Some(record) = records.next() else { return Ok(()) };
        let file = if record.verdict == Verdict::Accept { &mut pass } else { &mut drop };
        file.as_mut().map_or(Ok(()), |file| file.write(frame))
    })?;
    for file in [pass, drop].into_iter().flatten() {
        file.finish()?;
    }
    Ok(())
}
