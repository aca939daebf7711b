//! Which ports does the configuration name, and are they there? EAL started, ports opened, queues dealt out.

use crate::counts::counted;
use crate::failure::{Failure, Outcome};
use config::settings::{self, Device, Settings};
use dataplane::flow::Steering;
use dpdk::{Eal, EalConfig, Memory, Mempool, MempoolConfig, Port, PortConfig, Queues};

/// The ports of all wires, running.
pub struct Devices {
    /// DPDK itself.
    pub eal: Eal,
    /// Where packets of our own making come from.
    pub mempool: Mempool,
    /// For each wire, its ports: outside, inside.
    pub wires: Vec<[OpenPort; 2]>,
    /// To which worker flows come in, if the cards have a say and all say the same.
    pub steering: Option<Steering>,
}

/// A running port and the queues nobody polls yet.
pub struct OpenPort {
    /// The port.
    pub port: Port,
    /// Its queues, one pair a worker.
    pub queues: Queues,
}

/// Starts EAL and every port.
pub fn open(settings: &Settings) -> Outcome<Devices> {
    let eal = Eal::init(&eal_config(settings)).map_err(|error| huge_page_hint(settings, &error))?;
    let workers = settings.workers.count;
    let lcores = eal.worker_lcores().len();
    if lcores < usize::from(workers) {
        return Err(Failure::refused(format!(
            "workers.count = {workers} needs as many lcores beside the main one; eal.lcores gives {lcores}"
        )));
    }
    let ports = 2 * settings.wires.len() as u32;
    // what every queue can hold, what bursts and caches hold, and some for answers
    let wanted = ports * u32::from(workers) * 2 * DESCRIPTORS + u32::from(workers) * 2048 + 4096;
    let affordable = settings.eal.memory / 2 * 1024 * 1024 / MBUF_BYTES;
    let mbufs = wanted.min(affordable).max(2048);
    let segments = MempoolConfig { mbufs: mbufs - 1, ..MempoolConfig::default() };
    let mempool = Mempool::create(&eal, "packets", &segments)?;
    let mut wires = Vec::new();
    for wire in &settings.wires {
        let outside = open_port(&eal, &mempool, &wire.outside, workers)?;
        let inside = open_port(&eal, &mempool, &wire.inside, workers)?;
        wires.push([outside, inside]);
    }
    crate::logging::dpdk_runs();
    let steering = if workers > 1 { steering(&wires, workers) } else { None };
    Ok(Devices { eal, mempool, wires, steering })
}

/// How all the ports spread flows, if they do and alike: or packets of one flow would come in at several workers.
fn steering(wires: &[[OpenPort; 2]], workers: u16) -> Option<Steering> {
    let mut spread = wires.iter().flatten().map(|port| port.queues.rss.as_ref());
    let first = spread.next().flatten();
    let rss = first.filter(|first| spread.all(|other| other == Some(first)));
    let steering = rss.and_then(|rss| Steering::new(rss.key, &rss.queues, workers.into(), &rss.with_ports));
    let by = if steering.is_some() { "the cards (symmetric RSS)" } else { "software" };
    log::info!("flows are steered to {} by {by}", counted(workers.into(), "worker"));
    steering
}

fn open_port(eal: &Eal, mempool: &Mempool, name: &str, workers: u16) -> Outcome<OpenPort> {
    let mut port = Port::open_by_name(eal, name)?;
    let info = port.info()?;
    let most = info.max_receive_queues.min(info.max_transmit_queues);
    if most < workers {
        return Err(Failure::refused(format!(
            "{name}: has {most} queue pairs; workers.count = {workers} needs one for each worker"
        )));
    }
    let config = PortConfig {
        receive_queues: workers,
        transmit_queues: workers,
        receive_descriptors: DESCRIPTORS as u16,
        transmit_descriptors: DESCRIPTORS as u16,
        ..PortConfig::default()
    };
    port.configure(&config, mempool)?;
    let queues = port.start()?;
    let spread = if queues.rss.is_some() { ", symmetric RSS" } else { "" };
    log::info!("{name}: {}, {}{spread}", info.driver, counted(workers.into(), "queue"));
    Ok(OpenPort { port, queues })
}

fn eal_config(settings: &Settings) -> EalConfig {
    let eal = &settings.eal;
    let memory =
        if eal.huge_pages { Memory::HugePages } else { Memory::OrdinaryPages { megabytes: eal.memory } };
    let mut config = EalConfig::new().memory(memory).file_prefix(&eal.file_prefix);
    config = match &eal.lcores {
        Some(map) => config.lcores(map),
        None => config.floating_lcores(1 + u32::from(settings.workers.count)),
    };
    for device in &eal.devices {
        config = match device {
            Device::Pci { .. } => config.pci_device(device.to_string()),
            Device::Virtual { .. } => config.vdev(device.to_string()),
        };
    }
    if eal.huge_pages {
        config = config.argument("-m").argument(eal.memory.to_string());
    }
    eal.extra.iter().fold(config, EalConfig::argument)
}

/// DPDK says that it has no memory, not what to do about it.
fn huge_page_hint(settings: &Settings, error: &dpdk::Error) -> Failure {
    let text = error.to_string();
    if !(settings.eal.huge_pages && text.to_lowercase().contains("hugepage")) {
        return Failure::refused(text);
    }
    let pages = settings.eal.memory / 2;
    Failure::refused(format!(
        "{text}; the system must set huge pages aside, for instance: sysctl vm.nr_hugepages={pages}"
    ))
}

/// Whether a port only reads a capture, so that its input ends.
pub fn reads_capture(settings: &Settings, name: &str) -> bool {
    settings.eal.devices.iter().any(|device| match device {
        settings::Device::Virtual { name: own, arguments } => {
            let has = |key: &str| arguments.split(',').any(|argument| argument.starts_with(key));
            own == name
                && own.starts_with("net_pcap")
                && !has("iface=")
                && !has("rx_iface")
                && !has("infinite_rx=1")
        }
        settings::Device::Pci { .. } => false,
    })
}

/// Packets a hardware queue holds.
const DESCRIPTORS: u32 = 1024;
/// What an mbuf of 2,048 bytes takes with its header and room around it.
const MBUF_BYTES: u32 = 2432;
