//! A start that EAL refuses tells the function, and what EAL logged.

use dpdk::{Eal, EalConfig, Error};

#[test]
fn the_reason_is_in_the_error() {
    // No such CPU.
    let config = EalConfig::new().argument("--lcores=0@4095");
    let error = Eal::init(&config).unwrap_err();
    let Error::Call { function, log, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*function, "rte_eal_init");
    assert!(!log.is_empty(), "{error}");
    assert_eq!(Eal::init(&EalConfig::new()).unwrap_err(), Error::AlreadyInitialised);
}
