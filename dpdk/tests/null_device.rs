//! The null device receives without end and sends into nothing: the path without any I/O.

use dpdk::{Burst, Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig, cycles};

#[test]
fn packets_flow_without_end() {
    let eal = Eal::init(&EalConfig::new().vdev("net_null0,size=64")).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut port = Port::open_by_name(&eal, "net_null0").unwrap();
    port.configure(&PortConfig::default(), &mempool).unwrap();
    let mut queues = port.start().unwrap();
    let (receive, transmit) = (&mut queues.receive[0], &mut queues.transmit[0]);

    let rounds = 20_000;
    let start = cycles();
    let mut burst = Burst::new();
    for _ in 0..rounds {
        assert_eq!(receive.receive(&mut burst), Burst::CAPACITY);
        assert!(burst.is_full());
        assert_eq!(receive.receive(&mut burst), 0, "there is no room");
        assert!(burst.iter().all(|packet| packet.packet_len() == 64));
        assert_eq!(transmit.transmit(&mut burst), Burst::CAPACITY);
        assert!(burst.is_empty());
    }
    let spent = cycles() - start;
    assert!(spent > 0);
    assert!(eal.cycles_per_second() > 100_000_000, "no CPU is that slow");
    let counted = port.statistics().unwrap();
    assert_eq!(counted.received_packets, rounds * Burst::CAPACITY as u64);
    assert_eq!(counted.transmitted_packets, rounds * Burst::CAPACITY as u64);
    port.reset_statistics().unwrap();
    assert_eq!(port.statistics().unwrap().received_packets, 0);
    assert_eq!(mempool.in_use(), 0);
}
