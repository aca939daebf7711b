//! Two pcap-backed ports, wired to each other: what goes in on one side comes out on the other.

mod capture;

use dpdk::{Burst, Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig, pcap_device};

#[test]
fn frames_cross_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let (left_in, left_out) = (file("left-in.pcap"), file("left-out.pcap"));
    let (right_in, right_out) = (file("right-in.pcap"), file("right-out.pcap"));
    let rightwards: Vec<_> = (0..200).map(|n| capture::frame(n, 60 + usize::from(n))).collect();
    let leftwards: Vec<_> = (0..70).map(|n| capture::frame(!n, 1514)).collect();
    capture::write(&left_in, &rightwards);
    capture::write(&right_in, &leftwards);

    let config = EalConfig::new()
        .vdev(pcap_device("net_pcap0", &[&left_in], &[&left_out]).unwrap())
        .vdev(pcap_device("net_pcap1", &[&right_in], &[&right_out]).unwrap());
    let eal = Eal::init(&config).unwrap();
    assert_eq!(eal.ports().len(), 2);
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();

    let mut ports: Vec<Port> =
        ["net_pcap0", "net_pcap1"].map(|name| Port::open_by_name(&eal, name).unwrap()).into();
    let mut queues = Vec::new();
    for port in &mut ports {
        assert_eq!(port.info().unwrap().driver, "net_pcap");
        port.configure(&PortConfig::default(), &mempool).unwrap();
        queues.push(port.start().unwrap());
        assert!(port.link().unwrap().up);
    }
    let (right, left) = (queues.pop().unwrap(), queues.pop().unwrap());
    assert_eq!(left.rss, None, "net_pcap has no RSS");
    for (mut from, mut to) in [(left.receive, right.transmit), (right.receive, left.transmit)] {
        let mut burst = Burst::new();
        while from[0].receive(&mut burst) > 0 {
            assert!(burst.iter().all(|packet| packet.port() == from[0].port()));
            while !burst.is_empty() {
                assert!(to[0].transmit(&mut burst) > 0);
            }
        }
    }

    let bytes = |frames: &[Vec<u8>]| frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
    let counted = [&ports[0], &ports[1]].map(|port| port.statistics().unwrap());
    assert_eq!(counted[0].received_packets, 200);
    assert_eq!(counted[0].received_bytes, bytes(&rightwards));
    assert_eq!(counted[0].transmitted_packets, 70);
    assert_eq!(counted[1].transmitted_packets, 200);
    assert_eq!(counted[1].transmitted_bytes, bytes(&rightwards));
    assert_eq!(counted[1].receive_errors, 0);
    let extended = ports[0].extended_statistics().unwrap();
    assert!(extended.contains(&("rx_good_packets".to_owned(), 200)), "{extended:?}");

    assert_eq!(mempool.available(), mempool.capacity(), "mbufs leaked");
    assert_eq!(mempool.in_use(), 0);
    drop(ports);
    assert_eq!(capture::read(&right_out), rightwards);
    assert_eq!(capture::read(&left_out), leftwards);
}
