//! Any sequence of fragments: what waits, what goes and why, and what becomes whole is as a reassembly has it that keeps
//! every byte; and what is put together has the bytes of the fragments, each in its place.
//!
//! Input: one byte for the version, the rest are fragments of five bytes: datagram and whether more come, start, length,
//! mark of congestion, time.
#![no_main]

use dataplane::flow::FlowHasher;
use dataplane::fragment::reference::{Reference, Told};
use dataplane::fragment::{Cache, Capacity, Key, Taken, User};
use dataplane::packet::{Network, Piece, Tuple};
use dataplane::reason::Reason;
use dataplane::time::Tick;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((version, fragments)) = data.split_first() else { return };
    let network = if version & 1 == 0 { Network::Ipv4 } else { Network::Ipv6 };
    let capacity = Capacity { datagrams: 4, fragments: 128 };
    let mut cache = Cache::new(capacity, FlowHasher::new([1, 2, 3, 4]));
    let mut reference = Reference::default();
    let mut now = Tick(u32::MAX - 100_000);
    for (number, bytes) in fragments.as_chunks().0.iter().take(120).enumerate() {
        let (identification, piece, later) = read(network, *bytes);
        now = now.after(later);
        let (mut told, mut whole) = (Vec::new(), Vec::new());
        if number % 3 == 0 {
            cache.expire(now, 2, |item, _| told.push(Told::Gone(item, Reason::FragmentTimeout)));
        }
        let key = key(network, identification);
        let taken = cache
            .take(&key, piece, number, now, &mut whole, |item, reason| told.push(Told::Gone(item, reason)));
        if let Taken::Whole(summary) = taken {
            let mut end = 0;
            for part in &whole {
                let (_, piece, _) = read(network, fragments.as_chunks().0[part.item]);
                assert_eq!(piece.start, end, "in the order of their bytes, with nothing between");
                end = piece.end;
            }
            assert_eq!(end, summary.length);
            told.push(Told::Whole(whole.iter().map(|part| part.item).collect(), summary.length));
        }
        let expected = reference.take(network, identification, &piece, number, now);
        let is_late = |told: &Told| matches!(told, Told::Gone(_, Reason::FragmentTimeout));
        for told in told.iter().filter(|told| is_late(told)) {
            let Told::Gone(item, _) = told else { continue };
            assert!(reference.late.contains(item), "{item} was in time");
        }
        told.retain(|told| !is_late(told));
        told.sort_by_key(|told| matches!(told, Told::Gone(item, _) if *item == number));
        assert_eq!(told, expected, "fragment {number}: {piece:?}");
    }
    let mut left = Vec::new();
    cache.clear(|item, _| left.push(item));
    assert!(reference.waiting().iter().all(|item| left.contains(item)));
    assert_eq!(cache.held(), 0);
});

/// Which datagram of three, the fragment, and how much later it comes.
fn read(network: Network, [about, start, length, congestion, later]: [u8; 5]) -> (u32, Piece, u32) {
    let more = about & 4 == 0;
    let start = u32::from(start) * if about & 8 == 0 { 8 } else { 256 };
    let units = if more { 8 } else { 7 };
    let head = if network == Network::Ipv4 { 20 } else { 40 };
    let piece = Piece {
        start,
        end: (start + u32::from(length) * units).min(65_535),
        more,
        network: 14,
        head: 14 + head,
        congestion: if congestion < 0xf0 { 2 } else { congestion & 3 },
        ..Piece::default()
    };
    (u32::from(about & 3) % 3, piece, if later < 0xf0 { 0 } else { u32::from(later & 15) * 5000 })
}

fn key(network: Network, identification: u32) -> Key {
    let tuple = Tuple { network, source: 1, destination: 2, protocol: 17, ..Tuple::default() };
    Key::of(&tuple, identification, User::default())
}
