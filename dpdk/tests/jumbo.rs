//! A jumbo frame arrives as a chain of segments, and leaves whole.

mod capture;

use dpdk::{Burst, Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig, pcap_device};

#[test]
fn a_jumbo_frame_is_a_chain() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in.pcap"), directory.path().join("out.pcap"));
    let frames = [capture::frame(1, 9014), capture::frame(2, 60)];
    capture::write(&input, &frames);
    let config = EalConfig::new().vdev(pcap_device("net_pcap0", &[&input], &[&output]).unwrap());
    let eal = Eal::init(&config).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut port = Port::open_by_name(&eal, "net_pcap0").unwrap();
    let config = PortConfig { mtu: Some(9000), ..PortConfig::default() };
    port.configure(&config, &mempool).unwrap();
    let mut queues = port.start().unwrap();

    let mut burst = Burst::new();
    assert_eq!(queues.receive[0].receive(&mut burst), 2);
    let [jumbo, small] = &burst[..] else { panic!("{burst:?}") };
    assert!(!jumbo.is_contiguous());
    assert_eq!(jumbo.packet_len(), 9014);
    assert_eq!(jumbo.segment_count(), 5);
    assert_eq!(jumbo.segments().count(), 5);
    assert_eq!(jumbo.first_segment(), &frames[0][..2048]);
    assert_eq!(jumbo.segments().collect::<Vec<_>>().concat(), frames[0]);
    assert!(small.is_contiguous());
    assert_eq!(small.first_segment(), frames[1]);

    let mut scratch = [0; 64];
    for (start, end) in [(0, 40), (2040, 2060), (2048, 2112), (6100, 6164), (9000, 9014)] {
        let bytes = jumbo.read(start, end, &mut scratch);
        assert_eq!(bytes, Some(&frames[0][start..end]), "{start}..{end}");
    }
    assert_eq!(jumbo.read(9000, 9015, &mut scratch), None, "past the end");
    assert_eq!(jumbo.read(2040, 2140, &mut scratch), None, "scratch too short");
    assert_eq!(jumbo.read(10, 9, &mut scratch), None, "backwards");

    assert_eq!(queues.transmit[0].transmit(&mut burst), 2);
    assert_eq!(mempool.in_use(), 0);
    drop((queues, port));
    assert_eq!(capture::read(&output), frames);
}
