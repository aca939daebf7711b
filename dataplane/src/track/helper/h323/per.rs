//! How is a message in ASN.1, packed by PER (X.691, aligned), read? Along a description of its types; what is found on the
//! way is noted, all else stepped over.
//!
//! To the letter of Linux, which knows the types of one edition: what a later one has added is skipped by its length, and
//! where an announcement can no longer follow, it stops. The work for a packet is bounded: a budget of steps, and
//! descriptions that contain no type within itself.

use super::description::{Additions, Choice, Counted, Field, Length, List, Role, Sequence, Type, has};

/// What was found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) role: Role,
    /// Of an address, how many octets the host has.
    pub(super) octets: u8,
    /// A number, or where the address lies.
    pub(super) value: u32,
}

/// All that was found in a message, in its order.
#[derive(Debug)]
pub(super) struct Findings {
    all: [Found; MOST_FOUND],
    count: usize,
}

impl Findings {
    pub(super) const fn new() -> Self {
        const NOTHING: Found = Found { role: Role::None, octets: 0, value: 0 };
        Self { all: [NOTHING; MOST_FOUND], count: 0 }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Found> {
        self.all[..self.count].iter()
    }

    fn push(&mut self, found: Found) -> Result<(), Fault> {
        *self.all.get_mut(self.count).ok_or(Fault::TooMuch)? = found;
        self.count += 1;
        Ok(())
    }
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is none: it ends too early, or chooses what is not there.
    Malformed,
    /// It takes more steps than there may be.
    TooMuch,
}

/// Reads a message from `octets` on, of this type, and notes what it finds; `steps` are those that may be taken.
///
/// # Errors
/// If it cannot be read up to its end; what was found is void then.
pub(super) fn decode(
    octets: &[u8],
    from: usize,
    what: Type,
    steps: &mut u32,
    findings: &mut Findings,
) -> Result<(), Fault> {
    findings.count = 0;
    let mut reader =
        Reader { octets, at: from * 8, end: octets.len() * 8, role: Role::None, steps, findings };
    reader.decode(&what, true)
}

struct Reader<'a> {
    octets: &'a [u8],
    /// In bits.
    at: usize,
    end: usize,
    role: Role,
    steps: &'a mut u32,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn field(&mut self, field: &Field, is_read: bool) -> Result<(), Fault> {
        let is_read = is_read && field.is_read;
        if is_read && field.role != Role::None {
            self.role = field.role;
            if field.role.is_mark() {
                self.note(0, 0)?;
            }
        }
        self.decode(&field.what, is_read)
    }

    fn decode(&mut self, what: &Type, is_read: bool) -> Result<(), Fault> {
        *self.steps = self.steps.checked_sub(1).ok_or(Fault::TooMuch)?;
        match *what {
            Type::Null => return Ok(()),
            Type::Bits(bits) => self.at += usize::from(bits),
            Type::Octets(octets) => self.step(octets),
            Type::Host(octets) => {
                self.align();
                if is_read {
                    self.note(octets, self.at as u32 / 8)?;
                }
                self.step(octets);
            }
            Type::Seconds => self.seconds(is_read)?,
            Type::Counted(counted) => self.counted(counted)?,
            Type::Sequence(sequence) => return self.sequence(sequence, is_read),
            Type::List(list) => return self.list(list, is_read),
            Type::Choice(choice) => return self.choice(choice, is_read),
        }
        self.need(0)
    }

    fn note(&mut self, octets: u8, value: u32) -> Result<(), Fault> {
        if matches!(self.role, Role::None | Role::Other) {
            return Ok(());
        }
        self.findings.push(Found { role: self.role, octets, value })
    }

    fn step(&mut self, octets: u8) {
        self.align();
        self.at += usize::from(octets) * 8;
    }

    /// As in Linux, what is read of such a number is stepped over twice.
    fn seconds(&mut self, is_read: bool) -> Result<(), Fault> {
        self.need(2)?;
        let octets = self.bits(2) + 1;
        self.align();
        self.need(octets as usize * 8)?;
        if is_read {
            let value = (0..octets).fold(0, |value: u32, _| value << 8 | self.bits(8));
            self.note(0, value.wrapping_add(1))?;
        }
        self.at += octets as usize * 8;
        Ok(())
    }

    fn counted(&mut self, Counted { length, least, unit }: Counted) -> Result<(), Fault> {
        let said = match length {
            Length::Bits(bits) => {
                self.need(usize::from(bits))?;
                let said = self.bits(bits);
                self.align();
                said
            }
            Length::Octet => {
                self.align();
                self.need(8)?;
                self.bits(8)
            }
            Length::TwoOctets => {
                self.align();
                self.need(16)?;
                self.bits(8) << 8 | self.bits(8)
            }
            Length::General => {
                self.align();
                self.need(16)?;
                self.length()
            }
        };
        self.at += ((said + least) * unit) as usize;
        Ok(())
    }

    fn sequence(&mut self, sequence: &Sequence, is_read: bool) -> Result<(), Fault> {
        self.need(1)?;
        let is_extended = sequence.additions.is_some() && self.bits(1) != 0;
        self.need(usize::from(sequence.optional))?;
        let present = self.bitmap(u32::from(sequence.optional));
        let mut bit = 1 << 31;
        for field in sequence.root {
            if field.is_optional {
                let is_present = present & bit != 0;
                bit >>= 1;
                if !is_present {
                    continue;
                }
            }
            if field.is_open {
                self.need(16)?;
                self.open(field, is_read)?;
            } else {
                self.field(field, is_read)?;
            }
        }
        match sequence.additions {
            Some(additions) if is_extended && sequence.is_whole => self.additions(&additions, is_read),
            _ => Ok(()),
        }
    }

    /// What later editions have added. As in Linux, what is not known is taken to be there even if it is said to be absent.
    fn additions(&mut self, additions: &Additions, is_read: bool) -> Result<(), Fault> {
        self.need(7)?;
        let count = self.bits(7) + 1;
        self.need(count as usize)?;
        if count > 32 {
            return Err(Fault::Malformed);
        }
        let present = self.bitmap(count);
        self.align();
        for number in 0..count as u8 {
            let is_known = number < additions.known;
            if is_known && number >= additions.stops {
                return Ok(());
            }
            if is_known && present << number >> 31 == 0 {
                continue;
            }
            self.need(16)?;
            let added = additions.read.iter().find(|(known, _)| *known == number);
            self.open(added.map_or(&UNKNOWN, |(_, field)| field), is_read)?;
        }
        Ok(())
    }

    fn list(&mut self, list: &List, is_read: bool) -> Result<(), Fault> {
        self.align();
        self.need(16)?;
        for number in 0..self.length() {
            let is_read_here = is_read && number < list.most;
            if !list.item.is_open {
                self.field(&list.item, is_read_here)?;
                continue;
            }
            self.align();
            self.need(16)?;
            let (from, until) = self.octets_of_its_own()?;
            if is_read && list.item.is_read {
                self.at = from;
                self.field(&list.item, is_read_here)?;
            }
            self.at = until;
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Choice, is_read: bool) -> Result<(), Fault> {
        self.need(1)?;
        let added = choice.additions.filter(|_| self.bits(1) != 0);
        let chosen = if added.is_some() {
            self.need(7)?;
            self.bits(7) as usize + choice.root.len()
        } else {
            self.need(usize::from(choice.bits()))?;
            self.bits(choice.bits()) as usize
        };
        if added.is_none() && chosen >= choice.root.len() {
            return Err(Fault::Malformed);
        }
        if is_read && choice.is_noted {
            self.note(0, chosen as u32)?;
        }
        let Some(additions) = added else {
            let field = &choice.root[chosen];
            return if field.stops { Ok(()) } else { self.field(field, is_read) };
        };
        let number = (chosen - choice.root.len()) as u8;
        if number < additions.known && number >= additions.stops {
            return Ok(());
        }
        self.align();
        self.need(16)?;
        let added = additions.read.iter().find(|(known, _)| *known == number);
        self.open(added.map_or(&UNKNOWN, |(_, field)| field), is_read)
    }

    /// What has a length of its own.
    fn open(&mut self, field: &Field, is_read: bool) -> Result<(), Fault> {
        let (from, until) = self.octets_of_its_own()?;
        if is_read && field.is_read {
            self.at = from;
            self.field(field, true)?;
        }
        self.at = until;
        Ok(())
    }

    fn octets_of_its_own(&mut self) -> Result<(usize, usize), Fault> {
        let bits = self.length() as usize * 8;
        self.need(bits)?;
        Ok((self.at, self.at + bits))
    }

    /// A length in its general form, of which the octets may lie across others.
    fn length(&mut self) -> u32 {
        let mut octet = || {
            let octet = self.octets.get(self.at / 8).copied().unwrap_or(0);
            self.at += 8;
            u32::from(octet)
        };
        match octet() {
            short @ 0..0x80 => short,
            high => (high & 0x3f) << 8 | octet(),
        }
    }

    /// So many bits, eight at most.
    fn bits(&mut self, bits: u8) -> u32 {
        let at = self.at / 8;
        let of = |at: usize| u32::from(self.octets.get(at).copied().unwrap_or(0));
        let both = of(at) << 8 | of(at + 1);
        let behind = 16 - (self.at % 8) as u32 - u32::from(bits);
        self.at += usize::from(bits);
        both >> behind & ((1 << bits) - 1)
    }

    /// So many bits, 32 at most, from the highest bit on. As in Linux, one that ends with the fourth octet is taken from the
    /// beginning of the first.
    fn bitmap(&mut self, bits: u32) -> u32 {
        let (at, before) = (self.at / 8, (self.at % 8) as u32);
        let all = (0..5)
            .fold(0, |all, octet| all << 8 | u64::from(self.octets.get(at + octet).copied().unwrap_or(0)));
        let shift = if before + bits == 32 { 8 } else { 8 - before };
        self.at += bits as usize;
        match bits {
            0 => 0,
            _ => (all >> shift) as u32 & u32::MAX << (32 - bits),
        }
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    fn need(&self, bits: usize) -> Result<(), Fault> {
        if self.at + bits <= self.end { Ok(()) } else { Err(Fault::Malformed) }
    }
}

/// What is skipped by its length.
const UNKNOWN: Field = has(Type::Null);

/// Of H.225.0, thirty channels that are opened with the call and four messages of H.245: six each, and the beginning.
const MOST_FOUND: usize = 256;
