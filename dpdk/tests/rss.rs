//! The null device has a redirection table and says which key it has: is it dealt to all queues?

use dpdk::{Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig};

#[test]
fn a_table_is_dealt_and_read_back() {
    let eal = Eal::init(&EalConfig::new().vdev("net_null0")).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut port = Port::open_by_name(&eal, "net_null0").unwrap();
    for (queues, is_asked) in [(3, true), (3, false), (1, true)] {
        let config = PortConfig {
            receive_queues: queues,
            transmit_queues: queues,
            symmetric_rss: is_asked,
            ..PortConfig::default()
        };
        port.configure(&config, &mempool).unwrap();
        let started = port.start().unwrap();
        let rss = started.rss.clone();
        drop(started);
        port.stop().unwrap();
        assert_eq!(rss.is_some(), is_asked && queues > 1, "one queue needs none");
        let Some(rss) = rss else { continue };
        assert_eq!(rss.key, 0x6d5a);
        assert_eq!(rss.queues.len(), usize::from(port.info().unwrap().rss_table_len));
        assert!(rss.queues.iter().enumerate().all(|(at, queue)| usize::from(*queue) == at % 3));
        assert!(rss.with_ports.contains(&(4, 6)) && rss.with_ports.contains(&(6, 17)));
    }
}
