//! How is EAL to be started?

use std::fmt::Write as _;

use crate::Error;

/// Where EAL takes its memory from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Memory {
    /// Ordinary pages, this many megabytes: works everywhere, for tests and replays.
    OrdinaryPages {
        /// The size of all of EAL's memory.
        megabytes: u32,
    },
    /// Huge pages, as many as needed, without files that stay behind when the process is killed.
    HugePages,
}

/// The arguments of EAL.
///
/// The default starts anywhere: ordinary pages, no PCI devices, one lcore that floats over the CPUs
/// the process may use, and nothing shared with other DPDK processes.
#[derive(Debug, Clone)]
pub struct EalConfig {
    memory: Memory,
    pci: Pci,
    lcores: Lcores,
    vdevs: Vec<String>,
    file_prefix: Option<String>,
    log_levels: Vec<String>,
    arguments: Vec<String>,
}

#[derive(Debug, Clone)]
enum Pci {
    None,
    All,
    Only(Vec<String>),
}

#[derive(Debug, Clone)]
enum Lcores {
    Floating(u32),
    Mapped(String),
}

impl Default for EalConfig {
    fn default() -> EalConfig {
        EalConfig {
            memory: Memory::OrdinaryPages { megabytes: 256 },
            pci: Pci::None,
            lcores: Lcores::Floating(1),
            vdevs: Vec::new(),
            file_prefix: None,
            log_levels: Vec::new(),
            arguments: Vec::new(),
        }
    }
}

impl EalConfig {
    /// The default configuration.
    #[must_use]
    pub fn new() -> EalConfig {
        EalConfig::default()
    }

    /// Sets where the memory comes from.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> EalConfig {
        self.memory = memory;
        self
    }

    /// Probes every PCI device that is bound to a driver DPDK can use.
    #[must_use]
    pub fn all_pci_devices(mut self) -> EalConfig {
        self.pci = Pci::All;
        self
    }

    /// Probes this PCI device, and no other unless it is named too: `0000:01:00.0`, with device
    /// arguments after commas.
    #[must_use]
    pub fn pci_device(mut self, address: impl Into<String>) -> EalConfig {
        match &mut self.pci {
            Pci::Only(addresses) => addresses.push(address.into()),
            Pci::None | Pci::All => self.pci = Pci::Only(vec![address.into()]),
        }
        self
    }

    /// Maps lcores to CPUs in EAL's notation: `0@0,1@(2-3)`. An lcore with several CPUs floats.
    #[must_use]
    pub fn lcores(mut self, map: impl Into<String>) -> EalConfig {
        self.lcores = Lcores::Mapped(map.into());
        self
    }

    /// Starts this many lcores, the main one included, none tied to a CPU.
    #[must_use]
    pub fn floating_lcores(mut self, count: u32) -> EalConfig {
        self.lcores = Lcores::Floating(count);
        self
    }

    /// Adds a virtual device: `net_pcap0,rx_pcap=in.pcap`.
    #[must_use]
    pub fn vdev(mut self, device: impl Into<String>) -> EalConfig {
        self.vdevs.push(device.into());
        self
    }

    /// Names the files that processes of one group share. Without it nothing is shared.
    #[must_use]
    pub fn file_prefix(mut self, prefix: impl Into<String>) -> EalConfig {
        self.file_prefix = Some(prefix.into());
        self
    }

    /// Sets the level of matching log types: `pmd.net.pcap:debug`, or `debug` for all.
    #[must_use]
    pub fn log_level(mut self, level: impl Into<String>) -> EalConfig {
        self.log_levels.push(level.into());
        self
    }

    /// Adds an argument as it is, after all others.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> EalConfig {
        self.arguments.push(argument.into());
        self
    }

    /// The arguments EAL gets, without the program's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a floating lcore count of zero, or an empty CPU set.
    pub fn arguments(&self) -> Result<Vec<String>, Error> {
        let mut all = Vec::new();
        match self.memory {
            Memory::OrdinaryPages { megabytes } => {
                all.extend(["--no-huge".to_owned(), "-m".to_owned(), megabytes.to_string()]);
                if self.file_prefix.is_none() {
                    all.push("--no-shconf".to_owned());
                }
            }
            Memory::HugePages => all.push("--in-memory".to_owned()),
        }
        all.push("--no-telemetry".to_owned());
        match &self.pci {
            Pci::None => all.push("--no-pci".to_owned()),
            Pci::All => {}
            Pci::Only(addresses) => {
                for address in addresses {
                    all.extend(["--allow".to_owned(), address.clone()]);
                }
            }
        }
        let map = match &self.lcores {
            Lcores::Mapped(map) => map.clone(),
            Lcores::Floating(count) => floating_map(*count, &allowed_cpus())?,
        };
        all.extend(["--lcores".to_owned(), map]);
        if let Some(prefix) = &self.file_prefix {
            all.extend(["--file-prefix".to_owned(), prefix.clone()]);
        }
        for level in &self.log_levels {
            all.push(format!("--log-level={level}"));
        }
        for device in &self.vdevs {
            all.push(format!("--vdev={device}"));
        }
        all.extend(self.arguments.iter().cloned());
        Ok(all)
    }

    /// The names of the virtual network devices asked for, each of which becomes a port.
    pub(crate) fn vdev_names(&self) -> impl Iterator<Item = &str> {
        self.vdevs
            .iter()
            .filter_map(|device| device.split(',').next())
            .filter(|name| name.starts_with("net_") || name.starts_with("eth_"))
    }
}

