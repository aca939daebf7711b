//! A packet may be the last thing left of EAL: its memory is there as long as it is.

use dpdk::{Eal, EalConfig, Mempool, MempoolConfig};

#[test]
fn a_packet_outlives_eal() {
    let eal = Eal::init(&EalConfig::new()).unwrap();
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut packet = mempool.copy_from_slice(&[5; 1500]).unwrap();
    drop(eal);
    let mut other = mempool.copy_from_slice(&[6; 1500]).unwrap();
    drop(mempool);
    std::thread::spawn(move || {
        packet.first_segment_mut()[0] = 7;
        assert_eq!(packet.first_segment()[..2], [7, 5]);
        other.first_segment_mut()[1499] = 7;
        assert_eq!(other.packet_len(), 1500);
    })
    .join()
    .unwrap();
}
