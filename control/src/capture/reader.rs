//! Which frames are in this file, and when were they seen? pcap of either byte order and resolution, and
//! pcapng.

use super::link::Link;
use crate::failure::{Failure, Outcome};
use pcap_file::PcapError;
use pcap_file::TsResolution;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::PcapNgReader;
use pcap_file::pcapng::blocks::Block;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

/// The most bytes of a frame that can be replayed: what a port can take.
pub const FRAME_LIMIT: usize = 65_535;

/// A capture file being read.
pub struct Capture {
    path: PathBuf,
    format: Format,
    read: u64,
    frame: Vec<u8>,
}

enum Format {
    Pcap { reader: Box<PcapReader<File>>, link: Link, nanoseconds: bool },
    PcapNg { reader: Box<PcapNgReader<File>>, interfaces: Vec<Interface> },
}

/// An interface of a pcapng section.
#[derive(Clone, Copy)]
struct Interface {
    link: Option<Link>,
    number: u32,
    snap_length: u32,
    resolution: Resolution,
    /// Seconds to be added to every time.
    offset: i64,
}

/// How long a unit of a pcapng time is.
#[derive(Clone, Copy)]
enum Resolution {
    /// 10^-n seconds.
    Decimal(u32),
    /// 2^-n seconds.
    Binary(u32),
}

/// One frame of a capture, as Ethernet.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    /// When it was seen, in nanoseconds since 1970.
    pub time: u64,
    /// How many bytes it would have had the capture cut off none.
    pub wire_length: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl Capture {
    /// Opens `path`; `-`, and anything that is no regular file, is first copied to a temporary one.
    pub fn open(path: &Path) -> Outcome<Self> {
        let shown = path.display();
        let failed = |error: io::Error| Failure::refused(format!("{shown}: {}", plain(&error)));
        let mut file = if path.as_os_str() == "-" {
            spooled(&mut io::stdin().lock()).map_err(failed)?
        } else {
            let file = File::open(path).map_err(failed)?;
            let kind = file.metadata().map_err(failed)?.file_type();
            if kind.is_dir() {
                return Err(Failure::refused(format!("{shown}: is a directory, not a capture")));
            }
            if kind.is_file() { file } else { spooled(&mut &file).map_err(failed)? }
        };
        let mut magic = Vec::new();
        (&mut file).take(4).read_to_end(&mut magic).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let format = match magic[..] {
            [] => return Err(Failure::refused(format!("{shown}: the file is empty, not a capture"))),
            [0x0a, 0x0d, 0x0d, 0x0a] => {
                let reader = PcapNgReader::new(file).map_err(|error| damaged(path, 0, &error))?;
                Format::PcapNg { reader: Box::new(reader), interfaces: Vec::new() }
            }
            [0xa1, 0xb2, 0xc3 | 0x3c, 0xd4 | 0x4d] | [0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1] => {
                let reader = PcapReader::new(file).map_err(|error| damaged(path, 0, &error))?;
                let header = reader.header();
                // the upper bits tell of a frame check sequence
                let link = known(path, u32::from(header.datalink) & 0xffff)?;
                let nanoseconds = header.ts_resolution == TsResolution::NanoSecond;
                Format::Pcap { reader: Box::new(reader), link, nanoseconds }
            }
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] | [0xfd, b'7', b'z', b'X'] => {
                return Err(Failure::refused(format!("{shown}: is compressed; unpack it first")));
            }
            _ => return Err(Failure::refused(format!("{shown}: is neither a pcap nor a pcapng file"))),
        };
        Ok(Self { path: path.to_owned(), format, read: 0, frame: Vec::new() })
    }

    /// The next frame; `None` at the end. An error says behind which frame the file is damaged.
    pub fn next(&mut self) -> Outcome<Option<Captured<'_>>> {
        let read = self.read;
        let (time, cut) = match &mut self.format {
            Format::Pcap { reader, link, nanoseconds } => {
                let Some(packet) = reader.next_raw_packet() else { return Ok(None) };
                let packet = packet.map_err(|error| damaged(&self.path, read, &error))?;
                link.to_ethernet(&packet.data, &mut self.frame);
                let fraction = u64::from(packet.ts_frac) * if *nanoseconds { 1 } else { 1_000 };
                (
                    u64::from(packet.ts_sec) * 1_000_000_000 + fraction,
                    packet.orig_len.saturating_sub(packet.incl_len),
                )
            }
            Format::PcapNg { reader, interfaces } => {
                match next_pcapng(reader, interfaces, &self.path, read, &mut self.frame)? {
                    None => return Ok(None),
                    Some(found) => found,
                }
            }
        };
        if self.frame.len() > FRAME_LIMIT {
            return Err(Failure::refused(format!(
                "{}: frame {} has {} bytes; a port takes at most {FRAME_LIMIT}",
                self.path.display(),
                read + 1,
                self.frame.len()
            )));
        }
        self.read += 1;
        let wire_length = self.frame.len() as u64 + u64::from(cut);
        Ok(Some(Captured { time, wire_length, bytes: &self.frame }))
    }
}

