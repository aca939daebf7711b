//! The `sluice` program: command line, daemon, control thread, replay and comparison.
//!
//! Joins the pure data path to DPDK. Data goes to stdout, everything else to stderr.

mod capture;
mod check;
mod cli;
mod compare;
mod describe;
mod failure;
mod output;
mod ports;
mod replay;
mod rules;
mod run;

use clap::Parser;
use cli::{Cli, Command};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(cli.verbose);
    let done = match &cli.command {
        Command::Replay(command) => replay::replay(command),
        Command::Compare(command) => compare::compare(command),
        Command::Check(command) => check::check(command),
        Command::Run(command) => run::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // stderr may be gone; there is nobody left to tell then
            let _ = writeln!(std::io::stderr(), "sluice: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

/// Log lines go to stderr. DPDK's own are shown from warnings on unless asked for.
fn start_log(verbose: u8) {
    let default = match verbose {
        0 => "info,dpdk=error",
        1 => "debug,dpdk=info",
        _ => "trace",
    };
    env_logger::Builder::from_env(env_logger::Env::new().filter_or("SLUICE_LOG", default))
        .format(|out, record| {
            let level = record.level();
            let style = out.default_level_style(level);
            match record.target() {
                "dpdk" => writeln!(
                    out,
                    "{style}{}{style:#}: dpdk: {}",
                    level.as_str().to_lowercase(),
                    record.args()
                ),
                _ => writeln!(out, "{style}{}{style:#}: {}", level.as_str().to_lowercase(), record.args()),
            }
        })
        .init();
}
