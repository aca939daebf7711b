//! What does it cost to read a packet's headers, checksums included?

use crate::frames;
use criterion::{Criterion, Throughput};
use dataplane::packet::build::FrameBuilder;
use dataplane::packet::{flag, parse};
use std::hint::black_box;
use std::net::Ipv6Addr;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parser");
    group.throughput(Throughput::Elements(1));
    let long = FrameBuilder::new()
        .ip(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST)
        .extension(0, &[0; 14])
        .extension(60, &[0; 14])
        .udp(1000, 53)
        .payload(&[0; 1200])
        .build();
    let frames = [
        ("TCP", frames::tcp(1, flag::ACK)),
        ("TCP SYN with options", frames::syn(1)),
        ("UDP", frames::udp(1)),
        ("TCP over IPv6", frames::tcp6(1, flag::ACK)),
        ("UDP of 1,200 bytes behind two extension headers", long),
    ];
    for (name, frame) in &frames {
        assert!(parse(&frame[..]).fault.is_none(), "{name} is in order");
        group.bench_function(*name, |bencher| bencher.iter(|| parse(black_box(&frame[..]))));
    }
}
