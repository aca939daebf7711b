//! How is a message of ASN.1 packed? By PER (X.691, aligned), written down bit by bit.

/// Bits, and where octets begin.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    bytes: Vec<u8>,
    /// Bits of the last byte that are written; none before the first.
    used: usize,
}

impl Packed {
    /// So many bits of a number.
    #[must_use]
    pub fn bits(mut self, count: usize, value: usize) -> Self {
        for bit in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
                self.used = 0;
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.used);
            }
            self.used += 1;
        }
        self
    }

    /// Octets, aligned.
    #[must_use]
    pub fn octets(mut self, octets: &[u8]) -> Self {
        self.used = 0;
        self.bytes.extend(octets);
        self
    }

    /// A number of two octets, aligned.
    #[must_use]
    pub fn word(self, value: usize) -> Self {
        self.octets(&(value as u16).to_be_bytes())
    }

    /// A length in its general form, or how many follow.
    #[must_use]
    pub fn length(self, length: usize) -> Self {
        match length {
            0..128 => self.octets(&[length as u8]),
            _ => self.word(0x8000 | length),
        }
    }

    /// What has a length of its own.
    #[must_use]
    pub fn open(self, octets: &[u8]) -> Self {
        self.length(octets.len()).octets(octets)
    }

    /// What another writes.
    #[must_use]
    pub fn then(self, write: impl FnOnce(Self) -> Self) -> Self {
        write(self)
    }

    /// What is written if it is there.
    #[must_use]
    pub fn maybe<T>(self, there: Option<T>, write: impl FnOnce(Self, T) -> Self) -> Self {
        match there {
            Some(it) => write(self, it),
            None => self,
        }
    }

    /// What later editions have added: their bits and theirs.
    #[must_use]
    pub fn added(self, all: &[Option<Vec<u8>>]) -> Self {
        let count = all.len();
        let bits = |this: Self, one: &Option<Vec<u8>>| this.bits(1, usize::from(one.is_some()));
        let this = all.iter().fold(self.bits(7, count - 1), bits);
        all.iter().flatten().fold(this, |this, one| this.open(one))
    }

    /// All of it.
    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.bytes
    }
}
