//! What is known about a port?

use std::ffi::CStr;
use std::fmt;

use dpdk_sys as sys;

use crate::Error;

/// The number of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(u16);

impl PortId {
    /// The port of this number, which need not exist.
    #[inline]
    #[must_use]
    pub const fn new(number: u16) -> PortId {
        PortId(number)
    }

    /// The number.
    #[inline]
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The state of a port's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Is it up?
    pub up: bool,
    /// The speed in megabits per second; `None` when unknown or down.
    pub speed: Option<u32>,
    /// Both directions at once?
    pub full_duplex: bool,
}

/// What a device can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortInfo {
    /// The driver: `net_pcap`, `net_ixgbe`.
    pub driver: String,
    /// The most receive queues.
    pub max_receive_queues: u16,
    /// The most transmit queues.
    pub max_transmit_queues: u16,
    /// The smallest MTU in bytes.
    pub min_mtu: u16,
    /// The largest MTU in bytes.
    pub max_mtu: u16,
    /// The receive offloads, `RTE_ETH_RX_OFFLOAD_*` bits.
    pub receive_offloads: u64,
    /// The transmit offloads, `RTE_ETH_TX_OFFLOAD_*` bits.
    pub transmit_offloads: u64,
    /// The header fields RSS can hash, `RTE_ETH_RSS_*` bits; zero without RSS.
    pub rss_fields: u64,
    /// The length of the RSS key in bytes; zero when the device does not say.
    pub rss_key_len: u8,
    /// The entries of the RSS redirection table.
    pub rss_table_len: u16,
}

/// Reads what DPDK knows about a device.
pub(crate) fn read(port: u16, name: &str) -> Result<sys::rte_eth_dev_info, Error> {
    let mut info = sys::rte_eth_dev_info::default();
    // SAFETY: a place for the answer; a bad port is an error.
    let status = unsafe { sys::rte_eth_dev_info_get(port, &raw mut info) };
    Error::check("rte_eth_dev_info_get", name, status)?;
    Ok(info)
}

impl PortInfo {
    /// Picks what is of use.
    pub(crate) fn from_raw(info: &sys::rte_eth_dev_info) -> PortInfo {
        let driver = if info.driver_name.is_null() {
            String::new()
        } else {
            // SAFETY: not null, so the driver's name: terminated, and part of the program.
            unsafe { CStr::from_ptr(info.driver_name) }.to_string_lossy().into_owned()
        };
        PortInfo {
            driver,
            max_receive_queues: info.max_rx_queues,
            max_transmit_queues: info.max_tx_queues,
            min_mtu: info.min_mtu,
            max_mtu: info.max_mtu,
            receive_offloads: info.rx_offload_capa,
            transmit_offloads: info.tx_offload_capa,
            rss_fields: info.flow_type_rss_offloads,
            rss_key_len: info.hash_key_size,
            rss_table_len: info.reta_size,
        }
    }
}

/// The name of a port, `None` when there is no such port.
pub(crate) fn name(port: u16) -> Option<String> {
    let mut name = [0; sys::RTE_ETH_NAME_MAX_LEN as usize];
    // SAFETY: the array is as long as the longest name with its end; a bad port is an error.
    let status = unsafe { sys::rte_eth_dev_get_name_by_port(port, name.as_mut_ptr()) };
    // SAFETY: the call succeeded, so the name is terminated inside the array.
    (status == 0)
        .then(|| unsafe { CStr::from_ptr(name.as_ptr()) })
        .map(|name| name.to_string_lossy().into_owned())
}

/// The state of a port's link, without waiting for it.
pub(crate) fn link(port: u16, name: &str) -> Result<Link, Error> {
    let (mut speed, mut full_duplex, mut up) = (0, 0, 0);
    // SAFETY: three places for the answers; a bad port is an error.
    let status = unsafe { sys::dpdk_sys_link_get(port, &raw mut speed, &raw mut full_duplex, &raw mut up) };
    Error::check("rte_eth_link_get_nowait", name, status)?;
    Ok(Link {
        up: up != 0,
        speed: (up != 0 && speed != 0 && speed != UNKNOWN_SPEED).then_some(speed),
        full_duplex: full_duplex != 0,
    })
}

/// The Ethernet address of a port.
pub(crate) fn mac_address(port: u16, name: &str) -> Result<MacAddress, Error> {
    let mut address = sys::rte_ether_addr::default();
    // SAFETY: a place for the answer; a bad port is an error.
    let status = unsafe { sys::rte_eth_macaddr_get(port, &raw mut address) };
    Error::check("rte_eth_macaddr_get", name, status)?;
    Ok(MacAddress(address.addr_bytes))
}

/// `RTE_ETH_SPEED_NUM_UNKNOWN`.
const UNKNOWN_SPEED: u32 = u32::MAX;
