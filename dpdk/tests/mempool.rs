//! Mbufs of our own making, and where they go.

mod capture;

use dpdk::{Burst, Eal, EalConfig, Error, Mempool, MempoolConfig, NoRoom};

#[test]
fn every_mbuf_returns() {
    let eal = Eal::init(&EalConfig::new()).unwrap();
    let config = MempoolConfig { mbufs: 127, cache: 0, segment: 256, ..MempoolConfig::default() };
    let mempool = Mempool::create(&eal, "packets", &config).unwrap();
    assert_eq!((mempool.capacity(), mempool.available(), mempool.in_use()), (127, 127, 0));
    let taken = Mempool::create(&eal, "packets", &config).unwrap_err();
    assert!(
        matches!(taken, Error::Call { function: "rte_mempool_create", errno: libc::EEXIST, .. }),
        "{taken}"
    );

    // A packet longer than a segment is a chain, and one too long for the pool is nothing.
    let bytes = capture::frame(7, 1000);
    let packet = mempool.copy_from_slice(&bytes).unwrap();
    assert_eq!((packet.segment_count(), packet.packet_len()), (4, 1000));
    assert_eq!(packet.segments().collect::<Vec<_>>().concat(), bytes);
    assert_eq!(mempool.in_use(), 4);
    assert!(mempool.copy_from_slice(&vec![0; 124 * 256]).is_none());
    assert_eq!(mempool.in_use(), 4, "a packet half made was not given back");
    drop(packet);
    assert_eq!(mempool.in_use(), 0);

    // Appending, chaining, changing in place.
    let mut packet = mempool.allocate().unwrap();
    assert_eq!((packet.packet_len(), packet.tailroom()), (0, 256));
    assert!(packet.first_segment().is_empty());
    packet.append(&[1; 200]).unwrap();
    assert_eq!(packet.append(&[2; 57]), Err(NoRoom));
    assert_eq!(packet.packet_len(), 200, "nothing is added when it does not fit");
    packet.append(&[2; 56]).unwrap();
    packet.first_segment_mut()[0] = 9;
    packet.chain(mempool.copy_from_slice(&[3; 10]).unwrap()).unwrap();
    let segments: Vec<_> = packet.segments().collect();
    assert_eq!(segments.concat(), [&[9], &[1; 199][..], &[2; 56], &[3; 10]].concat());
    assert_eq!(mempool.in_use(), 2);

    // A burst owns what is in it, and no more.
    let mut burst = Burst::new();
    burst.push(packet).unwrap();
    while !burst.is_full() {
        burst.push(mempool.copy_from_slice(&[burst.len() as u8; 60]).unwrap()).unwrap();
    }
    assert_eq!(burst.room(), 0);
    let refused = burst.push(mempool.allocate().unwrap()).unwrap_err();
    drop(refused);
    assert_eq!(mempool.in_use(), 65);
    assert_eq!(burst.pop().unwrap().first_segment(), [63; 60]);
    let third = burst.drain().nth(2).unwrap();
    assert_eq!(third.first_segment(), [2; 60]);
    assert!(burst.is_empty());
    assert_eq!(mempool.in_use(), 1, "what a drain leaves is freed");
    burst.push(third).unwrap();
    for number in [3, 4, 5] {
        burst.push(mempool.copy_from_slice(&[number; 60]).unwrap()).unwrap();
    }
    burst.retain(|packet| packet.first_segment()[0] % 2 == 1);
    assert_eq!(mempool.in_use(), 2, "what is not retained is freed");
    let left: Vec<_> = burst.iter().map(|packet| packet.first_segment()[0]).collect();
    assert_eq!(left, [3, 5]);
    burst.free_bulk();
    assert_eq!(mempool.in_use(), 0);

    // All of them, and one more; given back by another thread.
    let all: Vec<_> = std::iter::from_fn(|| mempool.allocate()).collect();
    assert_eq!((all.len(), mempool.available()), (127, 0));
    std::thread::spawn(move || drop(all)).join().unwrap();
    assert_eq!(mempool.available(), 127);
}
