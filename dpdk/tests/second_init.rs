//! EAL starts once, whatever became of the first time.

use dpdk::{Eal, EalConfig, Error};

#[test]
fn a_second_start_is_an_error() {
    let nul = Eal::init(&EalConfig::new().argument("a\0b")).unwrap_err();
    assert!(matches!(nul, Error::InvalidArgument { .. }), "refused before EAL saw it: {nul}");

    let eal = Eal::init(&EalConfig::new()).unwrap();
    assert_eq!(Eal::init(&EalConfig::new()).unwrap_err(), Error::AlreadyInitialised);
    assert!(eal.ports().is_empty());
    drop(eal);
    assert_eq!(Eal::init(&EalConfig::new()).unwrap_err(), Error::AlreadyInitialised);
}
