//! The virtual drivers that need nothing from the machine are there, under their names.

use dpdk::{Eal, EalConfig, Port};

#[test]
fn the_virtual_drivers_are_linked() {
    let config = EalConfig::new()
        .vdev("net_af_packet0,iface=lo")
        .vdev("net_memif0,role=server,socket-abstract=yes,socket=dpdk-test-drivers")
        .vdev("net_null0")
        .vdev("net_ring0");
    let eal = Eal::init(&config).unwrap();
    for (name, driver) in [
        ("net_af_packet0", "net_af_packet"),
        ("net_memif0", "net_memif"),
        ("net_null0", "net_null"),
        ("net_ring0", "net_ring"),
    ] {
        let port = Port::open_by_name(&eal, name).unwrap();
        assert_eq!(port.name(), name);
        assert_eq!(port.info().unwrap().driver, driver);
        let mac = port.mac_address().unwrap();
        // lo has no address; the others make one up.
        assert_eq!(mac.0 == [0; 6], driver == "net_af_packet" || driver == "net_ring", "{name}: {mac}");
    }
}
