//! A port refuses what comes in the wrong order, and can be stopped, configured and started again.

use dpdk::{Burst, Eal, EalConfig, Error, Mempool, MempoolConfig, Port, PortConfig, PortId};

#[test]
fn steps_out_of_order_are_errors() {
    let eal = Eal::init(&EalConfig::new().vdev("net_null0").vdev("net_null1")).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let name = "net_null0".to_owned();
    assert_eq!(
        Port::open_by_name(&eal, "net_null7").unwrap_err(),
        Error::NoSuchPort { port: "net_null7".to_owned() }
    );
    assert_eq!(Port::open(&eal, PortId::new(9)).unwrap_err(), Error::NoSuchPort { port: "9".to_owned() });
    let mut port = Port::open_by_name(&eal, &name).unwrap();
    assert_eq!(Port::open(&eal, port.id()).unwrap_err(), Error::PortInUse { port: name.clone() });
    assert_eq!(port.start().unwrap_err(), Error::NotConfigured { port: name.clone() });
    let most = port.info().unwrap().max_receive_queues;
    for asked in [0, most + 1] {
        let config = PortConfig { receive_queues: asked, ..PortConfig::default() };
        assert_eq!(
            port.configure(&config, &mempool).unwrap_err(),
            Error::QueueCount { port: name.clone(), direction: "receive", asked, most }
        );
    }
    let config = PortConfig { mtu: Some(10), ..PortConfig::default() };
    let error = port.configure(&config, &mempool).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("rte_eth_dev_configure for net_null0: Invalid argument"), "{text}");

    for queues in [1, 2] {
        let config = PortConfig { receive_queues: queues, transmit_queues: queues, ..PortConfig::default() };
        port.configure(&config, &mempool).unwrap();
        let mut running = port.start().unwrap();
        let busy = Error::QueuesInUse { port: name.clone() };
        assert_eq!(port.start().unwrap_err(), busy);
        assert_eq!(port.configure(&config, &mempool).unwrap_err(), busy);
        assert_eq!(port.stop().unwrap_err(), busy);
        assert_eq!(running.receive.len(), usize::from(queues));
        let mut last = running.receive.pop().unwrap();
        drop(running);
        assert_eq!(port.stop().unwrap_err(), busy, "one queue is left");
        assert_eq!(last.receive(&mut Burst::new()), Burst::CAPACITY);
        drop(last);
        port.stop().unwrap();
        port.stop().unwrap();
    }

    // A port lives on in its queue, and is closed with it.
    port.start().unwrap();
    port.stop().unwrap();
    let mut queues = port.start().unwrap();
    drop(port);
    assert_eq!(eal.ports().len(), 2);
    assert!(queues.receive[0].receive(&mut Burst::new()) > 0);
    drop(queues);
    assert_eq!(eal.ports().len(), 1);
    assert_eq!(mempool.in_use(), 0);
}
