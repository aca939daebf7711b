//! End-to-end tests of Sluice: what the tests in `tests/` stand on.
//!
//! Everything here needs root and the tools of `make test`'s machine (ip, nft, iptables-restore, ethtool).

pub mod capture;
pub mod daemon;
pub mod difference;
pub mod firewall;
pub mod follow;
pub mod lab;
pub mod netns;
pub mod oracle;
pub mod page;
pub mod parity;

pub mod rulesets;
pub mod scenario;
pub mod sluice;
pub mod system;
pub mod traffic;
pub mod wait;

pub use capture::{Record, Side};
pub use netns::Namespace;
pub use oracle::{Judgement, Oracle};
