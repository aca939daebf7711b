//! Symmetric receive-side scaling: both directions of a flow in one queue.
//!
//! Toeplitz hashes with a key of period 16 bits do not change when source and destination, of
//! addresses or of L4 ports, change places (Woo, Park: "Scalable TCP Session Monitoring with
//! Symmetric Receive-side Scaling", 2012). The key has to be there at configure time: one set later
//! is lost at the next stop and start.

use dpdk_sys as sys;

/// The hash fields wanted, as far as the device has them.
pub(crate) const FIELDS: u64 =
    sys::RTE_ETH_RSS_IP | sys::RTE_ETH_RSS_TCP | sys::RTE_ETH_RSS_UDP | sys::RTE_ETH_RSS_SCTP;

/// The key, of the length a device wants.
pub(crate) fn symmetric_key(len: u8) -> Vec<u8> {
    [0x6d, 0x5a].into_iter().cycle().take(len.into()).collect()
}

/// Does the device, after its start, hash with the symmetric key?
pub(crate) fn is_active(port: u16, key_len: u8) -> bool {
    let wanted = symmetric_key(key_len);
    let mut key = vec![0; wanted.len()];
    let mut conf =
        sys::rte_eth_rss_conf { rss_key: key.as_mut_ptr(), rss_key_len: key_len, ..Default::default() };
    // SAFETY: the port is valid; the call writes at most `rss_key_len` bytes at `rss_key`.
    let status = unsafe { sys::rte_eth_dev_rss_hash_conf_get(port, &raw mut conf) };
    status == 0 && !key.is_empty() && key == wanted && conf.rss_hf & FIELDS != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of Microsoft's RSS specification.
    fn toeplitz(key: &[u8], input: &[u8]) -> u32 {
        let bit = |bytes: &[u8], n: usize| bytes[n / 8] >> (7 - n % 8) & 1 == 1;
        let mut hash = 0;
        for n in (0..input.len() * 8).filter(|&n| bit(input, n)) {
            let window = (n..n + 32).fold(0u32, |w, k| w << 1 | u32::from(bit(key, k)));
            hash ^= window;
        }
        hash
    }

    #[test]
    fn both_directions_hash_alike() {
        for key_len in [40, 52] {
            let key = symmetric_key(key_len);
            assert_eq!(key.len(), usize::from(key_len));
            let there = [192, 0, 2, 1, 198, 51, 100, 7, 0x9c, 0x40, 0, 80];
            let back = [198, 51, 100, 7, 192, 0, 2, 1, 0, 80, 0x9c, 0x40];
            let other = [198, 51, 100, 8, 192, 0, 2, 1, 0, 80, 0x9c, 0x40];
            assert_eq!(toeplitz(&key, &there), toeplitz(&key, &back));
            assert_ne!(toeplitz(&key, &there), toeplitz(&key, &other));
        }
    }
}
