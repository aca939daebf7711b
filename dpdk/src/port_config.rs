//! How is a port to be set up?

/// What [`Port::configure`](crate::Port::configure) asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortConfig {
    /// How many receive queues.
    pub receive_queues: u16,
    /// How many transmit queues.
    pub transmit_queues: u16,
    /// The length of each receive queue; the device's limits prevail.
    pub receive_descriptors: u16,
    /// The length of each transmit queue; the device's limits prevail.
    pub transmit_descriptors: u16,
    /// The largest packet above layer 2, in bytes; `None` leaves it to the device.
    pub mtu: Option<u16>,
    /// Receive frames to any address: a firewall in the wire needs it.
    pub promiscuous: bool,
    /// Spread flows over the receive queues, both directions to the same one, if the device can.
    pub symmetric_rss: bool,
}

impl Default for PortConfig {
    /// One queue each way, 1,024 long, promiscuous, RSS when there are several queues.
    fn default() -> PortConfig {
        PortConfig {
            receive_queues: 1,
            transmit_queues: 1,
            receive_descriptors: 1024,
            transmit_descriptors: 1024,
            mtu: None,
            promiscuous: true,
            symmetric_rss: true,
        }
    }
}
