//! A `sluice run` of its own: settings file, rules file, the process, and what it says.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::netns::Namespace;
use crate::{sluice, system, wait};

/// A running daemon; dropping it ends it.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    directory: TempDir,
    ended: Option<ExitStatus>,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    /// Two devices for each wire, outside first, as `eal.devices` takes them.
    pub devices: &'a [String],
    /// Workers.
    pub workers: usize,
    /// The ruleset; each wire is a guard.
    pub rules: &'a str,
    /// Further lines of the settings file, at its end.
    pub more: &'a str,
    /// The namespace it runs in.
    pub namespace: Option<&'a Namespace>,
}

impl Daemon {
    /// Starts `sluice run --json` and does not wait for anything.
    ///
    /// # Panics
    /// If the files cannot be written or the program not started.
    #[must_use]
    pub fn start(setup: &Setup<'_>) -> Self {
        let directory = TempDir::new().expect("a directory");
        fs::write(directory.path().join("rules.nft"), setup.rules).expect("written");
        let config = directory.path().join("sluice.toml");
        fs::write(&config, settings(setup)).expect("written");
        let file = |name: &str| Stdio::from(File::create(directory.path().join(name)).expect("made"));
        let mut command = match setup.namespace {
            Some(namespace) => namespace.command(sluice::binary()),
            None => Command::new(sluice::binary()),
        };
        command.env("NO_COLOR", "1").args(["run", "--json", "--config"]).arg(config);
        let command = command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = command.spawn().expect("the program starts");
        Self { child, directory, ended: None }
    }

    /// What it wrote on standard output.
    #[must_use]
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.directory.path().join("stdout")).unwrap_or_default()
    }

    /// What it wrote on standard error.
    #[must_use]
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default()
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("our own child");
        }
        self.ended
    }

    /// Replaces the rules file and asks for it to be read anew.
    pub fn reload(&self, rules: &str) {
        fs::write(self.directory.path().join("rules.nft"), rules).expect("written");
        self.signal(libc::SIGHUP);
    }

    /// Sends it a signal. (`ip netns exec` becomes the program, so the child is the daemon.)
    pub fn signal(&self, number: i32) {
        system::signal(self.child.id(), number).expect("the daemon is there");
    }

    /// Waits for its end and returns the exit status with the counters it printed.
    pub fn expect_end(&mut self) -> (ExitStatus, serde_json::Value) {
        let status = wait::until("the daemon's end", END_BOUND, || self.ended());
        let counters = serde_json::from_str(&self.stdout());
        let counters = counters.unwrap_or_else(|error| {
            panic!("counters: {error}: {status}\n{}\n{}", self.stdout(), self.stderr());
        });
        (status, counters)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the daemon said:\n{}\n{}", self.stdout(), self.stderr());
        }
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The settings file: a wire for each two devices.
fn settings(setup: &Setup<'_>) -> String {
    let map: Vec<String> = (0..=setup.workers)
        .map(|lcore| match lcore {
            0 => "0@0".to_owned(),
            // A worker that may move never keeps kernel work waiting behind it on a machine of few CPUs.
            _ => format!("{lcore}@(0-1)"),
        })
        .collect();
    let prefix = format!("sluice-test-{}", std::process::id());
    let mut text = format!(
        "[eal]\nmemory = \"256 MiB\"\nlcores = \"{}\"\nfile-prefix = \"{prefix}\"\ndevices = {:?}\n\n\
         [workers]\ncount = {}\n\n[rules]\nfiles = [\"rules.nft\"]\n",
        map.join(","),
        setup.devices,
        setup.workers
    );
    for (number, wire) in setup.devices.chunks(2).enumerate() {
        let name = |device: &str| device.split(',').next().unwrap_or_default().to_owned();
        text += &format!(
            "\n[[wire]]\nname = \"wire{number}\"\nrole = \"guard\"\noutside = \"{}\"\ninside = \"{}\"\n",
            name(&wire[0]),
            name(&wire[1])
        );
    }
    text + setup.more
}

/// A daemon told to end needs far less.
const END_BOUND: Duration = Duration::from_secs(15);
