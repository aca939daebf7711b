//! A port from opening to closing.
//!
//! open -> configure -> start, which hands out the queues -> stop, once they are dropped.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

use dpdk_sys as sys;

use crate::runtime::Runtime;
use crate::{
    Eal, Error, Link, MacAddress, Mempool, PortConfig, PortId, PortInfo, PortStatistics, Queues, RxQueue,
    TxQueue, port_info, rss, statistics, timestamp,
};

/// A network device, opened by one owner.
///
/// Dropping it stops and closes the device as soon as its queues are gone too. A virtual device
/// that was closed does not come back.
#[derive(Debug)]
pub struct Port {
    open: Arc<OpenPort>,
    configured: Option<Configured>,
    started: bool,
    /// Drivers do not expect two threads to steer a device: not `Sync`.
    single: PhantomData<Cell<()>>,
}

/// What was configured, as far as the start needs it.
#[derive(Debug, Clone, Copy)]
struct Configured {
    receive_queues: u16,
    transmit_queues: u16,
    promiscuous: bool,
    /// Can the device send chains of segments?
    chains: bool,
    /// What RSS was asked of the device, if it was.
    rss: Option<rss::Wanted>,
}

impl Port {
    /// Opens the port of this number.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPort`], or [`Error::PortInUse`] when it is open.
    pub fn open(eal: &Eal, id: PortId) -> Result<Port, Error> {
        let name = port_info::name(id.number()).ok_or_else(|| Error::NoSuchPort { port: id.to_string() })?;
        if !eal.runtime().take_port(id.number()) {
            return Err(Error::PortInUse { port: name });
        }
        Ok(Port {
            open: Arc::new(OpenPort { id: id.number(), name, runtime: Arc::clone(eal.runtime()) }),
            configured: None,
            started: false,
            single: PhantomData,
        })
    }

    /// Opens the port of this name: a virtual device's name, or a PCI address.
    ///
    /// # Errors
    ///
    /// As for [`Port::open`].
    pub fn open_by_name(eal: &Eal, name: &str) -> Result<Port, Error> {
        let id = eal.port_by_name(name).ok_or_else(|| Error::NoSuchPort { port: name.to_owned() })?;
        Port::open(eal, id)
    }

    /// Sets the port up; received packets will come from `mempool`.
    ///
    /// Checksums are left to software. Packets that do not fit in one mbuf are received and sent as
    /// chains, where the device can.
    ///
    /// # Errors
    ///
    /// [`Error::QueuesInUse`] while the port runs, [`Error::QueueCount`], or [`Error::Call`].
    pub fn configure(&mut self, config: &PortConfig, mempool: &Mempool) -> Result<(), Error> {
        self.require_stopped()?;
        self.configured = None;
        let info = port_info::read(self.open.id, &self.open.name)?;
        self.check_queue_count("receive", config.receive_queues, info.max_rx_queues)?;
        self.check_queue_count("transmit", config.transmit_queues, info.max_tx_queues)?;

        let mut conf = sys::rte_eth_conf::default();
        conf.rxmode.offloads = info.rx_offload_capa & sys::RTE_ETH_RX_OFFLOAD_SCATTER;
        conf.txmode.offloads = info.tx_offload_capa & sys::RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
        conf.rxmode.mtu = config.mtu.map_or(0, u32::from);
        let fields = info.flow_type_rss_offloads & rss::FIELDS;
        let wants_rss = config.symmetric_rss && config.receive_queues > 1 && fields != 0;
        let (mut key, key_len) = (rss::symmetric_key(), rss::key_len(info.hash_key_size));
        if wants_rss {
            conf.rxmode.mq_mode = sys::rte_eth_rx_mq_mode::RTE_ETH_MQ_RX_RSS;
            conf.rxmode.offloads |= info.rx_offload_capa & sys::RTE_ETH_RX_OFFLOAD_RSS_HASH;
            conf.rx_adv_conf.rss_conf.rss_key = key.as_mut_ptr();
            conf.rx_adv_conf.rss_conf.rss_key_len = key_len;
            conf.rx_adv_conf.rss_conf.rss_hf = fields;
        }
        // SAFETY: EAL runs and the port is stopped and ours; DPDK copies the structure, and drivers
        // the key.
        let status = unsafe {
            sys::rte_eth_dev_configure(
                self.open.id,
                config.receive_queues,
                config.transmit_queues,
                &raw const conf,
            )
        };
        self.check("rte_eth_dev_configure", status)?;
        if let Some(mtu) = config.mtu {
            self.set_mtu(mtu)?;
        }
        self.set_up_queues(config, &info, &conf, mempool)?;
        self.configured = Some(Configured {
            receive_queues: config.receive_queues,
            transmit_queues: config.transmit_queues,
            promiscuous: config.promiscuous,
            chains: conf.txmode.offloads & sys::RTE_ETH_TX_OFFLOAD_MULTI_SEGS != 0
                || SENDS_CHAINS_UNSAID.contains(&PortInfo::from_raw(&info).driver.as_str()),
            rss: wants_rss.then_some(rss::Wanted { fields, key_len, table_len: info.reta_size }),
        });
        Ok(())
    }

