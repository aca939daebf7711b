//! `sluice explain`

use super::course::{Course, Explained};
use super::datagram::Numbered;
use super::report::report;
use super::syntax::{self, Written};
use super::text::Text;
use crate::cli::Explain;
use crate::failure::{Failure, Outcome};
use crate::left_out::Without;
use crate::output::{self, Output};
use crate::replay::{Names, Sources};
use crate::rules;
use config::Policy;
use config::policy::interface_value;
use dataplane::io::Side;
use dataplane::packet::Checksums;
use dataplane::track::CtState;
use dataplane::wire::Role;
use std::path::PathBuf;

/// Runs the command.
pub fn explain(command: &Explain) -> Outcome<()> {
    let (files, words) = divided(command)?;
    // What is written wrong is said before a ruleset is read for it.
    let packet = match command.pcap {
        None => Some(syntax::packet(&words.join(" ")).map_err(|why| usage(&why))?),
        Some(_) => None,
    };
    let loaded = rules::load(files, &command.leave_out.options())?;
    let explained = match (&command.pcap, command.number, &packet) {
        (Some(pcap), Some(number), _) => {
            captured(command, &loaded.policy, &Sources::One(pcap, &command.inside), number)?
        }
        (_, _, Some(packet)) => written(command, &loaded.policy, packet)?,
        _ => return Err(usage("no packet is written here")),
    };
    let report = report(&loaded, &Names::of(&loaded.policy), &explained, command.number);
    let mut output = Output::stdout();
    if command.json {
        output.json_line(&Without::new(&report, [&loaded]))?;
    } else {
        let colours = output::colours(&std::io::stdout());
        output.line(&Text { report: &report, colours })?;
    }
    output.finish()
}

/// The files and the words of the packet: behind `--rules A B` it begins with the first word that can begin one.
fn divided(command: &Explain) -> Outcome<(&[PathBuf], Vec<String>)> {
    let begins = |file: &PathBuf| file.to_str().is_some_and(syntax::begins);
    let at = match command.rules.iter().skip(1).position(begins) {
        Some(at) if command.packet.is_empty() => at + 1,
        _ => command.rules.len(),
    };
    let (files, swallowed) = command.rules.split_at(at);
    let swallowed = swallowed.iter().map(|word| word.display().to_string());
    let words: Vec<String> = swallowed.chain(command.packet.iter().cloned()).collect();
    match (&command.pcap, words.is_empty()) {
        (None, true) => Err(usage("a packet is missing")),
        (Some(_), false) => Err(usage("a packet is written, and one of a capture asked for")),
        _ => Ok((files, words)),
    }
}

fn usage(why: &str) -> Failure {
    Failure::Usage(format!(
        "{why}\n\nWrite the packet in quotes, for one:\n    sluice explain --rules FILE '{}'",
        syntax::EXAMPLE
    ))
}

/// The packet on the command line, the first that the firewall sees.
fn written(command: &Explain, policy: &Policy, packet: &Written) -> Outcome<Explained> {
    let (side, role) = placed(command, packet);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos() as u64);
    let mut course = course(command, role, policy, Checksums::Trusted, now)?;
    let frame = &packet.frame;
    Ok(match command.ct.map(CtState::from).or(packet.ct) {
        None => {
            let first = Numbered { n: 1, side, time: now, frame };
            let told = course.next(first, 1).or_else(|| course.finish(side, 1));
            told.unwrap_or_else(|| course.explain(side, now, frame))
        }
        Some(state) => course.assume(side, now, frame, state),
    })
}

/// Where the packet comes from, and through which firewall: what it says itself of its interfaces, and else the options.
fn placed(command: &Explain, packet: &Written) -> (Side, Role) {
    let value = |name: &str| interface_value(name).unwrap_or_default();
    let side = if command.outward { Side::Inside } else { Side::Outside };
    match (&packet.iif, &packet.oif) {
        (None, None) => (side, command.place.role()),
        (Some(iif), Some(oif)) => (Side::Outside, Role::Transit { outside: value(iif), inside: value(oif) }),
        (Some(iif), None) => (Side::Outside, Role::Guard { interface: value(iif) }),
        (None, Some(oif)) => (Side::Inside, Role::Guard { interface: value(oif) }),
    }
}

/// Packet `number` of a capture, after all before it.
pub fn captured(
    command: &Explain,
    policy: &Policy,
    sources: &Sources<'_>,
    number: u64,
) -> Outcome<Explained> {
    let checksums = if command.no_checksum { Checksums::Trusted } else { Checksums::Verified };
    let mut so_far: Option<Course<'_>> = None;
    let mut found = None;
    let (mut n, mut last) = (0, Side::Outside);
    let damage = sources.each(|side, frame| {
        n += 1;
        if found.is_some() {
            return Ok(());
        }
        let course = match &mut so_far {
            Some(course) => course,
            None => so_far.insert(course(command, command.place.role(), policy, checksums, frame.time)?),
        };
        found = course.next(Numbered { n, side, time: frame.time, frame: frame.bytes }, number);
        last = side;
        Ok(())
    })?;
    let waits = || so_far.and_then(|mut course| course.finish(last, number));
    found.or_else(waits).map_or_else(
        || {
            Err(damage.unwrap_or_else(|| {
                Failure::refused(format!("the capture has {n} packets, no packet {number}"))
            }))
        },
        Ok,
    )
}

fn course<'a>(
    command: &Explain,
    role: Role,
    policy: &'a Policy,
    checksums: Checksums,
    now: u64,
) -> Outcome<Course<'a>> {
    Course::new(policy, role, command.place.settings(), checksums, command.flows as usize, now)
        .map_err(Failure::refused)
}
