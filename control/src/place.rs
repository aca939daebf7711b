//! Where does the firewall stand that a capture is run through, and how does it track?

use clap::{Args, ValueEnum};
use config::policy::interface_value;
use dataplane::track::{Settings, Timeouts};
use dataplane::wire;

/// What the administrator says of it.
#[derive(Debug, Args)]
pub struct Place {
    /// Where the firewall stands: guard runs the INPUT and OUTPUT chains, transit the FORWARD chains
    #[arg(long, value_enum, default_value_t = Role::Guard)]
    pub role: Role,
    /// guard: name of the protected interface in the ruleset
    #[arg(long, value_name = "NAME", default_value = "eth0", value_parser = interface_name)]
    pub interface: String,
    /// transit: names of the two interfaces in the ruleset
    #[arg(long, value_name = "OUTSIDE,INSIDE", default_value = "outside,inside", value_parser = interface_pair)]
    pub ports: (String, String),
    /// Take up TCP connections in the middle, as nf_conntrack_tcp_loose=1 does
    #[arg(long)]
    pub tcp_loose: bool,
}

/// Where a wire stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// In front of what it protects
    Guard,
    /// Between two networks
    Transit,
}

impl Place {
    /// The role of the wire.
    pub fn role(&self) -> wire::Role {
        let value = |name: &str| interface_value(name).unwrap_or_default();
        match self.role {
            Role::Guard => wire::Role::Guard { interface: value(&self.interface) },
            Role::Transit => {
                wire::Role::Transit { outside: value(&self.ports.0), inside: value(&self.ports.1) }
            }
        }
    }

    /// How connections are tracked there.
    pub fn settings(&self) -> Settings {
        Settings { tcp_loose: self.tcp_loose, timeouts: Timeouts::default() }
    }
}

fn interface_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 15 || text.contains(['/', ' ', '\t']) {
        return Err("an interface name has 1 to 15 characters, without blanks and slashes".to_owned());
    }
    Ok(text.to_owned())
}

fn interface_pair(text: &str) -> Result<(String, String), String> {
    let (outside, inside) = text.split_once(',').ok_or("two names are needed: OUTSIDE,INSIDE")?;
    Ok((interface_name(outside)?, interface_name(inside)?))
}
