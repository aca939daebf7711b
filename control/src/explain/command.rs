//! `sluice explain`

use super::course::{Course, Explained};
use super::datagram::Numbered;
use super::report::report;
use super::syntax;
use super::text::Text;
use crate::cli::{Explain, Role as CliRole};
use crate::failure::{Failure, Outcome};
use crate::left_out::Without;
use crate::output::{self, Output};
use crate::replay::{Names, Sources};
use crate::rules;
use config::Policy;
use config::policy::interface_value;
use dataplane::io::Side;
use dataplane::packet::Checksums;
use dataplane::track::{CtState, Settings, Timeouts};
use dataplane::wire::Role;

/// Runs the command.
pub fn explain(command: &Explain) -> Outcome<()> {
    let loaded = rules::load(&command.rules, &command.leave_out.options())?;
    let explained = match (&command.pcap, command.number) {
        (Some(pcap), Some(number)) => {
            captured(command, &loaded.policy, &Sources::One(pcap, &command.inside), number)?
        }
        _ => written(command, &loaded.policy)?,
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

/// The packet on the command line, the first that the firewall sees.
fn written(command: &Explain, policy: &Policy) -> Outcome<Explained> {
    let frame = syntax::frame(&command.packet.join(" ")).map_err(Failure::refused)?;
    let side = if command.outward { Side::Inside } else { Side::Outside };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos() as u64);
    let mut course = course(command, policy, Checksums::Trusted, now)?;
    Ok(match command.ct {
        None => {
            let first = Numbered { n: 1, side, time: now, frame: &frame };
            let told = course.next(first, 1).or_else(|| course.finish(side, 1));
            told.unwrap_or_else(|| course.explain(side, now, &frame))
        }
        Some(state) => course.assume(side, now, &frame, CtState::from(state)),
    })
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
            None => so_far.insert(course(command, policy, checksums, frame.time)?),
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

fn course<'a>(command: &Explain, policy: &'a Policy, checksums: Checksums, now: u64) -> Outcome<Course<'a>> {
    let value = |name: &str| interface_value(name).unwrap_or_default();
    let role = match command.role {
        CliRole::Guard => Role::Guard { interface: value(&command.interface) },
        CliRole::Transit => {
            Role::Transit { outside: value(&command.ports.0), inside: value(&command.ports.1) }
        }
    };
    let settings = Settings { tcp_loose: command.tcp_loose, timeouts: Timeouts::default() };
    Course::new(policy, role, settings, checksums, command.flows as usize, now).map_err(Failure::refused)
}
