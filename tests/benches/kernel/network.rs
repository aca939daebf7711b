//! Through which host do frames go? A router in a namespace of its own: clients on one side, a server on the other, and
//! devices that swallow what leaves.

use std::fs;
use std::process::Command;
use tests::Namespace;
use tests::netns::run;

/// Where frames of clients come in.
pub const FROM_CLIENTS: &str = "clients";
/// Where those of the server come in.
pub const FROM_SERVER: &str = "servers";
/// Where frames to the server go out.
pub const TO_SERVER: &str = "toserver";
const TO_CLIENTS: &str = "toclients";

/// A router without rules.
///
/// # Panics
/// If it cannot be made.
pub fn router() -> Namespace {
    let namespace = Namespace::new("router");
    for (device, address, hop, network) in [
        (TO_SERVER, "192.0.2.1", "192.0.2.2", "172.16.0.0/12"),
        (TO_CLIENTS, "198.51.100.1", "198.51.100.2", "10.0.0.0/8"),
    ] {
        namespace.ip(&format!("link add {device} type ifb"));
        namespace.ip(&format!("link set {device} up"));
        namespace.ip(&format!("addr add {address}/24 dev {device}"));
        namespace.ip(&format!("neigh add {hop} lladdr 02:00:00:00:00:01 dev {device}"));
        namespace.ip(&format!("route add {network} via {hop} dev {device}"));
        namespace.run(&format!("tc qdisc replace dev {device} root noqueue"));
    }
    for device in [FROM_CLIENTS, FROM_SERVER] {
        namespace.ip(&format!("link add {device} type veth peer name {device}far"));
        namespace.ip(&format!("link set {device}far up"));
        namespace.ip(&format!("link set {device} up"));
        namespace.sysctl(&format!("net.ipv4.conf.{device}.rp_filter"), 0);
    }
    namespace.sysctl("net.ipv4.conf.all.rp_filter", 0);
    namespace.sysctl("net.ipv4.ip_forward", 1);
    // as where a network card has checked them
    namespace.sysctl("net.netfilter.nf_conntrack_checksum", 0);
    namespace.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0);
    namespace
}

/// Has these rules alone, and no connections.
///
/// # Panics
/// If nft refuses.
pub fn rule(text: &str) {
    let mut nft = Command::new("nft");
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), format!("flush ruleset\n{text}")).expect("the rules are written");
    run(nft.arg("-f").arg(file.path()));
    run(Command::new("conntrack").arg("-F"));
}

/// A stateful ruleset of so many rules.
pub fn stateful(rules: usize, serves: bool) -> String {
    let mut text =
        String::from("table ip filter { chain forward { type filter hook forward priority 0; policy drop;\n");
    text.push_str("ct state established,related accept\nct state invalid drop\n");
    for port in 1..rules - 2 {
        text.push_str(&format!("tcp dport {} accept\n", 2000 + port));
    }
    if serves {
        text.push_str("tcp dport 443 accept\n");
    }
    text + "}\n}\n"
}

/// One rule that drops all that the clients' device receives, as early as nft can.
pub fn ingress() -> String {
    format!(
        "table netdev early {{ chain in {{ type filter hook ingress device {FROM_CLIENTS} priority 0; drop; }}\n}}\n"
    )
}

/// Room for connections, of all namespaces, while it lives.
pub struct Room(Vec<(&'static str, String)>);

impl Room {
    /// For as many as the bench has.
    ///
    /// # Panics
    /// If the kernel's settings cannot be read or written.
    pub fn make(connections: u32) -> Self {
        let mut before = Vec::new();
        for path in [MOST, BUCKETS] {
            let old = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let enough = old.trim().parse::<u32>().is_ok_and(|old| old >= connections);
            if !enough {
                fs::write(path, connections.to_string()).unwrap_or_else(|error| panic!("{path}: {error}"));
                before.push((path, old));
            }
        }
        Self(before)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for (path, old) in &self.0 {
            let _ = fs::write(path, old.trim());
        }
    }
}

const MOST: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const BUCKETS: &str = "/sys/module/nf_conntrack/parameters/hashsize";
