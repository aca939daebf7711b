//! Frames, and captures of them.
#![allow(dead_code, reason = "each test uses its part")]

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use pcap_file::pcap::{PcapPacket, PcapReader, PcapWriter};

/// A frame of `len` bytes that differs from those with another number.
pub(crate) fn frame(number: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00];
    bytes.extend((bytes.len()..len).map(|n| (n as u8).wrapping_mul(31) ^ number));
    bytes
}

/// Writes a capture in microseconds; frame `n` was taken `1_000_000 + n` seconds and `n`
/// microseconds after 1970.
pub(crate) fn write(path: &Path, frames: &[Vec<u8>]) {
    let mut writer = PcapWriter::new(File::create(path).unwrap()).unwrap();
    for (n, bytes) in frames.iter().enumerate() {
        let time = Duration::from_micros(timestamp(n));
        let packet = PcapPacket::new(time, bytes.len() as u32, bytes);
        writer.write_packet(&packet).unwrap();
    }
}

/// The time of frame `n` in microseconds.
pub(crate) fn timestamp(n: usize) -> u64 {
    1_000_000_000_000 + n as u64 * 1_000_001
}

/// Reads the frames of a capture.
pub(crate) fn read(path: &Path) -> Vec<Vec<u8>> {
    let mut reader = PcapReader::new(File::open(path).unwrap()).unwrap();
    let mut frames = Vec::new();
    while let Some(packet) = reader.next_packet() {
        frames.push(packet.unwrap().data.into_owned());
    }
    frames
}
