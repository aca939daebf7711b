//! Starting EAL, once.

use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dpdk_sys as sys;

use crate::config::EalConfig;
use crate::log_hook;
use crate::runtime::Runtime;
use crate::{Error, PortId};

/// DPDK's environment abstraction layer, started.
///
/// The thread that starts it is the main lcore, and is tied to that lcore's CPUs. EAL ends when
/// this and everything made from it is dropped.
#[derive(Debug)]
pub struct Eal {
    runtime: Arc<Runtime>,
}

/// EAL cannot be started twice, not even after its cleanup.
static STARTED: AtomicBool = AtomicBool::new(false);

impl Eal {
    /// Starts EAL. Its log lines go to the `log` crate with the target `dpdk`.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyInitialised`] the second time, whether or not the first succeeded;
    /// [`Error::InvalidArgument`] for an argument with a NUL, which does not count as a time;
    /// [`Error::Call`] when EAL refuses to start; [`Error::MissingDevices`] when it starts without
    /// a virtual device that was asked for.
    pub fn init(config: &EalConfig) -> Result<Eal, Error> {
        let mut argv = argument_vector(config)?;
        if STARTED.swap(true, Ordering::AcqRel) {
            return Err(Error::AlreadyInitialised);
        }
        log_hook::install()?;
        log_hook::keep();
        let count = c_int::try_from(argv.len() - 1).unwrap_or(c_int::MAX);
        // SAFETY: the vector holds `count` terminated strings and a null pointer; EAL may reorder
        // the vector during the call and keep pointers to the strings, which are never freed. It is
        // called once in the life of the process.
        let status = unsafe { sys::rte_eal_init(count, argv.as_mut_ptr()) };
        if status < 0 {
            let mut error = Error::last("rte_eal_init", "");
            if let Error::Call { log, .. } = &mut error {
                *log = log_hook::take_kept();
            }
            return Err(error);
        }
        let eal = Eal { runtime: Arc::new(Runtime::new()) };
        let log = log_hook::take_kept();
        // EAL carries on without a virtual device that failed.
        let names: Vec<String> =
            config.vdev_names().filter(|name| eal.port_by_name(name).is_none()).map(str::to_owned).collect();
        if names.is_empty() { Ok(eal) } else { Err(Error::MissingDevices { names, log }) }
    }

    /// The ports, in the order of their numbers.
    #[must_use]
    pub fn ports(&self) -> Vec<PortId> {
        (0..sys::RTE_MAX_ETHPORTS as u16)
            // SAFETY: takes any number.
            .filter(|&id| unsafe { sys::rte_eth_dev_is_valid_port(id) } != 0)
            .map(PortId::new)
            .collect()
    }

    /// The port of this name: a virtual device's name, or a PCI address.
    #[must_use]
    pub fn port_by_name(&self, name: &str) -> Option<PortId> {
        let name = CString::new(name).ok()?;
        let mut id = 0;
        // SAFETY: a terminated string and a place for the number, both for the time of the call.
        let status = unsafe { sys::rte_eth_dev_get_port_by_name(name.as_ptr(), &raw mut id) };
        (status == 0).then(|| PortId::new(id))
    }

    /// How many TSC cycles a second has; see [`cycles`](crate::cycles).
    #[must_use]
    pub fn cycles_per_second(&self) -> u64 {
        // SAFETY: EAL has measured it at its start.
        unsafe { sys::rte_get_tsc_hz() }
    }

    /// The runtime, to be kept by what is made from it.
    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }
}

/// The release of the DPDK linked: `DPDK 22.11.11`.
#[must_use]
pub fn version() -> String {
    // SAFETY: returns a terminated string that is never freed or changed.
    unsafe { CStr::from_ptr(sys::rte_version()) }.to_string_lossy().into_owned()
}

/// The program's name, the arguments, and a null pointer. The strings are leaked: EAL may keep
/// pointers to them.
fn argument_vector(config: &EalConfig) -> Result<Vec<*mut c_char>, Error> {
    let mut strings = vec![c"dpdk".to_owned()];
    for argument in config.arguments()? {
        strings.push(
            CString::new(argument.as_str())
                .map_err(|_| Error::InvalidArgument { argument, reason: "holds a NUL character" })?,
        );
    }
    let mut argv: Vec<*mut c_char> = strings.into_iter().map(CString::into_raw).collect();
    argv.push(std::ptr::null_mut());
    Ok(argv)
}
