//! The arguments of virtual devices that replay captures.

use std::path::Path;

use crate::Error;

/// The `--vdev` argument of a net_pcap device: one receive queue a path in `receive`, one transmit
/// queue a path in `transmit`. Without a transmit path, frames sent count as sent and vanish.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a path that is not UTF-8 or holds a comma, which net_pcap has no
/// way to escape.
pub fn pcap_device(name: &str, receive: &[&Path], transmit: &[&Path]) -> Result<String, Error> {
    let mut device = name.to_owned();
    let keyed =
        receive.iter().map(|path| ("rx_pcap", path)).chain(transmit.iter().map(|path| ("tx_pcap", path)));
    for (key, path) in keyed {
        device.push_str(&format!(",{key}={}", plain(path)?));
    }
    Ok(device)
}

/// The `--vdev` argument of a net_pcap device that receives from and sends to a network interface.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an interface name that holds a comma.
pub fn pcap_interface(name: &str, interface: &str) -> Result<String, Error> {
    Ok(format!("{name},iface={}", plain(Path::new(interface))?))
}

fn plain(path: &Path) -> Result<&str, Error> {
    let refuse = |reason| Err(Error::InvalidArgument { argument: path.display().to_string(), reason });
    match path.to_str() {
        None => refuse("net_pcap needs a path in UTF-8"),
        Some(text) if text.contains(',') => refuse("net_pcap cannot take a comma"),
        Some(text) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_for_each_path() {
        let [a, b, c] = ["a.pcap", "b.pcap", "c.pcap"].map(Path::new);
        assert_eq!(
            pcap_device("net_pcap0", &[a, b], &[c]).unwrap(),
            "net_pcap0,rx_pcap=a.pcap,rx_pcap=b.pcap,tx_pcap=c.pcap"
        );
    }

    #[test]
    fn a_comma_is_refused() {
        let error = pcap_device("net_pcap0", &[Path::new("a,b")], &[]).unwrap_err();
        assert_eq!(error.to_string(), "`a,b`: net_pcap cannot take a comma");
    }
}
