//! The times of a capture reach the mbufs.

mod capture;

use dpdk::{Burst, Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig, pcap_device};

#[test]
fn capture_times_come_through() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.pcap");
    capture::write(&input, &vec![capture::frame(0, 60); 100]);
    let config = EalConfig::new().vdev(pcap_device("net_pcap0", &[&input], &[]).unwrap());
    let eal = Eal::init(&config).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut port = Port::open_by_name(&eal, "net_pcap0").unwrap();
    port.configure(&PortConfig::default(), &mempool).unwrap();
    let mut queues = port.start().unwrap();

    let mut times = Vec::new();
    let mut burst = Burst::new();
    while queues.receive[0].receive(&mut burst) > 0 {
        times.extend(burst.drain().map(|packet| packet.timestamp()));
    }
    let expected: Vec<_> = (0..100).map(|n| Some(capture::timestamp(n))).collect();
    assert_eq!(times, expected);

    let made_here = mempool.copy_from_slice(&capture::frame(1, 60)).unwrap();
    assert_eq!(made_here.timestamp(), None);
    assert_eq!(made_here.rss_hash(), None);
}
