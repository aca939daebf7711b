//! Symmetric receive-side scaling: both directions of a flow in one queue.
//!
//! Toeplitz hashes with a key of period 16 bits do not change when source and destination, of
//! addresses or of L4 ports, change places (Woo, Park: "Scalable TCP Session Monitoring with
//! Symmetric Receive-side Scaling", 2012). The key has to be there at configure time, where most
//! devices take it; one set later, as others want it, is lost at the next stop and start.

use dpdk_sys as sys;

/// How a device that was started spreads flows over its receive queues: the low bits of a Toeplitz
/// hash choose an entry of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rss {
    /// The key of the hash, over and over.
    pub key: u16,
    /// The redirection table: receive queues. As long as a power of two.
    pub queues: Vec<u16>,
    /// Whose L4 ports are hashed: IP version and protocol. Of all other packets the addresses are.
    pub with_ports: Vec<(u8, u8)>,
}

/// The hash fields wanted, as far as the device has them.
pub(crate) const FIELDS: u64 =
    sys::RTE_ETH_RSS_IP | sys::RTE_ETH_RSS_TCP | sys::RTE_ETH_RSS_UDP | sys::RTE_ETH_RSS_SCTP;

/// The fields that stand for L4 ports, with their IP version and protocol.
const WITH_PORTS: [(u64, (u8, u8)); 6] = [
    (sys::RTE_ETH_RSS_NONFRAG_IPV4_TCP, (4, 6)),
    (sys::RTE_ETH_RSS_NONFRAG_IPV4_UDP, (4, 17)),
    (sys::RTE_ETH_RSS_NONFRAG_IPV4_SCTP, (4, 132)),
    (sys::RTE_ETH_RSS_NONFRAG_IPV6_TCP, (6, 6)),
    (sys::RTE_ETH_RSS_NONFRAG_IPV6_UDP, (6, 17)),
    (sys::RTE_ETH_RSS_NONFRAG_IPV6_SCTP, (6, 132)),
];

const KEY: u16 = 0x6d5a;
/// The length of a key where a device does not say: that of Microsoft's specification.
const USUAL_KEY_LEN: u8 = 40;
/// No key is longer.
const LONGEST_KEY: usize = 256;
/// Entries of the table in one structure of DPDK's.
const GROUP: usize = 64;

/// The length of the key of a device that says it is `said`.
pub(crate) const fn key_len(said: u8) -> u8 {
    if said == 0 { USUAL_KEY_LEN } else { said }
}

/// What is asked of a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) fields: u64,
    pub(crate) key_len: u8,
    pub(crate) table_len: u16,
}

/// The key, over and over: longer than any device wants.
pub(crate) fn symmetric_key() -> [u8; LONGEST_KEY] {
    let [first, second] = KEY.to_be_bytes();
    std::array::from_fn(|at| if at % 2 == 0 { first } else { second })
}

/// Deals the entries of the device's table to its queues in turn, and says how it spreads flows now,
/// by its own account; `None` if it does not with the symmetric key and this table, or does not say.
pub(crate) fn deal(port: u16, wanted: Wanted, queues: u16) -> Option<Rss> {
    let Wanted { fields, key_len, table_len } = wanted;
    let fields = active_fields(port, key_len).or_else(|| {
        set_key(port, key_len, fields);
        active_fields(port, key_len)
    })?;
    let len = usize::from(table_len);
    if !len.is_power_of_two() {
        return None;
    }
    let wanted: Vec<u16> = (0..table_len).map(|entry| entry % queues).collect();
    let mut groups = vec![sys::rte_eth_rss_reta_entry64::default(); len.div_ceil(GROUP)];
    for (group, entries) in groups.iter_mut().zip(wanted.chunks(GROUP)) {
        group.mask = u64::MAX >> (GROUP - entries.len());
        group.reta[..entries.len()].copy_from_slice(entries);
    }
    // SAFETY: the port is valid; the call reads `table_len` entries, which the groups hold.
    let status = unsafe { sys::rte_eth_dev_rss_reta_update(port, groups.as_mut_ptr(), table_len) };
    if status != 0 {
        return None;
    }
    for group in &mut groups {
        group.reta = [u16::MAX; GROUP];
    }
    // SAFETY: the port is valid; the call writes at most `table_len` entries, which the groups hold.
    let status = unsafe { sys::rte_eth_dev_rss_reta_query(port, groups.as_mut_ptr(), table_len) };
    let dealt = groups.iter().flat_map(|group| group.reta).take(len);
    if status != 0 || !dealt.eq(wanted.iter().copied()) {
        return None;
    }
    let with_ports = WITH_PORTS.iter().filter(|(field, _)| fields & field != 0);
    Some(Rss { key: KEY, queues: wanted, with_ports: with_ports.map(|&(_, ports)| ports).collect() })
}

/// Asks for the key once more, now that the device runs; whether it took it is read back.
fn set_key(port: u16, key_len: u8, fields: u64) {
    let mut key = symmetric_key();
    let mut conf = sys::rte_eth_rss_conf { rss_key: key.as_mut_ptr(), rss_key_len: key_len, rss_hf: fields };
    // SAFETY: the port is valid; the call reads at most the key, which is as long as any.
    unsafe { sys::rte_eth_dev_rss_hash_update(port, &raw mut conf) };
}

/// The fields the device hashes, after its start, with the symmetric key.
fn active_fields(port: u16, key_len: u8) -> Option<u64> {
    let mut key = [0; LONGEST_KEY];
    let mut conf =
        sys::rte_eth_rss_conf { rss_key: key.as_mut_ptr(), rss_key_len: key_len, ..Default::default() };
    // SAFETY: the port is valid; the call writes at most a key, and there is room for the longest.
    let status = unsafe { sys::rte_eth_dev_rss_hash_conf_get(port, &raw mut conf) };
    let (len, fields) = (usize::from(key_len), conf.rss_hf & FIELDS);
    (status == 0 && key[..len] == symmetric_key()[..len] && fields != 0).then_some(fields)
}
