//! What can be asked of the program? The command line; its texts are the contract of `--help`.

use crate::bench::{Family, Mix};
use crate::left_out::LeaveOut;
use crate::place::Place;
use clap::{Args, Parser, Subcommand, ValueEnum};
use config::lint::Keep;
use std::path::PathBuf;

/// A stateful firewall on DPDK that runs the rulesets you already have and gives the verdicts of the Linux kernel.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Data goes to stdout, everything else to stderr.\n\
    Exit status: 0 done, 1 refused or failed, 2 usage.\n\
    Environment: NO_COLOR turns colours off; SLUICE_LOG sets the log filter (default: info).")]
pub struct Cli {
    /// Say more on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a capture through the real data path, on pcap-backed DPDK ports
    Replay(Replay),
    /// Show what one ruleset lets through that another stops, by class of traffic
    Compare(Compare),
    /// Parse and check rulesets; print them in canonical nft syntax
    Check(Check),
    /// Show the way of one packet through connection tracking and the rules, step by step
    Explain(Explain),
    /// Run the firewall between the ports of a configuration file
    Run(Run),
    /// Measure the real worker loop beside bare forwarding, on in-memory ports
    Bench(Bench),
}

/// Which packets are replayed, and as what.
#[derive(Debug, Args)]
pub struct Input {
    /// Capture holding both directions (pcap or pcapng; `-` for stdin); needs --inside
    #[arg(long, value_name = "FILE", required_unless_present_all = ["outside_pcap", "inside_pcap"],
          conflicts_with_all = ["outside_pcap", "inside_pcap"], requires = "inside")]
    pub pcap: Option<PathBuf>,
    /// Prefixes of what is protected: a packet with its source in one goes out, any other comes in
    #[arg(long, value_name = "CIDR", value_delimiter = ',', requires = "pcap")]
    pub inside: Vec<Prefix>,
    /// Capture of what arrives from outside
    #[arg(long, value_name = "FILE", requires = "inside_pcap")]
    pub outside_pcap: Option<PathBuf>,
    /// Capture of what arrives from inside
    #[arg(long, value_name = "FILE", requires = "outside_pcap")]
    pub inside_pcap: Option<PathBuf>,
    #[command(flatten)]
    pub place: Place,
    /// Take checksums of transport headers as right, as nf_conntrack_checksum=0 does: for captures made on a host
    /// that leaves them to its network card
    #[arg(long)]
    pub no_checksum: bool,
    /// Poll-mode workers; the verdicts are the same for any number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub workers: u16,
    /// Room for this many flows at each worker
    #[arg(long, value_name = "N", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(8..=1 << 28))]
    pub flows: u32,
}

/// `sluice replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// Ruleset: nft file or iptables-save dump, recognised by content; several are one ruleset (v4 and v6)
    #[arg(long, value_name = "FILE", required = true, num_args = 1.., action = clap::ArgAction::Append)]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub leave_out: LeaveOut,
    #[command(flatten)]
    pub input: Input,
    /// Write one JSON object per packet, in input order (`-` for stdout)
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// Write the packets that passed (pcap, Ethernet, nanoseconds)
    #[arg(long, value_name = "FILE")]
    pub pass: Option<PathBuf>,
    /// Write the packets that did not pass
    #[arg(long, value_name = "FILE")]
    pub drop: Option<PathBuf>,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `sluice compare`
