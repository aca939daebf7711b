//! A client and a server, each a kernel in a namespace of its own, with `sluice run` on the wire between them.
//!
//! ```text
//! client 10.99.0.1, fd99::1 -- veth -- [ sluice ] -- veth -- server 10.99.0.2, fd99::2
//! ```

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::daemon::{Daemon, Setup};
use crate::netns::Namespace;
use crate::{system, wait};

/// The server's addresses.
pub const SERVER: &str = "10.99.0.2";
/// Over IPv6.
pub const SERVER6: &str = "fd99::2";
/// The client's address.
pub const CLIENT: &str = "10.99.0.1";

/// How Sluice takes frames from a veth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// An AF_XDP socket.
    AfXdp,
    /// An AF_PACKET ring.
    AfPacket,
    /// Tap devices that Sluice makes itself: they are the ends' own interfaces, without a veth.
    Tap,
}

/// Both ends and the middle; everything ends when it is dropped.
#[derive(Debug)]
pub struct Lab {
    /// The daemon, declared first: it ends before its namespace.
    pub daemon: Daemon,
    web: Option<Child>,
    /// The client's namespace.
    pub client: Namespace,
    /// The server's namespace.
    pub server: Namespace,
    _middle: Namespace,
    directory: TempDir,
}

impl Lab {
    /// Starts Sluice between the two and waits until a ping comes through: `rules` must let it.
    ///
    /// # Panics
    /// If that does not happen in time.
    #[must_use]
    pub fn start(driver: Driver, rules: &str) -> Self {
        let [client, server, middle] = ["client", "server", "middle"].map(Namespace::new);
        // Whatever the middle's kernel sends by itself would be seen as received.
        middle.sysctl("net.ipv6.conf.all.disable_ipv6", 1);
        middle.sysctl("net.ipv6.conf.default.disable_ipv6", 1);
        let ends = [(&client, "outer", 1), (&server, "inner", 2)];
        if driver != Driver::Tap {
            for (end, port, host) in ends {
                end.veth("eth0", &middle, port);
                set_up(end, host);
                middle.ip(&format!("link set {port} promisc on up"));
            }
        }
        let devices = ["outer", "inner"].iter().enumerate().map(|(number, port)| driver.device(number, port));
        let devices: Vec<String> = devices.collect();
        let setup = Setup { devices: &devices, workers: 1, rules, more: "", namespace: Some(&middle) };
        let mut daemon = Daemon::start(&setup);
        if driver == Driver::Tap {
            wait::until("sluice to have its taps", START_BOUND, || {
                let ended = daemon.ended();
                assert!(ended.is_none(), "sluice ended: {ended:?}\n{}", daemon.stderr());
                daemon.stderr().contains("running: ").then_some(())
            });
            for (end, port, host) in ends {
                middle.ip(&format!("link set {port} netns {}", end.name()));
                end.ip(&format!("link set {port} name eth0"));
                set_up(end, host);
            }
        }
        let directory = TempDir::new().expect("a directory");
        let mut lab = Self { daemon, web: None, client, server, _middle: middle, directory };
        wait::until("the first ping through sluice", START_BOUND, || {
            let ended = lab.daemon.ended();
            assert!(ended.is_none(), "sluice ended: {ended:?}\n{}", lab.daemon.stderr());
            lab.ping(SERVER).then_some(())
        });
        lab
    }

    /// One ping from the client.
    #[must_use]
    pub fn ping(&self, address: &str) -> bool {
        self.client(&["ping", "-c", "1", "-W", "1", "-q", address]).status.success()
    }

