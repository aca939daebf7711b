//! Which packets are the parts given?

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::flag;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The client's side of a connection, between the first address and port and the second.
pub fn tcp(number: u32, flags: u8) -> Vec<u8> {
    FrameBuilder::new()
        .ip(client(number), SERVER)
        .tcp(port(number), 443, flags)
        .sequence(1000)
        .acknowledgement(2000)
        .window(64240)
        .build()
}

/// A SYN with the options that Linux sends.
pub fn syn(number: u32) -> Vec<u8> {
    let options = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    FrameBuilder::new()
        .ip(client(number), SERVER)
        .tcp(port(number), 443, flag::SYN)
        .sequence(999)
        .window(64240)
        .tcp_options(&options)
        .build()
}

/// A query for a name.
pub fn udp(number: u32) -> Vec<u8> {
    FrameBuilder::new().ip(client(number), SERVER).udp(port(number), 53).payload(&[0; 32]).build()
}

/// A segment of IPv6.
pub fn tcp6(number: u32, flags: u8) -> Vec<u8> {
    let client = Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(number));
    let server = Ipv6Addr::from(0x2001_0db8_0002_u128 << 80 | 10);
    FrameBuilder::new().ip(client, server).tcp(port(number), 443, flags).build()
}

fn client(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 | number & 0xff_ffff)
}

const fn port(number: u32) -> u16 {
    1024 + (number % 60_000) as u16
}

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
