//! The `sluice` program: command line, daemon, control thread, replay and comparison.
//!
//! Joins the pure data path to DPDK. Data goes to stdout, everything else to stderr.

mod bench;
mod capture;
mod check;
mod cli;
mod compare;
mod counts;
mod describe;
mod explain;
mod failure;
mod left_out;
mod logging;
mod output;
mod place;
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
    logging::start(cli.verbose);
    let done = match &cli.command {
        Command::Replay(command) => replay::replay(command),
        Command::Compare(command) => compare::compare(command),
        Command::Check(command) => check::check(command),
        Command::Explain(command) => explain::explain(command),
        Command::Run(command) => run::run(command),
        Command::Bench(command) => bench::bench(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // stderr may be gone; there is nobody left to tell then
            let _ = writeln!(std::io::stderr(), "{failure}");
            ExitCode::from(failure.status())
        }
    }
}
