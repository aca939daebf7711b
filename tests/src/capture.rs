//! What goes into a comparison? Frames in time order, each with the side it arrives from; read from and
//! written to pcap files.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::Endianness;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapWriter};

/// From where a packet arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// From the network.
    Outside,
    /// From what is protected.
    Inside,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Outside => Self::Inside,
            Self::Inside => Self::Outside,
        }
    }
}

/// One packet of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it arrives.
    pub side: Side,
    /// When, since some epoch.
    pub time: Duration,
    /// An Ethernet frame.
    pub frame: Vec<u8>,
}

/// The bundled captures and their rulesets: `tests/captures`, `tests/rulesets`.
#[must_use]
pub fn bundled(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The prefixes of what the bundled captures protect, as `--inside` takes them.
pub const BUNDLED_INSIDE: &str = "192.0.2.0/24,2001:db8:2::/64,fe80::10/128";

/// The MAC address of the protected server of the bundled captures.
pub const BUNDLED_SERVER: [u8; 6] = [0x02, 0, 0, 0, 0x02, 0x10];

/// Every frame of a classic pcap file with its time.
///
/// # Panics
/// If the file is none.
#[must_use]
pub fn frames(path: &Path) -> Vec<(Duration, Vec<u8>)> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = PcapReader::new(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut frames = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        frames.push((packet.timestamp, packet.data.into_owned()));
    }
    frames
}

/// The records of a bundled capture: what the server's MAC address sent comes from inside.
#[must_use]
pub fn records(path: &Path) -> Vec<Record> {
    let side = |frame: &[u8]| if frame[6..12] == BUNDLED_SERVER { Side::Inside } else { Side::Outside };
    let frames = frames(path).into_iter();
    frames.map(|(time, frame)| Record { side: side(&frame), time, frame }).collect()
}

/// Whether an Ethernet frame carries a part of a datagram only.
#[must_use]
pub fn is_fragment(frame: &[u8]) -> bool {
    match (&frame[12..14], frame.get(14..)) {
        ([8, 0], Some(ip)) => ip.get(6..8).is_some_and(|field| (field[0] & 0x3f, field[1]) != (0, 0)),
        _ => fragment_header(frame).is_some(),
    }
}

/// Where the fragment header of IPv6 begins, behind options and routes.
#[must_use]
pub fn fragment_header(frame: &[u8]) -> Option<usize> {
    if frame.get(12..14)? != [0x86, 0xdd] {
        return None;
    }
    let (mut next, mut at) = (*frame.get(20)?, 54);
    while let 0 | 43 | 60 = next {
        next = *frame.get(at)?;
        at += 8 * (usize::from(*frame.get(at + 1)?) + 1);
    }
    (next == 44).then_some(at)
}

/// Writes a pcap file, Ethernet, microseconds.
///
/// # Panics
/// If it cannot be written.
pub fn write<'a>(path: &Path, frames: impl IntoIterator<Item = (Duration, &'a [u8])>) {
    let file = BufWriter::new(File::create(path).expect("the file can be made"));
    let header = PcapHeader { endianness: Endianness::native(), ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(file, header).expect("written");
    for (time, frame) in frames {
        let length = u32::try_from(frame.len()).expect("a frame");
        writer.write_packet(&PcapPacket::new(time, length, frame)).expect("written");
    }
}
