//! Which system calls does no safe crate here wrap? Network namespaces of a thread, packet sockets, the
//! socket of nftables' trace, CPU affinity, signals. The only unsafe code of the tests.
#![expect(unsafe_code, reason = "raw system calls; each block says why it is sound")]

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Error};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Runs `work` on a thread of its own inside the network namespace of that name.
///
/// # Panics
/// If there is no such namespace, or if `work` panics.
pub fn inside_namespace<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let namespace = File::open(format!("/run/netns/{name}")).expect("the namespace exists");
            // SAFETY: takes a file descriptor that is open during the call and touches no memory; it moves
            // this thread only, which ends when `work` is done.
            let failed = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
            assert_eq!(failed, 0, "setns {name}: {}", Error::last_os_error());
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Keeps the calling thread on one CPU, so that frames it sends are handled in order.
pub fn pin_to_one_cpu() {
    // SAFETY: cpu_set_t is plain data, for which all zeros is the empty set; sched_getcpu takes nothing,
    // and sched_setaffinity reads the set it is given the size of.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(libc::sched_getcpu().max(0) as usize, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// Sends a signal to one process.
///
/// # Errors
/// If there is no such process.
pub fn signal(process: u32, number: i32) -> io::Result<()> {
    let process = i32::try_from(process).map_err(|_| Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: touches no memory of ours.
    check(unsafe { libc::kill(process, number) }).map(drop)
}

/// What a process has used in all its life.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Processor time outside the kernel.
    pub user: Duration,
    /// Processor time inside the kernel.
    pub system: Duration,
    /// Bytes of memory at their most.
    pub peak: u64,
}

/// Waits for the end of `child`; whether it ended well, and what it has used.
///
/// # Errors
/// Those of wait4(2).
#[expect(clippy::needless_pass_by_value, reason = "there is no such process afterwards")]
pub fn wait(child: std::process::Child) -> io::Result<(bool, Usage)> {
    let process = i32::try_from(child.id()).map_err(|_| Error::from(io::ErrorKind::InvalidInput))?;
    let mut status = 0;
    // SAFETY: plain data, for which all zeros is a value.
    let mut used: libc::rusage = unsafe { zeroed() };
    // SAFETY: an int and a rusage that live through the call; the child is ours and nobody has waited for it.
    check(unsafe { libc::wait4(process, &raw mut status, 0, &raw mut used) })?;
    let time = |time: libc::timeval| {
        Duration::from_micros(time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_usec.unsigned_abs())
    };
    let peak = used.ru_maxrss.unsigned_abs() * 1024;
    Ok((status == 0, Usage { user: time(used.ru_utime), system: time(used.ru_stime), peak }))
}

/// A raw socket of either kind: datagrams with a receive timeout.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// Sends and receives whole Ethernet frames on the device `name` of the calling thread's namespace.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn packet(name: &str) -> io::Result<Self> {
        let all = u16::to_be(libc::ETH_P_ALL as u16);
        let socket = Self::open(libc::AF_PACKET, libc::SOCK_RAW, i32::from(all))?;
        let c_name = CString::new(name)?;
        // SAFETY: a NUL-terminated string that lives through the call.
        let index = unsafe { libc::if_nametoindex(c_name.as_ptr()) };
        if index == 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: plain data, for which all zeros is a value.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = all;
        address.sll_ifindex = i32::try_from(index).map_err(Error::other)?;
        socket.bind(&address)?;
        socket.option(libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, &1_i32)?;
        Ok(socket)
    }

    /// Receives the trace messages of nftables of the calling thread's namespace (netlink, group NFTRACE).
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn nftables_trace() -> io::Result<Self> {
        let socket = Self::netfilter()?;
        socket.option(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &(8 << 20))?;
        socket.option(libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, &NFNLGRP_NFTRACE)?;
        Ok(socket)
    }

    /// Speaks netlink with the netfilter of the calling thread's namespace.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn netfilter() -> io::Result<Self> {
        let socket = Self::open(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER)?;
        // SAFETY: plain data, for which all zeros is a value.
        let mut address: libc::sockaddr_nl = unsafe { zeroed() };
        address.nl_family = libc::AF_NETLINK as u16;
        socket.bind(&address)?;
        Ok(socket)
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// Those of send(2).
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        // SAFETY: pointer and length of one live slice.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
        if sent < 0 { Err(Error::last_os_error()) } else { Ok(()) }
    }

    /// Receives one datagram into `buffer`; `None` if nothing came in `timeout` (zero: if nothing is there).
    ///
    /// # Errors
    /// Those of poll(2) and recv(2).
    pub fn receive<'a>(&self, buffer: &'a mut [u8], timeout: Duration) -> io::Result<Option<&'a [u8]>> {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one pollfd, that lives through the call.
        if check(unsafe { libc::poll(&raw mut poll, 1, milliseconds) })? == 0 {
            return Ok(None);
        }
        // SAFETY: pointer and length of one live slice, exclusively borrowed.
        let got = unsafe { libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        let length = usize::try_from(got).map_err(|_| Error::last_os_error())?;
        Ok(Some(&buffer[..length]))
    }

    fn open(family: i32, kind: i32, protocol: i32) -> io::Result<Self> {
        // SAFETY: touches no memory of ours; the descriptor it returns belongs to nobody else.
        unsafe {
            let descriptor = check(libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol))?;
            Ok(Self(OwnedFd::from_raw_fd(descriptor)))
        }
    }

    fn bind<T>(&self, address: &T) -> io::Result<()> {
        // SAFETY: pointer and size of one live sockaddr of the socket's family.
        check(unsafe { libc::bind(self.0.as_raw_fd(), (&raw const *address).cast(), size_of::<T>() as u32) })
            .map(drop)
    }

    fn option(&self, level: i32, name: i32, value: &i32) -> io::Result<()> {
        let size = size_of::<i32>() as u32;
        // SAFETY: pointer and size of one live int.
        check(unsafe { libc::setsockopt(self.0.as_raw_fd(), level, name, (&raw const *value).cast(), size) })
            .map(drop)
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// `linux/if_packet.h`
const PACKET_IGNORE_OUTGOING: i32 = 23;

/// `linux/netfilter/nfnetlink.h`
const NFNLGRP_NFTRACE: i32 = 9;
