//! How does a test get networks of its own? Network namespaces joined by veth pairs, gone when dropped, also
//! when the test panics.
//!
//! Names hold the process id, so tests run side by side; what a killed test left behind is removed by the
//! next one that makes a namespace.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::system;

/// A network namespace. Dropping it ends every process inside and deletes it with its devices.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A new one with only the loopback device, up, and IPv6 off on devices to come.
    ///
    /// # Panics
    /// If it cannot be made (the tests need root).
    #[must_use]
    pub fn new(role: &str) -> Self {
        static CLEAN: Once = Once::new();
        CLEAN.call_once(remove_leftovers);
        let name = format!("{PREFIX}{}-{}-{role}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run(Command::new("ip").args(["netns", "add", &name]));
        let namespace = Self { name };
        namespace.ip("link set lo up");
        namespace.sysctl("net.ipv6.conf.default.accept_dad", 0);
        namespace.sysctl("net.ipv6.conf.default.router_solicitations", 0);
        namespace
    }

    /// Its name, as `ip netns` knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run inside.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program.as_ref()).stdin(Stdio::null());
        command
    }

    /// Runs a command line (split at blanks) inside and returns its standard output.
    ///
    /// # Panics
    /// If it fails.
    pub fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        run(self.command(words.next().expect("a program")).args(words))
    }

    /// Runs a command line inside with `input` on its standard input.
    ///
    /// # Errors
    /// What it wrote on standard error, if it fails.
    pub fn feed(&self, line: &str, input: &str) -> Result<String, String> {
        let mut words = line.split_whitespace();
        let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
        std::io::Write::write_all(&mut file, input.as_bytes()).map_err(|error| error.to_string())?;
        std::io::Seek::rewind(&mut file).map_err(|error| error.to_string())?;
        let mut command = self.command(words.next().expect("a program"));
        let output = command.args(words).stdin(file).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// `ip -n NAME LINE`
    ///
    /// # Panics
    /// If it fails.
    pub fn ip(&self, line: &str) -> String {
        run(Command::new("ip").args(["-n", &self.name]).args(line.split_whitespace()))
    }

    /// Sets a sysctl of the namespace.
    ///
    /// # Panics
    /// If it fails.
    pub fn sysctl(&self, key: &str, value: impl std::fmt::Display) {
        self.run(&format!("sysctl -qw {key}={value}"));
    }

    /// A veth pair, `device` here and `peer_device` in `peer`, both without offloads; still down.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn veth(&self, device: &str, peer: &Self, peer_device: &str) {
        self.ip(&format!("link add {device} type veth peer name {peer_device} netns {}", peer.name));
        for (namespace, device) in [(self, device), (peer, peer_device)] {
            namespace.run(&format!("ethtool -K {device} tx off rx off tso off gso off gro off"));
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Runs a command to its end and returns its standard output.
///
/// # Panics
/// With everything it said, if it fails.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    expect_success(command, &output);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn expect_success(command: &impl Debug, output: &Output) {
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Best effort, because it runs while a panic unwinds.
fn remove(name: &str) {
    let pids = Command::new("ip").args(["netns", "pids", name]).output();
    for pid in pids.iter().flat_map(|output| output.stdout.split(u8::is_ascii_whitespace)) {
        if let Some(pid) = std::str::from_utf8(pid).ok().and_then(|pid| pid.parse().ok()) {
            let _ = system::signal(pid, libc::SIGKILL);
        }
    }
    let _ = Command::new("ip").args(["netns", "del", name]).output();
}

/// Removes the namespaces of test processes that are no more.
fn remove_leftovers() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if let Some(owner) = owner.and_then(|pid| pid.parse::<u32>().ok())
            && !Path::new(&format!("/proc/{owner}")).exists()
        {
            remove(&name);
        }
    }
}

/// Every namespace of these tests begins so.
const PREFIX: &str = "sluice-test-";

/// Tells the namespaces of one process apart.
static NEXT: AtomicU32 = AtomicU32::new(0);
