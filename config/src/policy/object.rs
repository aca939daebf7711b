//! What is kept once and met by rules: counters, limits, quotas?

/// A counter and what it starts from.
#[derive(Debug, Clone, Default)]
pub struct Counter {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// Packets it starts from.
    pub packets: u64,
    /// Bytes it starts from.
    pub bytes: u64,
}

/// A token bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// Packets or bytes.
    pub unit: LimitUnit,
    /// So many units...
    pub rate: u64,
    /// ...in so many seconds.
    pub per_seconds: u64,
    /// Units beyond the rate that may come at once.
    pub burst: u64,
    /// Whether it matches what is beyond the rate.
    pub over: bool,
    /// Seconds of a window, if it is no bucket: in a window no more than `burst` may come, and nothing at all if more
    /// than `rate` came for each such time in the one before. Only elements of sets have these.
    pub window: Option<u32>,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum LimitUnit {
    /// Packets.
    #[default]
    Packets,
    /// Bytes from the network header on.
    Bytes,
}

/// An amount of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// The amount.
    pub bytes: u64,
    /// What it starts from.
    pub used: u64,
    /// Whether it matches once the amount is used up.
    pub over: bool,
}

/// A bound on concurrent connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// The bound.
    pub count: u32,
    /// Whether it matches beyond the bound.
    pub over: bool,
}
