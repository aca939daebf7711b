//! Which rulesets are loaded? Written to files here, the same ones in every run: elements and rules differ from one
//! another, as those that programs write do.

mod rules;
mod saved;
mod sets;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Who else can load a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// `nft -f`
    Nft,
    /// `iptables-restore`
    Iptables,
    /// `ipset restore`, then `iptables-restore`: not asked here, since the kernel may be without it.
    Ipset,
}

/// A ruleset to load.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// What is in it, in a few words.
    pub name: &'static str,
    /// Whose language it is in.
    pub rival: Rival,
    /// Seconds it may take.
    pub seconds: f64,
    /// Bytes it may take besides what an empty ruleset takes, if the bound is a figure.
    pub bytes: Option<u64>,
    size: u32,
    write: Writes,
    /// What stands in a file of its own.
    beside: Option<Writes>,
}

/// Writes a text of so many elements or rules.
type Writes = fn(&mut dyn Write, u32) -> io::Result<()>;

impl Text {
    /// Writes it to files of `directory`.
    ///
    /// # Errors
    /// Those of the files.
    pub fn write(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let writers = [("text", Some(self.write)), ("beside", self.beside)];
        let writers = writers.into_iter().filter_map(|(name, write)| Some((directory.join(name), write?)));
        let written = writers.map(|(path, write)| {
            let mut file = BufWriter::new(File::create(&path)?);
            write(&mut file, self.size)?;
            file.flush()?;
            Ok(path)
        });
        written.collect()
    }
}

/// Every text; `scale` divides the sizes.
pub fn all(scale: u32) -> Vec<Text> {
    let set = |&(name, write): &(&'static str, Writes)| Text {
        name,
        rival: Rival::Nft,
        seconds: 3.0,
        bytes: Some(200 << 20),
        size: MILLION / scale,
        write,
        beside: None,
    };
    let saved = |&(name, write): &(&'static str, Writes)| Text {
        rival: Rival::Ipset,
        write: saved::dump,
        beside: Some(write),
        ..set(&(name, write))
    };
    let rules = |&(name, rival, size, seconds, write): &(&'static str, Rival, u32, f64, Writes)| Text {
        name,
        rival,
        seconds,
        bytes: None,
        size: size / scale,
        write,
        beside: None,
    };
    let sets = sets::ALL.iter().map(set).chain(saved::ALL.iter().map(saved));
    sets.chain(rules::ALL.iter().map(rules)).collect()
}

/// A different number for every number, in no order.
const fn scattered(n: u32) -> u32 {
    n.wrapping_mul(2_654_435_761)
}

fn v4(address: u32) -> std::net::Ipv4Addr {
    address.into()
}

fn v6(n: u32) -> std::net::Ipv6Addr {
    let (high, low) = (u128::from(scattered(n)), u128::from(scattered(n ^ 0x5555)));
    (0x2001_0db8_u128 << 96 | high << 64 | low).into()
}

const MILLION: u32 = 1_000_000;
