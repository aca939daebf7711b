//! What has a port counted?

use std::ffi::CStr;

use dpdk_sys as sys;

use crate::Error;

/// The counters every port has, since its start or the last reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PortStatistics {
    /// Packets received.
    pub received_packets: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Packets the device took to send.
    pub transmitted_packets: u64,
    /// Bytes the device took to send.
    pub transmitted_bytes: u64,
    /// Packets the device dropped because the receive queue was full.
    pub missed: u64,
    /// Packets that arrived broken. For net_pcap: the capture ends in the middle of a record.
    pub receive_errors: u64,
    /// Packets that could not be sent.
    pub transmit_errors: u64,
    /// Packets dropped because the mempool was empty.
    pub no_mbuf: u64,
}

/// Reads the counters of a port.
pub(crate) fn read(port: u16, name: &str) -> Result<PortStatistics, Error> {
    let mut raw = sys::rte_eth_stats::default();
    // SAFETY: a place for the counters; a bad port is an error.
    let status = unsafe { sys::rte_eth_stats_get(port, &raw mut raw) };
    Error::check("rte_eth_stats_get", name, status)?;
    Ok(PortStatistics {
        received_packets: raw.ipackets,
        received_bytes: raw.ibytes,
        transmitted_packets: raw.opackets,
        transmitted_bytes: raw.obytes,
        missed: raw.imissed,
        receive_errors: raw.ierrors,
        transmit_errors: raw.oerrors,
        no_mbuf: raw.rx_nombuf,
    })
}

/// Reads the driver's own counters with their names.
pub(crate) fn read_extended(port: u16, name: &str) -> Result<Vec<(String, u64)>, Error> {
    // SAFETY: a null pointer and no room ask for the count.
    let count = unsafe { sys::rte_eth_xstats_get_names(port, std::ptr::null_mut(), 0) };
    let count = Error::check("rte_eth_xstats_get_names", name, count)?;
    let room = count.cast_unsigned();
    let mut names = vec![sys::rte_eth_xstat_name::default(); room as usize];
    let mut values = vec![sys::rte_eth_xstat::default(); room as usize];
    // SAFETY: places for `room` names.
    let status = unsafe { sys::rte_eth_xstats_get_names(port, names.as_mut_ptr(), room) };
    Error::check("rte_eth_xstats_get_names", name, status)?;
    // SAFETY: places for `room` values.
    let filled = unsafe { sys::rte_eth_xstats_get(port, values.as_mut_ptr(), room) };
    let filled = Error::check("rte_eth_xstats_get", name, filled)?;
    Ok(values
        .iter()
        .take(filled.cast_unsigned() as usize)
        .filter_map(|value| {
            let name = names.get(usize::try_from(value.id).ok()?)?;
            // SAFETY: the name is terminated inside its array, which DPDK has filled.
            let name = unsafe { CStr::from_ptr(name.name.as_ptr()) };
            Some((name.to_string_lossy().into_owned(), value.value))
        })
        .collect())
}