fn floating_map(count: u32, cpus: &[usize]) -> Result<String, Error> {
    if count == 0 || cpus.is_empty() {
        return Err(Error::InvalidArgument {
            argument: count.to_string(),
            reason: "EAL needs at least one lcore and one CPU",
        });
    }
    let cpus: Vec<String> = cpus.iter().map(ToString::to_string).collect();
    let cpus = cpus.join(",");
    let mut map = String::new();
    for lcore in 0..count {
        let comma = if lcore == 0 { "" } else { "," };
        let _ = write!(map, "{comma}{lcore}@({cpus})");
    }
    Ok(map)
}

/// The CPUs this thread may run on.
fn allowed_cpus() -> Vec<usize> {
    // SAFETY: a cpu_set_t is an array of integers, so all zeroes is one; the call writes at most
    // the size it is given, and CPU_ISSET reads within CPU_SETSIZE.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) != 0 {
            return Vec::new();
        }
        (0..libc::CPU_SETSIZE as usize).filter(|&cpu| libc::CPU_ISSET(cpu, &set)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_shares_nothing_and_needs_no_huge_pages() {
        let arguments = EalConfig::new().lcores("0@0").arguments().unwrap();
        assert_eq!(arguments.join(" "), "--no-huge -m 256 --no-shconf --no-telemetry --no-pci --lcores 0@0");
    }

    #[test]
    fn huge_pages_leave_no_files() {
        let arguments = EalConfig::new()
            .memory(Memory::HugePages)
            .pci_device("0000:01:00.0")
            .pci_device("0000:02:00.0")
            .lcores("0@0,1@1")
            .file_prefix("sluice")
            .log_level("pmd.*:debug")
            .vdev("net_null0")
            .argument("--match-allocations")
            .arguments()
            .unwrap();
        assert_eq!(
            arguments.join(" "),
            "--in-memory --no-telemetry --allow 0000:01:00.0 --allow 0000:02:00.0 \
             --lcores 0@0,1@1 --file-prefix sluice --log-level=pmd.*:debug --vdev=net_null0 \
             --match-allocations"
        );
    }

    #[test]
    fn floating_lcores_share_the_allowed_cpus() {
        assert_eq!(floating_map(2, &[1, 3]).unwrap(), "0@(1,3),1@(1,3)");
        assert!(floating_map(0, &[1]).is_err());
        assert!(floating_map(1, &[]).is_err());
        assert!(!allowed_cpus().is_empty());
    }

    #[test]
    fn only_network_devices_become_ports() {
        let config = EalConfig::new().vdev("net_null0,copy=1").vdev("crypto_null0");
        assert_eq!(config.vdev_names().collect::<Vec<_>>(), ["net_null0"]);
    }
}
