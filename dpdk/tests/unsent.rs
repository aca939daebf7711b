//! What a device does not take stays the caller's, in order. The ring device is as long as its ring.

mod capture;

use dpdk::{Burst, Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig};

#[test]
fn unsent_packets_stay_in_the_burst() {
    let eal = Eal::init(&EalConfig::new().vdev("net_ring0")).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut port = Port::open_by_name(&eal, "net_ring0").unwrap();
    port.configure(&PortConfig::default(), &mempool).unwrap();
    let mut queues = port.start().unwrap();
    let (receive, transmit) = (&mut queues.receive[0], &mut queues.transmit[0]);
    let number = |packet: &dpdk::Mbuf| u32::from_be_bytes(packet.first_segment().try_into().unwrap());

    let mut burst = Burst::new();
    let (mut made, mut sent) = (0u32, 0);
    let taken = loop {
        while !burst.is_full() {
            burst.push(mempool.copy_from_slice(&made.to_be_bytes()).unwrap()).unwrap();
            made += 1;
        }
        let taken = transmit.transmit(&mut burst);
        sent += taken as u32;
        if taken < Burst::CAPACITY {
            break taken;
        }
    };
    assert!(taken > 0, "the ring ends inside a burst");
    assert_eq!(burst.len(), Burst::CAPACITY - taken);
    let left: Vec<_> = burst.iter().map(number).collect();
    assert_eq!(left, (sent..made).collect::<Vec<_>>());
    assert_eq!(transmit.transmit(&mut burst), 0, "the ring is full");
    assert_eq!(mempool.in_use(), made);

    // What was sent comes back, and then there is room for the rest.
    let mut received = Vec::new();
    let mut arrivals = Burst::new();
    while receive.receive(&mut arrivals) > 0 {
        received.extend(arrivals.iter().map(number));
        arrivals.free_bulk();
    }
    assert_eq!(received, (0..sent).collect::<Vec<_>>());
    assert_eq!(transmit.transmit(&mut burst), left.len());
    assert_eq!(receive.receive(&mut arrivals), left.len());
    assert_eq!(arrivals.drain().map(|packet| number(&packet)).collect::<Vec<_>>(), left);
    assert_eq!(mempool.in_use(), 0);
}