    /// Starts the port and hands out its queues.
    ///
    /// # Errors
    ///
    /// [`Error::NotConfigured`], [`Error::QueuesInUse`] when it runs, or [`Error::Call`].
    pub fn start(&mut self) -> Result<Queues, Error> {
        self.require_stopped()?;
        let configured =
            self.configured.ok_or_else(|| Error::NotConfigured { port: self.open.name.clone() })?;
        // SAFETY: EAL runs; the port is configured, with all its queues, and ours.
        let status = unsafe { sys::rte_eth_dev_start(self.open.id) };
        self.check("rte_eth_dev_start", status)?;
        self.started = true;
        self.set_promiscuous(configured.promiscuous)?;
        timestamp::look_up();
        let rss =
            configured.rss.and_then(|wanted| rss::deal(self.open.id, wanted, configured.receive_queues));
        // SAFETY: the port was stopped, which it is only without queues, and runs with these now.
        let (receive, transmit) = unsafe {
            (
                (0..configured.receive_queues)
                    .map(|queue| RxQueue::new(Arc::clone(&self.open), queue))
                    .collect(),
                (0..configured.transmit_queues)
                    .map(|queue| TxQueue::new(Arc::clone(&self.open), queue, configured.chains))
                    .collect(),
            )
        };
        Ok(Queues { receive, transmit, rss })
    }

    /// Stops the port. It can be started or configured again, except where the device cannot: a
    /// net_pcap port has closed its files.
    ///
    /// # Errors
    ///
    /// [`Error::QueuesInUse`] while one of its queues exists, or [`Error::Call`].
    pub fn stop(&mut self) -> Result<(), Error> {
        if !self.started {
            return Ok(());
        }
        // Exclusive access to the shared part is proof that no queue has it.
        if Arc::get_mut(&mut self.open).is_none() {
            return Err(Error::QueuesInUse { port: self.open.name.clone() });
        }
        // SAFETY: EAL runs, the port is ours and nobody polls it.
        let status = unsafe { sys::rte_eth_dev_stop(self.open.id) };
        self.check("rte_eth_dev_stop", status)?;
        self.started = false;
        Ok(())
    }

    /// Receives frames to any address, or only to the port's own.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]; a device that has no such mode and receives everything is no error.
    pub fn set_promiscuous(&mut self, on: bool) -> Result<(), Error> {
        // SAFETY: EAL runs and the port is ours; polling may go on meanwhile.
        let (function, status) = unsafe {
            if on {
                ("rte_eth_promiscuous_enable", sys::rte_eth_promiscuous_enable(self.open.id))
            } else {
                ("rte_eth_promiscuous_disable", sys::rte_eth_promiscuous_disable(self.open.id))
            }
        };
        if status == -libc::ENOTSUP {
            return Ok(());
        }
        self.check(function, status)
    }

    /// The port's number.
    #[must_use]
    pub fn id(&self) -> PortId {
        PortId::new(self.open.id)
    }