    /// Runs a program on the client.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn client(&self, words: &[&str]) -> Output {
        self.client.command(words[0]).args(&words[1..]).output().expect("the program starts")
    }

    /// Runs a program on the server.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn server(&self, words: &[&str]) -> Output {
        self.server.command(words[0]).args(&words[1..]).output().expect("the program starts")
    }

    /// A web server on the server's port 80, over IPv4 and IPv6, with one page; waits until it listens.
    ///
    /// # Panics
    /// If it does not.
    pub fn serve_web(&mut self, page: &str) {
        std::fs::write(self.directory.path().join("page"), page).expect("written");
        let mut command = self.server.command("python3");
        command.args(["-m", "http.server", "80", "--bind", "::", "--directory"]).arg(self.directory.path());
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        self.web = Some(command.spawn().expect("python3 starts"));
        wait::until("the web server", START_BOUND, || {
            (!self.server.run("ss -Hltn sport = :80").is_empty()).then_some(())
        });
    }

    /// A connection from the client to a port of the server, within a second and a half.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn connect(&self, address: &str, port: u16) -> io::Result<TcpStream> {
        let to = SocketAddr::new(address.parse().expect("an address"), port);
        system::inside_namespace(self.client.name(), || TcpStream::connect_timeout(&to, CONNECT_BOUND))
    }

    /// A service on the server that says back what it is told, until the test ends.
    ///
    /// # Panics
    /// If the port cannot be had.
    pub fn serve_echo(&self, port: u16) {
        let bound = system::inside_namespace(self.server.name(), || TcpListener::bind((SERVER, port)));
        let listener = bound.expect("the port is free");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let (mut from, mut to) = (&stream, &stream);
                    io::copy(&mut from, &mut to)
                });
            }
        });
    }

    /// Counts the packets that arrive at the server and match, from now on.
    pub fn count_at_server(&self, matching: &str) {
        self.count(&self.server, matching);
    }

    /// Counts the packets that arrive at the client and match, from now on.
    pub fn count_at_client(&self, matching: &str) {
        self.count(&self.client, matching);
    }

    fn count(&self, end: &Namespace, matching: &str) {
        let table = format!(
            "table inet counted\ndelete table inet counted\ntable inet counted {{\n chain arriving {{\n  \
             type filter hook prerouting priority -400\n  {matching} counter\n }}\n}}\n"
        );
        end.feed("nft -f -", &table).expect("a counter");
    }

    /// What [`Self::count_at_server`] and [`Self::count_at_client`] have counted.
    #[must_use]
    pub fn counted(end: &Namespace) -> u64 {
        let text = end.run("nft list table inet counted");
        let count = text.split("counter packets ").nth(1).and_then(|rest| rest.split(' ').next());
        count.and_then(|count| count.parse().ok()).expect("a counter")
    }
}

/// Gives `eth0` of an end its addresses and takes it into use.
fn set_up(end: &Namespace, host: u8) {
    end.ip(&format!("link set eth0 address 02:00:00:99:00:0{host}"));
    end.ip(&format!("addr add 10.99.0.{host}/24 dev eth0"));
    end.ip(&format!("addr add fd99::{host}/64 dev eth0 nodad"));
    end.ip("link set eth0 up");
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(web) = &mut self.web {
            let _ = web.kill();
            let _ = web.wait();
        }
    }
}

impl Driver {
    fn device(self, number: usize, port: &str) -> String {
        match self {
            Self::AfXdp => format!("net_af_xdp{number},iface={port},start_queue=0,queue_count=1"),
            Self::Tap => format!("net_tap{number},iface={port}"),
            Self::AfPacket => {
                format!(
                    "net_af_packet{number},iface={port},qpairs=1,blocksz=65536,framesz=2048,framecnt=4096"
                )
            }
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AfXdp => "net_af_xdp",
            Self::AfPacket => "net_af_packet",
            Self::Tap => "net_tap",
        })
    }
}

/// Says something over a connection to an echo service and expects to hear it.
///
/// # Errors
/// Those of the stream, or that something else was heard.
pub fn echo(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(ECHO_BOUND))?;
    stream.write_all(text.as_bytes())?;
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard)?;
    if heard == text.as_bytes() { Ok(()) } else { Err(io::Error::other("something else came back")) }
}

/// DPDK's start and a web server's.
const START_BOUND: Duration = Duration::from_secs(30);

/// A refused or dropped connection is told from a made one by then.
const CONNECT_BOUND: Duration = Duration::from_millis(1500);

const ECHO_BOUND: Duration = Duration::from_secs(10);
