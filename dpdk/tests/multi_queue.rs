//! One capture for each queue of a port: queues do not mix, and each keeps its order.

mod capture;

use std::path::PathBuf;

use dpdk::{Burst, Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig, pcap_device};

#[test]
fn queues_keep_apart() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: String| directory.path().join(name);
    let inputs: Vec<_> = (0..3).map(|n| file(format!("in{n}.pcap"))).collect();
    let outputs: Vec<_> = (0..3).map(|n| file(format!("out{n}.pcap"))).collect();
    let frames: Vec<Vec<_>> = (0..3u8)
        .map(|queue| (0..80).map(|n| capture::frame(queue << 6 ^ n, 64 + usize::from(n))).collect())
        .collect();
    for (path, frames) in inputs.iter().zip(&frames) {
        capture::write(path, frames);
    }
    let receive: Vec<_> = inputs.iter().map(PathBuf::as_path).collect();
    let transmit: Vec<_> = outputs.iter().map(PathBuf::as_path).collect();
    let config = EalConfig::new().vdev(pcap_device("net_pcap0", &receive, &transmit).unwrap());
    let eal = Eal::init(&config).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut port = Port::open_by_name(&eal, "net_pcap0").unwrap();
    assert_eq!(port.info().unwrap().max_receive_queues, 3);
    let config = PortConfig { receive_queues: 3, transmit_queues: 3, ..PortConfig::default() };
    port.configure(&config, &mempool).unwrap();
    let mut queues = port.start().unwrap();
    assert_eq!(queues.rss, None, "net_pcap has no RSS");

    let mut burst = Burst::new();
    for (number, from) in queues.receive.iter_mut().enumerate() {
        assert_eq!(usize::from(from.number()), number);
        // To another queue than it came from.
        let to = &mut queues.transmit[(number + 1) % 3];
        while from.receive(&mut burst) > 0 {
            while !burst.is_empty() {
                assert!(to.transmit(&mut burst) > 0);
            }
        }
    }
    drop((queues, port));
    for (number, frames) in frames.iter().enumerate() {
        assert_eq!(&capture::read(&outputs[(number + 1) % 3]), frames);
    }
    assert_eq!(mempool.in_use(), 0);
}
