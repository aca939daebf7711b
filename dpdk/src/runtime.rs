//! When may EAL's memory be unmapped?
//!
//! The runtime is shared by everything that calls DPDK. Its drop is the end of EAL, and the place
//! where the handles that hold no reference, the mbufs, are accounted for.

use std::collections::BTreeSet;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dpdk_sys as sys;

/// EAL, running.
#[derive(Debug)]
pub(crate) struct Runtime {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open_ports: BTreeSet<u16>,
    mempools: Vec<MempoolPointer>,
}

/// A mempool, which lives until EAL's cleanup.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MempoolPointer(pub(crate) NonNull<sys::rte_mempool>);

// SAFETY: mempools are made with the default multi-producer, multi-consumer handler, so that every
// call on them may come from any thread.
unsafe impl Send for MempoolPointer {}
// SAFETY: as above; no call needs exclusive access.
unsafe impl Sync for MempoolPointer {}

impl Runtime {
    /// Wraps an EAL that has just been started.
    pub(crate) fn new() -> Runtime {
        Runtime { state: Mutex::default() }
    }

    /// Takes a port for one owner; false when it has one.
    pub(crate) fn take_port(&self, port: u16) -> bool {
        self.state().open_ports.insert(port)
    }

    /// Gives a port back.
    pub(crate) fn release_port(&self, port: u16) {
        self.state().open_ports.remove(&port);
    }

    /// Notes a mempool, to be looked at before the cleanup.
    pub(crate) fn add_mempool(&self, mempool: MempoolPointer) {
        self.state().mempools.push(mempool);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the cleanup must not happen, if so. The count of mbufs is exact: caches belong to lcores, of which the
    /// workers are idle and the main one is here, and a thread without a cache is done with the pool's memory when
    /// what it returns becomes visible in the count.
    fn obstacle(&self) -> Option<String> {
        if !on_main_lcore() {
            return Some("the last handle was dropped outside the main lcore".to_owned());
        }
        let in_use: u32 = self
            .state()
            .mempools
            .iter()
            // SAFETY: a mempool lives until the cleanup, which has not happened yet.
            .map(|mempool| unsafe { sys::rte_mempool_in_use_count(mempool.0.as_ptr()) })
            .sum();
        (in_use > 0).then(|| format!("{in_use} mbufs are still in use"))
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(obstacle) = self.obstacle() {
            // Not a warning: net_af_xdp, for one, keeps mbufs when it is closed.
            log::info!(target: "dpdk", "EAL is left as it is until the process ends: {obstacle}");
            return;
        }
        // SAFETY: no port, queue, mempool or lcore task exists, as each holds the runtime; nor does an
        // mbuf: all were in their pools a moment ago, and taking one out needs one of those.
        let status = unsafe { sys::rte_eal_cleanup() };
        if status != 0 {
            log::warn!(target: "dpdk", "rte_eal_cleanup: error {status}");
        }
    }
}

/// Is this the thread that started EAL?
pub(crate) fn on_main_lcore() -> bool {
    // SAFETY: both read numbers that exist without EAL.
    unsafe { sys::dpdk_sys_lcore_id() == sys::rte_get_main_lcore() }
}