    /// The port's name: a virtual device's name, or a PCI address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.open.name
    }

    /// What the device can do.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn info(&self) -> Result<PortInfo, Error> {
        port_info::read(self.open.id, &self.open.name).map(|info| PortInfo::from_raw(&info))
    }

    /// The counters.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn statistics(&self) -> Result<PortStatistics, Error> {
        statistics::read(self.open.id, &self.open.name)
    }

    /// The driver's own counters, with its names for them.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn extended_statistics(&self) -> Result<Vec<(String, u64)>, Error> {
        statistics::read_extended(self.open.id, &self.open.name)
    }

    /// Sets the counters to zero.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn reset_statistics(&mut self) -> Result<(), Error> {
        // SAFETY: EAL runs and the port is ours.
        let status = unsafe { sys::rte_eth_stats_reset(self.open.id) };
        self.check("rte_eth_stats_reset", status)
    }

    /// The state of the link, as last seen.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn link(&self) -> Result<Link, Error> {
        port_info::link(self.open.id, &self.open.name)
    }

    /// The Ethernet address.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn mac_address(&self) -> Result<MacAddress, Error> {
        port_info::mac_address(self.open.id, &self.open.name)
    }

    /// The MTU in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Call`].
    pub fn mtu(&self) -> Result<u16, Error> {
        let mut mtu = 0;
        // SAFETY: EAL runs; a place for the answer.
        let status = unsafe { sys::rte_eth_dev_get_mtu(self.open.id, &raw mut mtu) };
        self.check("rte_eth_dev_get_mtu", status)?;
        Ok(mtu)
    }

    /// The NUMA socket of the device; `None` when it has none.
    #[must_use]
    pub fn socket(&self) -> Option<u32> {
        // SAFETY: takes any number.
        let socket = unsafe { sys::rte_eth_dev_socket_id(self.open.id) };
        u32::try_from(socket).ok()
    }

    fn set_up_queues(
        &mut self,
        config: &PortConfig,
        info: &sys::rte_eth_dev_info,
        conf: &sys::rte_eth_conf,
        mempool: &Mempool,
    ) -> Result<(), Error> {
        let id = self.open.id;
        let socket = self.socket().unwrap_or(sys::SOCKET_ID_ANY as u32);
        let (mut received, mut sent) = (config.receive_descriptors, config.transmit_descriptors);
        // SAFETY: EAL runs; both numbers are adjusted in place.
        let status = unsafe { sys::rte_eth_dev_adjust_nb_rx_tx_desc(id, &raw mut received, &raw mut sent) };
        self.check("rte_eth_dev_adjust_nb_rx_tx_desc", status)?;
        let mut receive_conf = info.default_rxconf;
        receive_conf.offloads = conf.rxmode.offloads;
        let mut transmit_conf = info.default_txconf;
        transmit_conf.offloads = conf.txmode.offloads;
        for queue in 0..config.receive_queues {
            // SAFETY: the port is configured with this queue, stopped and ours; the mempool lives
            // as long as EAL; DPDK copies the structure.
            let status = unsafe {
                sys::rte_eth_rx_queue_setup(
                    id,
                    queue,
                    received,
                    socket,
                    &raw const receive_conf,
                    mempool.as_ptr(),
                )
            };
            self.check("rte_eth_rx_queue_setup", status)?;
        }
        for queue in 0..config.transmit_queues {
            // SAFETY: as above.
            let status =
                unsafe { sys::rte_eth_tx_queue_setup(id, queue, sent, socket, &raw const transmit_conf) };
            self.check("rte_eth_tx_queue_setup", status)?;
        }
        Ok(())
    }

    /// Some drivers take the MTU at configure time, some by this call.
    fn set_mtu(&mut self, mtu: u16) -> Result<(), Error> {
        // SAFETY: EAL runs; the port is configured, stopped and ours.
        let status = unsafe { sys::rte_eth_dev_set_mtu(self.open.id, mtu) };
        if status == -libc::ENOTSUP {
            return Ok(());
        }
        self.check("rte_eth_dev_set_mtu", status)
    }

    fn check_queue_count(&self, direction: &'static str, asked: u16, most: u16) -> Result<(), Error> {
        if (1..=most).contains(&asked) {
            return Ok(());
        }
        Err(Error::QueueCount { port: self.open.name.clone(), direction, asked, most })
    }

    fn require_stopped(&self) -> Result<(), Error> {
        if self.started {
            return Err(Error::QueuesInUse { port: self.open.name.clone() });
        }
        Ok(())
    }

    fn check(&self, function: &'static str, status: i32) -> Result<(), Error> {
        Error::check(function, &self.open.name, status).map(drop)
    }
}

/// Drivers that send chains of segments without having the offload that says so.
const SENDS_CHAINS_UNSAID: [&str; 1] = ["net_pcap"];

/// What a port and its queues share. Its drop closes the device.
#[derive(Debug)]
pub(crate) struct OpenPort {
    id: u16,
    name: String,
    runtime: Arc<Runtime>,
}

impl OpenPort {
    /// The port's number.
    #[inline]
    pub(crate) fn id(&self) -> u16 {
        self.id
    }
}

impl Drop for OpenPort {
    fn drop(&mut self) {
        // SAFETY: EAL runs; the port and its queues are gone, so nobody uses the device. Stopping
        // a device that is stopped does nothing.
        let (stopped, closed) = unsafe { (sys::rte_eth_dev_stop(self.id), sys::rte_eth_dev_close(self.id)) };
        for (function, status) in [("rte_eth_dev_stop", stopped), ("rte_eth_dev_close", closed)] {
            if let Err(error) = Error::check(function, &self.name, status) {
                log::warn!(target: "dpdk", "{error}");
            }
        }
        self.runtime.release_port(self.id);
    }
}