/// The time of the next frame and how many bytes of it the capture cut off; its bytes are put into `frame`.
fn next_pcapng(
    reader: &mut PcapNgReader<File>,
    interfaces: &mut Vec<Interface>,
    path: &Path,
    read: u64,
    frame: &mut Vec<u8>,
) -> Outcome<Option<(u64, u32)>> {
    loop {
        let Some(block) = reader.next_block() else { return Ok(None) };
        let (interface, units, wire_length, bytes) =
            match block.map_err(|error| damaged(path, read, &error))? {
                Block::SectionHeader(_) => {
                    interfaces.clear();
                    continue;
                }
                Block::InterfaceDescription(description) => {
                    interfaces.push(Interface::from(&description));
                    continue;
                }
                Block::EnhancedPacket(packet) => {
                    // the reader takes the units for nanoseconds, whatever the interface says
                    let units = u64::try_from(packet.timestamp.as_nanos()).unwrap_or(u64::MAX);
                    (packet.interface_id, units, packet.original_len, packet.data)
                }
                Block::Packet(packet) => {
                    (u32::from(packet.interface_id), packet.timestamp, packet.original_len, packet.data)
                }
                Block::SimplePacket(packet) => (0, 0, packet.original_len, packet.data),
                _ => continue,
            };
        let Some(&description) = interfaces.get(interface as usize) else {
            let message =
                format!("{}: damaged behind frame {read}: no interface {interface}", path.display());
            return Err(Failure::refused(message));
        };
        let link = match description.link {
            Some(link) => link,
            None => known(path, description.number)?,
        };
        // a simple packet is padded to four bytes
        let length = (wire_length as usize).min(bytes.len()).min(match description.snap_length {
            0 => usize::MAX,
            limit => limit as usize,
        });
        link.to_ethernet(&bytes[..length], frame);
        return Ok(Some((description.nanoseconds(units), wire_length.saturating_sub(length as u32))));
    }
}

impl From<&InterfaceDescriptionBlock<'_>> for Interface {
    fn from(block: &InterfaceDescriptionBlock<'_>) -> Self {
        let number = u32::from(block.linktype);
        let (mut resolution, mut offset) = (Resolution::Decimal(6), 0);
        for option in &block.options {
            match option {
                InterfaceDescriptionOption::IfTsResol(value) if value & 0x80 != 0 => {
                    resolution = Resolution::Binary(u32::from(value & 0x7f).min(63));
                }
                InterfaceDescriptionOption::IfTsResol(value) => {
                    resolution = Resolution::Decimal(u32::from(*value).min(18));
                }
                InterfaceDescriptionOption::IfTsOffset(value) => offset = value.cast_signed(),
                _ => {}
            }
        }
        Self { link: Link::from_number(number), number, snap_length: block.snaplen, resolution, offset }
    }
}

impl Interface {
    /// A time of this interface in nanoseconds since 1970; what lies outside 64 bits is cut to them.
    fn nanoseconds(&self, units: u64) -> u64 {
        let units = u128::from(units);
        let since = match self.resolution {
            Resolution::Decimal(digits) if digits <= 9 => units * 10_u128.pow(9 - digits),
            Resolution::Decimal(digits) => units / 10_u128.pow(digits - 9),
            Resolution::Binary(bits) => (units * 1_000_000_000) >> bits,
        };
        let shifted = i128::try_from(since)
            .unwrap_or(i128::MAX)
            .saturating_add(i128::from(self.offset) * 1_000_000_000);
        u64::try_from(shifted.max(0)).unwrap_or(u64::MAX)
    }
}

fn known(path: &Path, number: u32) -> Outcome<Link> {
    Link::from_number(number).ok_or_else(|| {
        Failure::refused(format!(
            "{}: link type {number} ({}) cannot be replayed; Ethernet, Linux cooked (-i any), raw IP and \
             loopback captures can",
            path.display(),
            Link::refused_name(number)
        ))
    })
}

fn damaged(path: &Path, read: u64, error: &PcapError) -> Failure {
    let what = match error {
        PcapError::IncompleteBuffer => "it ends in the middle of a record".to_owned(),
        PcapError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it ends in the middle of a record".to_owned()
        }
        PcapError::IoError(error) => plain(error),
        other => other.to_string(),
    };
    let path = path.display();
    Failure::refused(match read {
        0 => format!("{path}: damaged before the first frame: {what}"),
        1 => format!("{path}: damaged behind the first frame: {what}"),
        _ => format!("{path}: damaged behind frame {read}: {what}"),
    })
}

/// An I/O error without the number of the system's error.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

fn spooled(from: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(from, &mut file)?;
    file.rewind()?;
    Ok(file)
}
