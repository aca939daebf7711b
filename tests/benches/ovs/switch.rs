//! How is Open vSwitch run for a bench? Debian's, with DPDK, from a directory of its own: one thread polls a capture that is
//! read over and over, tracks connections in userspace, and sends to a port that swallows all.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tests::netns::run;
use tests::{system, wait};

/// A running switch; dropping it ends it.
pub struct Switch {
    directory: TempDir,
}

/// What its polling thread did since it was last asked.
#[derive(Debug, Clone, Copy)]
pub struct Polled {
    /// Packets it received.
    pub packets: u64,
    /// Of them, those whose connection was looked up.
    pub tracked: u64,
    /// TSC cycles it took for each.
    pub cycles: f64,
}

impl Switch {
    /// Gives packets of `capture`, held in memory and given over and over if `again`, to these flows of OpenFlow.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(capture: &Path, again: bool, flows: &[&str]) -> Self {
        let switch = Self { directory: tempfile::tempdir().expect("a directory") };
        run(switch.command("ovsdb-tool").args([
            "create",
            "conf.db",
            "/usr/share/openvswitch/vswitch.ovsschema",
        ]));
        switch.daemon("ovsdb-server", &["--remote=punix:db.sock", "conf.db"]);
        switch.set(&["--no-wait", "init"]);
        switch.set(&[
            "--no-wait",
            "set",
            "Open_vSwitch",
            ".",
            "other_config:dpdk-init=true",
            "other_config:dpdk-extra=--no-pci --no-telemetry -m 2048",
            "other_config:pmd-cpu-mask=0x2",
            "other_config:dpdk-lcore-mask=0x1",
        ]);
        switch.daemon(PROGRAM, &["unix:db.sock"]);
        switch.set(&["add-br", "bench", "--", "set", "bridge", "bench", "datapath_type=netdev"]);
        let source = format!(
            "options:dpdk-devargs=net_pcap0,rx_pcap={},infinite_rx={}",
            capture.display(),
            u8::from(again)
        );
        switch.ask(&["dpctl/ct-set-maxconns", "netdev@ovs-netdev", "16000000"]);
        run(switch.command("ovs-ofctl").args(["del-flows", "bench"]));
        for flow in flows {
            run(switch.command("ovs-ofctl").args(["add-flow", "bench", flow]));
        }
        for (port, options) in [("out", "options:dpdk-devargs=net_null0,no-rx=1"), ("in", source.as_str())] {
            let number = if port == "in" { "ofport_request=1" } else { "ofport_request=2" };
            switch.set(&[
                "add-port",
                "bench",
                port,
                "--",
                "set",
                "Interface",
                port,
                "type=dpdk",
                options,
                number,
            ]);
            let error = switch.set(&["get", "Interface", port, "error"]);
            assert_eq!(error.trim(), "[]", "the port `{port}` works");
        }
        switch
    }

    /// What the polling thread does in so long a time.
    ///
    /// # Panics
    /// If it does not say.
    pub fn poll(&self, length: Duration) -> Polled {
        self.ask(&["dpif-netdev/pmd-stats-clear"]);
        std::thread::sleep(length);
        let said = self.ask(&["dpif-netdev/pmd-stats-show"]);
        let of = |what: &str| {
            said.lines().find_map(|line| line.trim().strip_prefix(what)).expect("what the thread says")
        };
        let cycles = of("avg processing cycles per packet: ").split(' ').next().expect("a number");
        Polled {
            packets: of("packets received: ").parse().expect("a number"),
            tracked: of("packet recirculations: ").parse().expect("a number"),
            cycles: cycles.parse().expect("a number"),
        }
    }

    /// Packets a flow of OpenFlow has met, whose text holds `words`.
    ///
    /// # Panics
    /// If there is none.
    pub fn met(&self, words: &str) -> u64 {
        let said = run(self.command("ovs-ofctl").args(["dump-flows", "bench"]));
        let line = said.lines().find(|line| line.contains(words)).expect("the flow is there");
        let (_, rest) = line.split_once("n_packets=").expect("a counter");
        rest.split(',').next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// Has it wait, so that something else can be measured.
    pub fn pause(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, number: i32) {
        for program in ["ovsdb-server", PROGRAM] {
            if let Some(process) = self.process(program) {
                let _ = system::signal(process, number);
            }
        }
    }

    fn process(&self, program: &str) -> Option<u32> {
        let path = self.directory.path().join(format!("{}.pid", name(program)));
        fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    fn ask(&self, words: &[&str]) -> String {
        let process = self.process(PROGRAM).expect("it runs");
        let control = self.directory.path().join(format!("{}.{process}.ctl", name(PROGRAM)));
        run(self.command("ovs-appctl").arg("-t").arg(control).args(words))
    }

    fn set(&self, arguments: &[&str]) -> String {
        run(self.command("ovs-vsctl").arg("--db=unix:db.sock").args(arguments))
    }

    fn daemon(&self, program: &str, arguments: &[&str]) {
        let directory = self.directory.path().display();
        let mut command = self.command(program);
        command.args(arguments).arg("--detach");
        command.arg(format!("--pidfile={directory}/{}.pid", name(program)));
        command.arg(format!("--log-file={directory}/{}.log", name(program)));
        let done =
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("Open vSwitch is installed");
        assert!(done.success(), "{program} starts; with DPDK it needs huge pages");
    }

    fn command(&self, program: &str) -> Command {
        let directory = self.directory.path();
        let mut command = Command::new(program);
        command.current_dir(directory).stdin(Stdio::null());
        for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            command.env(variable, directory);
        }
        command
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let processes: Vec<u32> =
            [PROGRAM, "ovsdb-server"].into_iter().filter_map(|program| self.process(program)).collect();
        self.resume();
        for &process in &processes {
            let _ = system::signal(process, libc::SIGKILL);
            let gone = || (!Path::new(&format!("/proc/{process}")).exists()).then_some(());
            wait::until("the switch has ended", Duration::from_secs(10), gone);
        }
    }
}

fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

const PROGRAM: &str = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk";
