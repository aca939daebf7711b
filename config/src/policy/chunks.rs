//! Which chunks of an SCTP packet are asked for?

/// Chunks of an SCTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chunks {
    /// How those named and those of the packet go together.
    pub mode: ChunkMode,
    /// Those named, a bit for each of [`CHUNK_TYPES`]; the last for all others.
    pub types: u32,
    /// What is asked of their flags, a byte for each of [`FLAGGED_CHUNKS`], in order from the lowest: bits of interest
    /// in the upper half, the values they must have in the lower. Other chunks have no flags to ask for.
    pub flags: u32,
}

/// How chunks are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChunkMode {
    /// Each of those named is there.
    All,
    /// One of those named is there.
    Any,
    /// No other is there.
    Only,
}

/// The chunk types that can be named: RFC 9260, 3758, 4820, 4895, 5061, 6525, 8260.
pub const CHUNK_TYPES: [u8; 22] =
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 64, 128, 130, 132, 192, 193, 194];

/// The chunk types whose flags can be asked for: DATA, I-DATA, ABORT, SHUTDOWN COMPLETE.
pub const FLAGGED_CHUNKS: [u8; 4] = [0, 64, 6, 14];
