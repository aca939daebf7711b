//! `sluice run`: the firewall between the ports of a configuration file.
//!
//! Workers poll their queues; this thread, the control thread, publishes rulesets, ages out flows and answers
//! signals. SIGHUP reads the ruleset anew and keeps the old one if there is anything wrong with it; SIGTERM and
//! SIGINT end the program, as the end of pcap input does.

mod devices;
mod log_line;
mod report;
mod serve;
mod settings;

use crate::cli::Run;
use crate::counts::counted;
use crate::failure::{Failure, Outcome};
use crate::left_out;
use crate::output::Output;

/// Runs the command.
pub fn run(command: &Run) -> Outcome<()> {
    let settings = settings::read(&command.config, &command.leave_out)?;
    let loaded = settings.load_rules()?;
    if command.check {
        let mut output = Output::stdout();
        let wires = counted(settings.settings.wires.len(), "wire");
        let rules = counted(loaded.policy.rules.len(), "rule");
        output.line(&format_args!("{}: {wires}, {rules}", command.config.display()))?;
        return output.finish();
    }
    let config::Loaded { policy, left_out, sources, .. } = loaded;
    let left_out = left_out::entries(&left_out, &sources);
    drop(sources);
    let report = serve::serve(&settings, policy, left_out)?;
    let mut output = Output::stdout();
    if command.json {
        output.json_line(&report)?;
    } else {
        output.line(&report)?;
    }
    output.finish()?;
    if report.panicked() { Err(Failure::refused("a worker panicked; this is a bug")) } else { Ok(()) }
}
