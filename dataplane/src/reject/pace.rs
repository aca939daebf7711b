//! How many ICMP errors may be sent? As Linux answers by default: a host is sent one a second (ICMPv6: ten), a few at
//! once; all hosts together 1000 a second, 50 at once. A RST is sent always, as it is no greater than what it answers.
//!
//! Hosts share places of a small table by a keyed hash: who shares one shares its pace, and there is nothing to fill.

use crate::packet::Network;
use crate::time::Tick;

/// The errors that one worker sent lately.
#[derive(Debug)]
pub struct Pace {
    all: Credit,
    hosts: Box<[Credit; HOSTS]>,
}

/// Milliseconds saved up since the last error, at most what is allowed at once; full until the first.
#[derive(Debug, Clone, Copy, Default)]
struct Credit {
    saved: u32,
    since: Option<Tick>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { all: Credit::default(), hosts: Box::new([Credit::default(); HOSTS]) }
    }
}

impl Pace {
    /// Whether an error may be sent at `now` to the hosts of this place, below [`HOSTS`]; if so it counts as sent.
    pub fn admits(&mut self, network: Network, host: usize, now: Tick) -> bool {
        let cost = if network == Network::Ipv6 { PER_HOST_V6 } else { PER_HOST_V4 };
        let host = &mut self.hosts[host % HOSTS];
        let all = self.all.at(now, PER_ERROR * AT_ONCE);
        let own = host.at(now, cost * AT_ONCE_PER_HOST);
        if all.saved < PER_ERROR || own.saved < cost {
            return false;
        }
        self.all = Credit { saved: all.saved - PER_ERROR, ..all };
        *host = Credit { saved: own.saved - cost, ..own };
        true
    }
}

impl Credit {
    fn at(self, now: Tick, most: u32) -> Self {
        let saved = match self.since {
            None => most,
            Some(since) => self.saved.saturating_add(now.since(since)).min(most),
        };
        Self { saved, since: Some(now) }
    }
}

/// Places for hosts.
pub const HOSTS: usize = 1024;
/// Milliseconds that an error costs: `icmp_ratelimit` of IPv4 and of IPv6, and 1 / `icmp_msgs_per_sec`.
const PER_HOST_V4: u32 = 1000;
const PER_HOST_V6: u32 = 100;
const PER_ERROR: u32 = 1;
/// `icmp_msgs_burst`, and what a host may be sent at once.
const AT_ONCE: u32 = 50;
const AT_ONCE_PER_HOST: u32 = 6;

#[cfg(test)]
mod tests {
    use super::{Network, Pace, Tick};

    fn admitted(pace: &mut Pace, network: Network, host: usize, times: u32, now: u32) -> usize {
        (0..times).filter(|_| pace.admits(network, host, Tick(now))).count()
    }

    #[test]
    fn a_host_is_sent_six_at_once_and_one_a_second() {
        let mut pace = Pace::default();
        assert_eq!(admitted(&mut pace, Network::Ipv4, 1, 10, 5), 6);
        assert_eq!(admitted(&mut pace, Network::Ipv4, 1, 10, 1004), 0);
        assert_eq!(admitted(&mut pace, Network::Ipv4, 1, 10, 1005), 1);
        assert_eq!(admitted(&mut pace, Network::Ipv4, 1, 10, 100_000), 6);
        assert_eq!(admitted(&mut pace, Network::Ipv6, 2, 10, 100_000), 6);
        assert_eq!(admitted(&mut pace, Network::Ipv6, 2, 10, 100_100), 1);
    }

    #[test]
    fn all_hosts_together_are_sent_fifty_at_once() {
        let mut pace = Pace::default();
        let sent = (0..200).filter(|host| pace.admits(Network::Ipv4, *host, Tick(7))).count();
        assert_eq!(sent, 50);
        let sent = (200..400).filter(|host| pace.admits(Network::Ipv4, *host, Tick(17))).count();
        assert_eq!(sent, 10, "one a millisecond");
    }

    #[test]
    fn a_clock_that_goes_round_opens_nothing() {
        let mut pace = Pace::default();
        assert_eq!(admitted(&mut pace, Network::Ipv4, 1, 10, u32::MAX - 1), 6);
        assert_eq!(admitted(&mut pace, Network::Ipv4, 1, 10, 500), 0);
        assert_eq!(admitted(&mut pace, Network::Ipv4, 1, 10, 1500), 1);
    }
}
