//! What is DPDK started with? Memory, lcores and devices, checked as far as text can be.

use std::collections::BTreeSet;
use std::fmt;

/// `[eal]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eal {
    /// `memory`: what DPDK takes at start, in MiB here, in the file a whole number with its unit,
    /// `"512 MiB"` or `"2 GiB"`; default 512 MiB.
    pub memory: u32,
    /// `huge-pages`: whether that memory is huge pages, which the system must have set aside; default
    /// false.
    pub huge_pages: bool,
    /// `lcores`: DPDK's own map of lcores to CPUs (its `--lcores`), with at least one lcore more than
    /// there are workers; by default made from `workers.count`.
    pub lcores: Option<String>,
    /// `devices`: the DPDK ports, each the PCI address of a NIC or a virtual device with its arguments;
    /// required, at least two.
    pub devices: Vec<Device>,
    /// `file-prefix`: tells the files of several DPDK programs on one machine apart; default `"sluice"`.
    pub file_prefix: String,
    /// `extra`: further arguments, given to DPDK as they are; default none.
    pub extra: Vec<String>,
}

/// One DPDK port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// A NIC by its PCI address.
    Pci {
        /// With its domain: `0000:03:00.0`.
        address: String,
        /// What follows the first comma, as written; empty if nothing does.
        arguments: String,
    },
    /// A virtual device.
    Virtual {
        /// The driver's name and a suffix: `net_pcap0`.
        name: String,
        /// What follows the first comma, as written; empty if nothing does.
        arguments: String,
    },
}

impl Device {
    /// Reads `name,key=value,...`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, arguments) = text.split_once(',').unwrap_or((text, ""));
        let arguments = arguments.to_owned();
        if let Some(address) = pci_address(name) {
            return Ok(Self::Pci { address, arguments });
        }
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.is_empty() || !name.bytes().all(word) {
            return Err("neither a PCI address nor the name of a virtual device");
        }
        let name = name.to_owned();
        Ok(Self::Virtual { name, arguments })
    }

    /// What DPDK calls the port: the PCI address with its domain, or the virtual device's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Pci { address, .. } => address,
            Self::Virtual { name, .. } => name,
        }
    }
}

/// As DPDK's `--allow` and `--vdev` take it.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Pci { arguments, .. } | Self::Virtual { arguments, .. }) = self;
        f.write_str(self.name())?;
        if !arguments.is_empty() {
            write!(f, ",{arguments}")?;
        }
        Ok(())
    }
}

/// `[domain:]bus:device.function`, with its domain.
pub(super) fn pci_address(text: &str) -> Option<String> {
    let hex = |part: &str, digits: usize| {
        (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(())
    };
    let (place, function) = text.rsplit_once('.')?;
    let (rest, device) = place.rsplit_once(':')?;
    let (domain, bus) = rest.rsplit_once(':').unwrap_or(("0000", rest));
    hex(domain, 4)?;
    hex(bus, 2)?;
    hex(device, 2)?;
    matches!(function.as_bytes(), [b'0'..=b'7']).then_some(())?;
    Some(format!("{domain}:{bus}:{device}.{function}").to_ascii_lowercase())
}

/// Reads `"512 MiB"` into MiB.
pub(super) fn memory(text: &str) -> Result<u32, &'static str> {
    const SHAPE: &str = "not a size: a whole number and MiB or GiB, as in \"512 MiB\"";
    let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u32 = match text[number.len()..].trim() {
        "MiB" => 1,
        "GiB" => 1024,
        _ => return Err(SHAPE),
    };
    let mebibytes = number.parse::<u32>().map_err(|_| SHAPE)?;
    match mebibytes.checked_mul(unit) {
        Some(0) => Err("no memory at all"),
        Some(mebibytes) if mebibytes <= LARGEST_MEMORY => Ok(mebibytes),
        _ => Err("more than 16384 GiB"),
    }
}

/// How many lcores DPDK's `--lcores` map names: groups `SET`, `SET@CPU`, `(SET)@(CPUS)`, with commas.
pub(super) fn lcore_count(map: &str) -> Result<usize, &'static str> {
    const SHAPE: &str = "not a map of lcores as DPDK writes it, as in \"0@0,1@(0-1)\"";
    let mut lcores = BTreeSet::new();
    for group in split_groups(map) {
        let (set, cpus) = group.split_once('@').unwrap_or((group, "0"));
        let set = numbers(set).ok_or(SHAPE)?;
        numbers(cpus).ok_or(SHAPE)?;
        lcores.extend(set);
    }
    Ok(lcores.len())
}

/// At the commas that stand outside of brackets.
fn split_groups(map: &str) -> Vec<&str> {
    let mut depth = 0i32;
    map.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    })
    .collect()
}

/// `3`, `1-4` or `(1,3-4)`.
fn numbers(set: &str) -> Option<BTreeSet<u16>> {
    let set = match set.strip_prefix('(') {
        Some(rest) => rest.strip_suffix(')')?,
        None if set.contains(',') => return None,
        None => set,
    };
    let mut all = BTreeSet::new();
    for part in set.split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let low: u16 = low.trim().parse().ok()?;
        let high: u16 = high.trim().parse().ok()?;
        if low > high || high >= LARGEST_LCORES {
            return None;
        }
        all.extend(low..=high);
    }
    Some(all)
}

/// In MiB.
const LARGEST_MEMORY: u32 = 16_384 * 1024;

/// Highest number DPDK can be told as an lcore or CPU, plus one.
const LARGEST_LCORES: u16 = 1024;
