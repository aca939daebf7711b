//! How long is a silent flow remembered, in the tracker's own unit?
//!
//! The settings file counts seconds under the kernel's names; here are milliseconds, the TCP ones by state.
//! Deadlines are ordered only within 2^31 ms, so a longer timeout counts as [`LONGEST`].

use std::time::Duration;

use super::sctp;
use super::tcp;
use crate::packet::protocol;
use config::policy::{ConnectionTimeouts, TimeoutState};

/// The longest timeout a deadline can express: 2^31 - 1 ms, 24.8 days.
pub const LONGEST: u32 = i32::MAX as u32;

/// How long a silent flow is remembered, in milliseconds, at most [`LONGEST`] each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP, by state.
    pub tcp: [u32; tcp::State::COUNT],
    /// TCP: the longest, once a segment was sent more than three times, or while a window is closed.
    pub tcp_max_retrans: u32,
    /// TCP: the longest, while data is unacknowledged.
    pub tcp_unacknowledged: u32,
    /// UDP and UDP-Lite: one way, or (UDP) for less than two seconds.
    pub udp: u32,
    /// UDP and UDP-Lite: both ways.
    pub udp_stream: u32,
    /// ICMP queries.
    pub icmp: u32,
    /// ICMPv6 queries.
    pub icmpv6: u32,
    /// GRE: one way.
    pub gre: u32,
    /// GRE: both ways.
    pub gre_stream: u32,
    /// SCTP, by state.
    pub sctp: [u32; sctp::State::COUNT],
    /// Every other protocol.
    pub generic: u32,
}

impl Default for Timeouts {
    /// Those of Linux 6.18.
    fn default() -> Self {
        Self::from(&config::settings::Timeouts::default())
    }
}

impl From<&ConnectionTimeouts> for Timeouts {
    /// What is not named is as in Linux by default.
    fn from(own: &ConnectionTimeouts) -> Self {
        let mut timeouts = Self::default();
        for &(state, seconds) in &own.values {
            let ms = seconds.saturating_mul(1000).min(LONGEST);
            let tcp = |state: tcp::State| state as usize;
            match state {
                TimeoutState::SynSent => {
                    timeouts.tcp[tcp(tcp::State::SynSent)] = ms;
                    timeouts.tcp[tcp(tcp::State::None)] = ms;
                }
                TimeoutState::SynRecv => timeouts.tcp[tcp(tcp::State::SynRecv)] = ms,
                TimeoutState::Established => timeouts.tcp[tcp(tcp::State::Established)] = ms,
                TimeoutState::FinWait => timeouts.tcp[tcp(tcp::State::FinWait)] = ms,
                TimeoutState::CloseWait => timeouts.tcp[tcp(tcp::State::CloseWait)] = ms,
                TimeoutState::LastAck => timeouts.tcp[tcp(tcp::State::LastAck)] = ms,
                TimeoutState::TimeWait => timeouts.tcp[tcp(tcp::State::TimeWait)] = ms,
                TimeoutState::Close => timeouts.tcp[tcp(tcp::State::Close)] = ms,
                TimeoutState::SynSent2 => timeouts.tcp[tcp(tcp::State::SynSent2)] = ms,
                TimeoutState::Retrans => timeouts.tcp_max_retrans = ms,
                TimeoutState::Unack => timeouts.tcp_unacknowledged = ms,
                TimeoutState::Unreplied => timeouts.udp = ms,
                TimeoutState::Replied => timeouts.udp_stream = ms,
            }
        }
        timeouts
    }
}

impl Timeouts {
    /// Of a connection of which only its first packet was seen, whatever that was.
    #[must_use]
    pub const fn of_new(&self, protocol: u8) -> u32 {
        if protocol == protocol::TCP { self.tcp[tcp::State::None as usize] } else { self.udp }
    }
}

impl From<&config::settings::Timeouts> for Timeouts {
    fn from(settings: &config::settings::Timeouts) -> Self {
        let ms =
            |duration: Duration| u32::try_from(duration.as_millis()).map_or(LONGEST, |ms| ms.min(LONGEST));
        Self {
            tcp: tcp::State::ALL.map(|state| {
                ms(match state {
                    tcp::State::None | tcp::State::SynSent | tcp::State::SynSent2 => settings.tcp_syn_sent,
                    tcp::State::SynRecv => settings.tcp_syn_recv,
                    tcp::State::Established => settings.tcp_established,
                    tcp::State::FinWait => settings.tcp_fin_wait,
                    tcp::State::CloseWait => settings.tcp_close_wait,
                    tcp::State::LastAck => settings.tcp_last_ack,
                    tcp::State::TimeWait => settings.tcp_time_wait,
                    tcp::State::Close => settings.tcp_close,
                })
            }),
            tcp_max_retrans: ms(settings.tcp_max_retrans),
            tcp_unacknowledged: ms(settings.tcp_unacknowledged),
            udp: ms(settings.udp),
            udp_stream: ms(settings.udp_stream),
            icmp: ms(settings.icmp),
            icmpv6: ms(settings.icmpv6),
            gre: ms(settings.gre),
            gre_stream: ms(settings.gre_stream),
            sctp: sctp::State::ALL.map(|state| {
                ms(match state {
                    sctp::State::None | sctp::State::Closed => settings.sctp_closed,
                    sctp::State::CookieWait => settings.sctp_cookie_wait,
                    sctp::State::CookieEchoed => settings.sctp_cookie_echoed,
                    sctp::State::Established => settings.sctp_established,
                    sctp::State::ShutdownSent => settings.sctp_shutdown_sent,
                    sctp::State::ShutdownRecd => settings.sctp_shutdown_recd,
                    sctp::State::ShutdownAckSent => settings.sctp_shutdown_ack_sent,
                    sctp::State::HeartbeatSent => settings.sctp_heartbeat_sent,
                })
            }),
            generic: ms(settings.generic),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST, Timeouts};
    use crate::track::{sctp, tcp};

    #[test]
    fn seconds_become_milliseconds() {
        let timeouts = Timeouts::default();
        assert_eq!(timeouts.tcp[tcp::State::Established as usize], 432_000_000);
        assert_eq!(timeouts.tcp[tcp::State::SynSent2 as usize], 120_000);
        assert_eq!(timeouts.tcp[tcp::State::Close as usize], 10_000);
        assert_eq!(timeouts.sctp[sctp::State::HeartbeatSent as usize], 30_000);
        assert_eq!((timeouts.udp, timeouts.udp_stream, timeouts.generic), (30_000, 120_000, 600_000));
    }

    #[test]
    fn what_no_deadline_can_express_is_cut() {
        let settings = config::settings::Timeouts {
            tcp_established: Duration::from_secs(2_147_483_647),
            generic: Duration::from_secs(2_147_484),
            udp: Duration::from_secs(2_147_483),
            ..config::settings::Timeouts::default()
        };
        let timeouts = Timeouts::from(&settings);
        assert_eq!(timeouts.tcp[tcp::State::Established as usize], LONGEST);
        assert_eq!(timeouts.generic, LONGEST);
        assert_eq!(timeouts.udp, 2_147_483_000);
    }
}
