//! Any bytes are a frame: it is parsed without a panic, the same however it lies in memory, and what is answered to
//! it is in order.
//!
//! Input: two bytes that say where the frame is cut into segments, one that says whether checksums are looked at, the
//! frame.
#![no_main]

use config::policy::{Icmpx, Reject};
use dataplane::flow::FlowHasher;
use dataplane::packet::{Checksums, Packet, parse, parse_with, quoted};
use dataplane::pipeline::Keyed;
use dataplane::reject::{LONGEST, answer};
use dataplane::{FlowKey, Fragment, Network};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [first, second, mode, frame @ ..] = data else { return };
    let checksums = if mode & 1 == 0 { Checksums::Verified } else { Checksums::Trusted };
    let packet = parse_with(frame, checksums);
    lies_within(&packet, frame.len());
    if packet.fault.is_none() {
        assert_eq!(parse_with(frame, Checksums::Trusted), packet, "trust took something away");
    }

    let (first, second) = (usize::from(*first).min(frame.len()), usize::from(*second).min(frame.len()));
    let (first, second) = (first.min(second), first.max(second));
    let parts = [&frame[..first], &frame[first..second], &frame[second..]];
    assert_eq!(parse_with(&parts[..], checksums), packet, "cut at {first} and {second}");
    assert_eq!(quoted(&parts[..], &packet), quoted(frame, &packet), "quoted, cut at {first} and {second}");

    let hasher = FlowHasher::new([1, 2, 3, 4]);
    let keyed = Keyed::of(&packet, frame, &hasher);
    assert_eq!(Keyed::of(&packet, &parts[..], &hasher), keyed);
    if let Ok(quoted) = quoted(frame, &packet) {
        assert!(FlowKey::of(&quoted.tuple).is_some(), "what is quoted can be looked up");
    }

    for reject in
        [Reject::TcpReset, Reject::Icmp(3), Reject::Icmpv6(1), Reject::Icmpx(Icmpx::AdminProhibited)]
    {
        let (mut into, mut other) = ([0; LONGEST], [0; LONGEST]);
        let length = answer(reject, &packet, frame, Checksums::Verified, &mut into);
        let Some(length) = length else { continue };
        assert_eq!(answer(reject, &packet, &parts[..], Checksums::Verified, &mut other), Some(length));
        assert_eq!(into[..length], other[..length], "answered, cut at {first} and {second}");
        let reply = parse(&into[..length]);
        assert_eq!(reply.fault, None, "an answer in order");
        assert_eq!(reply.fragment, Fragment::Whole);
        assert_eq!(reply.tuple.source, packet.tuple.destination);
        assert_eq!(reply.tuple.destination, packet.tuple.source);
        if reject != Reject::TcpReset {
            assert!(reply.is_icmp_error());
        }
    }
});

/// Every offset lies in the frame, in order.
fn lies_within(packet: &Packet, length: usize) {
    assert_eq!(packet.frame_length as usize, length);
    assert!(packet.vlan_tags <= 2);
    if packet.tuple.network == Network::Other {
        return;
    }
    let start = usize::from(packet.network_offset);
    let end = start + packet.network_length as usize;
    assert!(start <= length);
    if packet.fault.is_some_and(|fault| fault.is_before_rules()) {
        return;
    }
    assert!(end <= length, "{packet:?}");
    if packet.has_transport && packet.fragment != Fragment::Later {
        assert!(start < usize::from(packet.transport_offset), "{packet:?}");
        assert!(usize::from(packet.transport_offset) <= end, "{packet:?}");
        assert!(
            packet.tcp.payload_length as usize <= end - usize::from(packet.transport_offset),
            "{packet:?}"
        );
    }
}
