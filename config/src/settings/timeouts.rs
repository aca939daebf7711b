//! How long is a silent flow remembered? By protocol and state, under the kernel's own names.
//!
//! A key is the name of the kernel's sysctl without `nf_conntrack_` and `_timeout`, with dashes:
//! `nf_conntrack_tcp_timeout_established` is `tcp-established`. Defaults are those of Linux 6.18.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

/// One row of the table of timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    /// The key in `[conntrack.timeouts]`.
    pub key: &'static str,
    /// The kernel's sysctl, below `net.netfilter`.
    pub sysctl: &'static str,
    /// Seconds, unless the file says otherwise.
    pub default: u32,
}

macro_rules! timeouts {
    ($($(#[$doc:meta])* $field:ident, $key:literal, $sysctl:literal, $default:literal;)*) => {
        /// `[conntrack.timeouts]`: whole seconds in the file, 1 to 2147483 (24.8 days).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Timeouts {$(
            $(#[$doc])*
            pub $field: Duration,
        )*}

        impl Default for Timeouts {
            fn default() -> Self {
                Self {$($field: Duration::from_secs($default),)*}
            }
        }

        impl Timeouts {
            /// Every timeout there is, in the order of the fields.
            pub const ALL: &[Timeout] = &[$(
                Timeout { key: $key, sysctl: $sysctl, default: $default },
            )*];
        }

        /// As written.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default, expecting = "a table")]
        pub(super) struct RawTimeouts {$(
            #[serde(rename = $key)]
            $field: Option<Spanned<i64>>,
        )*}

        impl RawTimeouts {
            /// Puts `valid` of every value that is given in place of its default.
            pub(super) fn check(
                self,
                mut valid: impl FnMut(&str, Spanned<i64>) -> Option<Duration>,
            ) -> Timeouts {
                let mut timeouts = Timeouts::default();
                $(if let Some(checked) = self.$field.and_then(|raw| valid($key, raw)) {
                    timeouts.$field = checked;
                })*
                timeouts
            }
        }
    };
}

timeouts! {
    /// `tcp-syn-sent`: a SYN was seen; default 120.
    tcp_syn_sent, "tcp-syn-sent", "nf_conntrack_tcp_timeout_syn_sent", 120;
    /// `tcp-syn-recv`: a SYN and its SYN+ACK were seen; default 60.
    tcp_syn_recv, "tcp-syn-recv", "nf_conntrack_tcp_timeout_syn_recv", 60;
    /// `tcp-established`: the handshake is complete; default 432000, five days.
    tcp_established, "tcp-established", "nf_conntrack_tcp_timeout_established", 432_000;
    /// `tcp-fin-wait`: the first FIN was seen; default 120.
    tcp_fin_wait, "tcp-fin-wait", "nf_conntrack_tcp_timeout_fin_wait", 120;
    /// `tcp-close-wait`: the first FIN was acknowledged; default 60.
    tcp_close_wait, "tcp-close-wait", "nf_conntrack_tcp_timeout_close_wait", 60;
    /// `tcp-last-ack`: both FINs were seen; default 30.
    tcp_last_ack, "tcp-last-ack", "nf_conntrack_tcp_timeout_last_ack", 30;
    /// `tcp-time-wait`: both FINs were acknowledged; default 120.
    tcp_time_wait, "tcp-time-wait", "nf_conntrack_tcp_timeout_time_wait", 120;
    /// `tcp-close`: a RST was seen; default 10.
    tcp_close, "tcp-close", "nf_conntrack_tcp_timeout_close", 10;
    /// `tcp-max-retrans`: the longest, once a segment was sent more than three times; default 300.
    tcp_max_retrans, "tcp-max-retrans", "nf_conntrack_tcp_timeout_max_retrans", 300;
    /// `tcp-unacknowledged`: the longest, while data is unacknowledged; default 300.
    tcp_unacknowledged, "tcp-unacknowledged", "nf_conntrack_tcp_timeout_unacknowledged", 300;
    /// `udp`: packets one way, or a young flow; default 30.
    udp, "udp", "nf_conntrack_udp_timeout", 30;
    /// `udp-stream`: both ways for more than two seconds; default 120.
    udp_stream, "udp-stream", "nf_conntrack_udp_timeout_stream", 120;
    /// `icmp`: default 30.
    icmp, "icmp", "nf_conntrack_icmp_timeout", 30;
    /// `icmpv6`: default 30.
    icmpv6, "icmpv6", "nf_conntrack_icmpv6_timeout", 30;
    /// `gre`: packets one way; default 30.
    gre, "gre", "nf_conntrack_gre_timeout", 30;
    /// `gre-stream`: packets both ways; default 180.
    gre_stream, "gre-stream", "nf_conntrack_gre_timeout_stream", 180;
    /// `sctp-closed`: an INIT was seen, or an ABORT; default 10.
    sctp_closed, "sctp-closed", "nf_conntrack_sctp_timeout_closed", 10;
    /// `sctp-cookie-wait`: an INIT ACK was seen; default 3.
    sctp_cookie_wait, "sctp-cookie-wait", "nf_conntrack_sctp_timeout_cookie_wait", 3;
    /// `sctp-cookie-echoed`: a COOKIE ECHO was seen; default 3.
    sctp_cookie_echoed, "sctp-cookie-echoed", "nf_conntrack_sctp_timeout_cookie_echoed", 3;
    /// `sctp-established`: default 210.
    sctp_established, "sctp-established", "nf_conntrack_sctp_timeout_established", 210;
    /// `sctp-shutdown-sent`: default 3.
    sctp_shutdown_sent, "sctp-shutdown-sent", "nf_conntrack_sctp_timeout_shutdown_sent", 3;
    /// `sctp-shutdown-recd`: default 3.
    sctp_shutdown_recd, "sctp-shutdown-recd", "nf_conntrack_sctp_timeout_shutdown_recd", 3;
    /// `sctp-shutdown-ack-sent`: default 3.
    sctp_shutdown_ack_sent, "sctp-shutdown-ack-sent", "nf_conntrack_sctp_timeout_shutdown_ack_sent", 3;
    /// `sctp-heartbeat-sent`: a HEARTBEAT opened the flow; default 30.
    sctp_heartbeat_sent, "sctp-heartbeat-sent", "nf_conntrack_sctp_timeout_heartbeat_sent", 30;
    /// `generic`: any other protocol; default 600.
    generic, "generic", "nf_conntrack_generic_timeout", 600;
}
