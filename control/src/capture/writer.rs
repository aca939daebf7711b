//! Where do the packets that passed, or did not, go? Into a pcap of nanoseconds.

use super::reader::{Captured, FRAME_LIMIT};
use crate::failure::{Failure, Outcome};
use pcap_file::pcap::{PcapHeader, PcapWriter, RawPcapPacket};
use pcap_file::{DataLink, Endianness, TsResolution};
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A pcap file of Ethernet frames being written, with nanoseconds.
pub struct Writer {
    path: PathBuf,
    writer: PcapWriter<BufWriter<File>>,
}

impl Writer {
    /// Creates `path`, or empties it.
    pub fn create(path: &Path) -> Outcome<Self> {
        let file = File::create(path).map_err(|error| failed(path, &error))?;
        let header = PcapHeader {
            version_major: 2,
            version_minor: 4,
            ts_correction: 0,
            ts_accuracy: 0,
            snaplen: FRAME_LIMIT as u32,
            datalink: DataLink::ETHERNET,
            ts_resolution: TsResolution::NanoSecond,
            endianness: Endianness::native(),
        };
        let writer = PcapWriter::with_header(BufWriter::with_capacity(1 << 18, file), header)
            .map_err(|error| failed(path, &error))?;
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Appends a frame.
    pub fn write(&mut self, frame: &Captured<'_>) -> Outcome<()> {
        let length = frame.bytes.len() as u32;
        let packet = RawPcapPacket {
            ts_sec: u32::try_from(frame.time / 1_000_000_000).unwrap_or(u32::MAX),
            ts_frac: (frame.time % 1_000_000_000) as u32,
            incl_len: length,
            orig_len: u32::try_from(frame.wire_length).unwrap_or(u32::MAX).max(length),
            data: Cow::Borrowed(frame.bytes),
        };
        self.writer.write_raw_packet(&packet).map_err(|error| failed(&self.path, &error)).map(drop)
    }

    /// Writes what is still held back.
    pub fn finish(self) -> Outcome<()> {
        self.writer.into_writer().flush().map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &dyn std::error::Error) -> Failure {
    // pcap-file hides the system's words in the source
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    Failure::refused(format!("cannot write {}: {why}", path.display()))
}