#[derive(Debug, Args)]
pub struct Compare {
    /// The first ruleset (several files are one ruleset)
    #[arg(long, value_name = "FILE", required = true, num_args = 1.., action = clap::ArgAction::Append)]
    pub rules: Vec<PathBuf>,
    /// The second ruleset (several files are one ruleset)
    #[arg(long, value_name = "FILE", required = true, num_args = 1.., action = clap::ArgAction::Append, visible_alias = "with")]
    pub against: Vec<PathBuf>,
    #[command(flatten)]
    pub leave_out: LeaveOut,
    #[command(flatten)]
    pub input: Input,
    /// Print the comparison as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `sluice check`
#[derive(Debug, Args)]
pub struct Check {
    /// Rulesets: nft files and iptables-save dumps; each is checked for itself unless --together
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub leave_out: LeaveOut,
    /// Take all files as one ruleset
    #[arg(long)]
    pub together: bool,
    /// Print the ruleset in canonical nft syntax
    #[arg(long, conflicts_with = "json")]
    pub print: bool,
    /// Also say what is probably not meant: rules that never match or change nothing, unused sets, traps of `ct
    /// state`, IPv6 without neighbour discovery, a policy of accept... Each finding is proven and comes with a packet
    /// that shows it. Findings leave the exit status 0, but for a port of --keep that is closed
    #[arg(long)]
    pub lint: bool,
    /// A port that must stay open to new connections from outside, as `tcp:22`, or `tcp:22@192.0.2.0/24` from there;
    /// if it is not, the exit status is 1
    #[arg(long, value_name = "PROTO:PORT[@CIDR]", requires = "lint")]
    pub keep: Vec<Keep>,
    /// Exit with status 1 if --lint finds anything
    #[arg(long, requires = "lint")]
    pub deny_lints: bool,
    /// Print the findings as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `sluice explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// Ruleset: nft file or iptables-save dump; several are one ruleset (v4 and v6)
    #[arg(long, value_name = "FILE", required = true, num_args = 1.., action = clap::ArgAction::Append)]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub leave_out: LeaveOut,
    /// The packet: 'tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S'
    #[arg(value_name = "PACKET", conflicts_with = "pcap")]
    pub packet: Vec<String>,
    /// It comes from outside (the default)
    #[arg(long = "in", conflicts_with_all = ["outward", "pcap"])]
    pub inward: bool,
    /// It comes from inside
    #[arg(long = "out", conflicts_with = "pcap")]
    pub outward: bool,
    /// Take the packet as one of a known connection, or as of none, whatever tracking would say
    #[arg(long, value_enum, value_name = "STATE", conflicts_with = "pcap")]
    pub ct: Option<Ct>,
    /// Capture holding both directions: the packets before the one in question are decided upon first
    #[arg(long, value_name = "FILE", requires_all = ["number", "inside"])]
    pub pcap: Option<PathBuf>,
    /// Which packet of the capture, from 1
    #[arg(long = "packet", value_name = "N", requires = "pcap", value_parser = clap::value_parser!(u64).range(1..))]
    pub number: Option<u64>,
    /// Prefixes of what is protected: a packet with its source in one goes out, any other comes in
    #[arg(long, value_name = "CIDR", value_delimiter = ',', requires = "pcap")]
    pub inside: Vec<Prefix>,
    #[command(flatten)]
    pub place: Place,
    /// Take checksums of transport headers of the capture as right, as nf_conntrack_checksum=0 does
    #[arg(long, requires = "pcap")]
    pub no_checksum: bool,
    /// Room for this many flows
    #[arg(long, value_name = "N", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(8..=1 << 28))]
    pub flows: u32,
    /// Print the explanation as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// A state that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ct {
    /// Starts a connection
    New,
    /// Of a known connection, in its original direction
    Established,
    /// About a known connection
    Related,
    /// Of no connection
    Invalid,
    /// Left out of connection tracking
    Untracked,
}

impl From<Ct> for dataplane::track::CtState {
    fn from(ct: Ct) -> Self {
        match ct {
            Ct::New => Self::New,
            Ct::Established => Self::Established,
            Ct::Related => Self::Related,
            Ct::Invalid => Self::Invalid,
            Ct::Untracked => Self::Untracked,
        }
    }
}

/// `sluice run`
#[derive(Debug, Args)]
pub struct Run {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    #[command(flatten)]
    pub leave_out: LeaveOut,
    /// Check the configuration and the rulesets, open no port
    #[arg(long)]
    pub check: bool,
    /// Print the counters at the end as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `sluice bench`
#[derive(Debug, Args)]
pub struct Bench {
    /// Connections, or sources of packets that belong to none; of a flood those that live at a time
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=1 << 26))]
    pub flows: u32,
    /// Rules of a generated stateful ruleset, or a file: it must accept new connections to TCP and UDP port 443 of
    /// 192.0.2.10 and 2001:db8:2::10, and refuse what the mix wants refused
    #[arg(long, value_name = "N|FILE", default_value = "20")]
    pub rules: String,
    /// Elements of a set that the generated ruleset asks first of new connections
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1 << 24))]
    pub sets: u32,
    /// What packets are about; several take turns, packet by packet
    #[arg(long, value_enum, value_name = "MIX", value_delimiter = ',', default_value = "established")]
    pub mix: Vec<Mix>,
    /// Network layers of the flows
    #[arg(long, value_enum, default_value_t = Family::V4)]
    pub family: Family,
    /// Length of frames, frame check sequence included (IPv6 frames have at least 84)
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = frame_length)]
    pub frame: usize,
    /// Workers, each on a core of its own with flows of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub workers: u16,
    /// Leave the flow table in the system's small pages, to see what huge ones are worth
    #[arg(long)]
    pub small_pages: bool,
    /// Add a rule to the longest chain every few milliseconds, and say how long it takes until every worker uses it
    #[arg(long)]
    pub changes: bool,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = duration)]
    pub seconds: f64,
    /// Print the figures as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// An address prefix, IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    address: u128,
    mask: u128,
    v6: bool,
}

impl Prefix {
    /// Whether `address` (IPv4 in the low 32 bits) lies in the prefix.
    pub fn contains(&self, v6: bool, address: u128) -> bool {
        self.v6 == v6 && address & self.mask == self.address
    }
}

impl std::str::FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: std::net::IpAddr =
            address.trim().parse().map_err(|_| format!("'{address}' is not an IP address"))?;
        let (bits, v6) = match address {
            std::net::IpAddr::V4(v4) => (u128::from(u32::from(v4)), false),
            std::net::IpAddr::V6(v6) => (u128::from(v6), true),
        };
        let width = if v6 { 128 } else { 32 };
        let length = match length {
            None => width,
            Some(text) => text
                .parse::<u32>()
                .ok()
                .filter(|length| *length <= width)
                .ok_or_else(|| format!("'{text}' is not a prefix length of 0 to {width}"))?,
        };
        let all = if v6 { u128::MAX } else { u128::from(u32::MAX) };
        let mask = all & all.checked_shl(width - length).unwrap_or(0);
        Ok(Self { address: bits & mask, mask, v6 })
    }
}

fn frame_length(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|length| (64..=1518).contains(length))
        .ok_or("a frame has 64 to 1518 bytes".to_owned())
}

fn duration(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.01..=3600.0).contains(seconds))
        .ok_or("a number of seconds from 0.01 to 3600 is needed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Cli, Prefix};
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn prefixes_contain_their_family_only() {
        let v4: Prefix = "192.0.2.77/24".parse().unwrap();
        assert!(v4.contains(false, 0xc000_0201));
        assert!(!v4.contains(false, 0xc000_0301));
        assert!(!v4.contains(true, 0xc000_0201));
        let v6: Prefix = "2001:db8:2::/48".parse().unwrap();
        assert!(v6.contains(true, 0x2001_0db8_0002_0000_0000_0000_0000_0001));
        assert!(!v6.contains(true, 1));
        let all: Prefix = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(false, 7) && !all.contains(true, 7));
        for bad in ["", "1.2.3", "1.2.3.4/33", "::/129", "::1/x", "name"] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
    }
}
