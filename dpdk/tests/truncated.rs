//! A capture that ends in the middle of a record shows as a receive error, after what came before.

mod capture;

use dpdk::{Burst, Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig, pcap_device};

#[test]
fn a_truncated_capture_is_an_error_count() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.pcap");
    capture::write(&input, &vec![capture::frame(0, 100); 5]);
    let whole = std::fs::read(&input).unwrap();
    std::fs::write(&input, &whole[..whole.len() - 30]).unwrap();
    let config = EalConfig::new().vdev(pcap_device("net_pcap0", &[&input], &[]).unwrap());
    let eal = Eal::init(&config).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut port = Port::open_by_name(&eal, "net_pcap0").unwrap();
    port.configure(&PortConfig::default(), &mempool).unwrap();
    let mut queues = port.start().unwrap();

    let mut burst = Burst::new();
    assert_eq!(queues.receive[0].receive(&mut burst), 4);
    burst.free_bulk();
    assert_eq!(queues.receive[0].receive(&mut burst), 0);
    let counted = port.statistics().unwrap();
    assert_eq!(counted.received_packets, 4);
    assert!(counted.receive_errors > 0, "{counted:?}");
    assert_eq!(mempool.in_use(), 0);
}
