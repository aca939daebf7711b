//! A virtual device that cannot be made is an error that names it and says why.

mod capture;

use dpdk::{Eal, EalConfig, Error, pcap_device};

#[test]
fn a_missing_capture_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (good, missing) = (directory.path().join("good.pcap"), directory.path().join("missing.pcap"));
    capture::write(&good, &[capture::frame(0, 60)]);
    let config = EalConfig::new()
        .vdev(pcap_device("net_pcap0", &[&good], &[]).unwrap())
        .vdev(pcap_device("net_pcap1", &[&missing], &[]).unwrap());
    let error = Eal::init(&config).unwrap_err();
    let Error::MissingDevices { names, log } = &error else { panic!("{error:?}") };
    assert_eq!(names, &["net_pcap1"]);
    assert!(log.iter().any(|line| line.contains("missing.pcap")), "{log:?}");
    let text = error.to_string();
    assert!(text.starts_with("virtual device not created: net_pcap1: "), "{text}");
    assert_eq!(Eal::init(&EalConfig::new()).unwrap_err(), Error::AlreadyInitialised);
}
