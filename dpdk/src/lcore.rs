//! Work on other lcores.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use dpdk_sys as sys;

use crate::runtime::{Runtime, on_main_lcore};
use crate::{Eal, Error};

/// A thread of EAL's, usually tied to a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lcore(u32);

impl Lcore {
    /// EAL's number of it.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// The NUMA socket of its CPU.
    #[must_use]
    pub fn socket(self) -> u32 {
        // SAFETY: an lcore comes from EAL, so its number is in range.
        unsafe { sys::rte_lcore_to_socket_id(self.0) }
    }
}

impl Eal {
    /// The lcore of the thread that started EAL.
    #[must_use]
    pub fn main_lcore(&self) -> Lcore {
        // SAFETY: EAL runs.
        Lcore(unsafe { sys::rte_get_main_lcore() })
    }

    /// The other lcores, on which work can be launched.
    #[must_use]
    pub fn worker_lcores(&self) -> Vec<Lcore> {
        let mut lcores = Vec::new();
        let mut current = u32::MAX;
        loop {
            // SAFETY: takes the number before the first, which is what u32::MAX is to it, or one it
            // has returned; skips the main lcore and does not start again at the end.
            current = unsafe { sys::rte_get_next_lcore(current, 1, 0) };
            if current >= sys::RTE_MAX_LCORE {
                return lcores;
            }
            lcores.push(Lcore(current));
        }
    }

    /// Runs `work` on an idle worker lcore.
    ///
    /// # Errors
    ///
    /// [`Error::NotMainLcore`] from another thread than the one that started EAL;
    /// [`Error::InvalidArgument`] for the main lcore itself; [`Error::Call`]
    /// when the lcore is busy.
    pub fn launch<F, T>(&self, lcore: Lcore, work: F) -> Result<LcoreTask<T>, Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if !on_main_lcore() {
            return Err(Error::NotMainLcore);
        }
        // EAL would wait for an answer of the main lcore, which is here.
        if lcore == self.main_lcore() {
            return Err(Error::InvalidArgument {
                argument: lcore_name(lcore),
                reason: "work is launched on worker lcores, and this is the main one",
            });
        }
        let (sender, result) = mpsc::channel();
        let job = Box::into_raw(Box::new(Job { work, sender }));
        // SAFETY: `run` takes the box back, on the worker; both its parts may go to another thread.
        // EAL runs until the task is joined, because the task holds the runtime.
        let status = unsafe { sys::rte_eal_remote_launch(Some(run::<F, T>), job.cast::<c_void>(), lcore.0) };
        if let Err(error) = Error::check("rte_eal_remote_launch", &lcore_name(lcore), status) {
            // SAFETY: nothing was launched, so the box is still ours.
            drop(unsafe { Box::from_raw(job) });
            return Err(error);
        }
        Ok(LcoreTask { lcore, result, _runtime: Arc::clone(self.runtime()), main_only: PhantomData })
    }
}

/// Work that runs on an lcore. Dropping it waits for the end, as [`LcoreTask::join`] does.
#[derive(Debug)]
pub struct LcoreTask<T> {
    lcore: Lcore,
    result: mpsc::Receiver<std::thread::Result<T>>,
    _runtime: Arc<Runtime>,
    /// Only the main lcore may wait for others: neither `Send` nor `Sync`.
    main_only: PhantomData<*const ()>,
}

impl<T> LcoreTask<T> {
    /// Waits for the end, and returns what the work did, or the payload of its panic.
    ///
    /// # Errors
    ///
    /// The payload of the panic, as from a thread of the standard library.
    pub fn join(self) -> std::thread::Result<T> {
        self.wait();
        self.result.recv().unwrap_or_else(|error| Err(Box::new(error)))
    }

    /// Has the work ended?
    #[must_use]
    pub fn is_finished(&self) -> bool {
        // SAFETY: the lcore exists.
        let state = unsafe { sys::rte_eal_get_lcore_state(self.lcore.0) };
        state != sys::rte_lcore_state_t::RUNNING
    }

    /// The lcore it runs on.
    #[must_use]
    pub fn lcore(&self) -> Lcore {
        self.lcore
    }

    fn wait(&self) {
        // SAFETY: this is the main lcore, as a task does not leave its thread, and EAL runs.
        unsafe { sys::rte_eal_wait_lcore(self.lcore.0) };
    }
}

impl<T> Drop for LcoreTask<T> {
    fn drop(&mut self) {
        self.wait();
    }
}

/// What goes to the worker.
struct Job<F, T> {
    work: F,
    sender: mpsc::Sender<std::thread::Result<T>>,
}

/// Runs a job on the worker.
///
/// # Safety
///
/// `job` is a boxed `Job<F, T>`, which nobody else uses.
unsafe extern "C" fn run<F, T>(job: *mut c_void) -> c_int
where
    F: FnOnce() -> T,
{
    // SAFETY: the caller's promise.
    let Job { work, sender } = *unsafe { Box::from_raw(job.cast::<Job<F, T>>()) };
    let result = catch_unwind(AssertUnwindSafe(work));
    // The task receives before it is gone, unless it does not want the result.
    let _ = sender.send(result);
    0
}

fn lcore_name(lcore: Lcore) -> String {
    format!("lcore {}", lcore.0)
}
