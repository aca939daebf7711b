//! What does it cost to move a flow on by one packet, and to begin one?

use crate::frames;
use criterion::{Criterion, Throughput};
use dataplane::flow::FlowKey;
use dataplane::packet::build::FrameBuilder;
use dataplane::packet::{Packet, flag, parse};
use dataplane::time::Tick;
use dataplane::track::{self, Flow, Opening, Outcome, Settings};
use std::hint::black_box;
use std::net::Ipv4Addr;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tracker");
    group.throughput(Throughput::Elements(1));
    let settings = Settings::default();
    for (name, frame) in [("a flow of TCP begins", frames::syn(1)), ("a flow of UDP begins", frames::udp(1))]
    {
        let packet = parse(&frame[..]);
        let (key, orientation) = FlowKey::of(&packet.tuple).expect("it has a flow");
        group.bench_function(name, |bencher| {
            bencher
                .iter(|| track::open(black_box(&packet), &frame[..], key, orientation, Tick(1), &settings));
        });
    }
    let mut flow = established(&settings);
    let acknowledgement = frames::tcp(1, flag::ACK);
    let packet = parse(&acknowledgement[..]);
    group.bench_function("an acknowledgement of an established flow", |bencher| {
        bencher.iter(|| {
            let outcome = meet(&mut flow, black_box(&packet), &acknowledgement, &settings);
            assert!(matches!(outcome, Outcome::Valid { .. }), "it belongs");
        });
    });
    let far = segment(false, flag::ACK, 0x4000_0000, 2000);
    let packet = parse(&far[..]);
    group.bench_function("a segment outside of the window", |bencher| {
        bencher.iter(|| {
            let outcome = meet(&mut flow, black_box(&packet), &far, &settings);
            assert!(matches!(outcome, Outcome::Invalid { .. }), "it does not belong");
        });
    });
}

/// A connection whose handshake is over.
fn established(settings: &Settings) -> Flow {
    let syn = frames::syn(1);
    let packet = parse(&syn[..]);
    let (key, orientation) = FlowKey::of(&packet.tuple).expect("it has a flow");
    let Opening::New(mut flow, _) = track::open(&packet, &syn[..], key, orientation, Tick(1), settings)
    else {
        panic!("a SYN begins a flow")
    };
    for frame in [segment(true, flag::SYN | flag::ACK, 1999, 1000), frames::tcp(1, flag::ACK)] {
        let outcome = meet(&mut flow, &parse(&frame[..]), &frame, settings);
        assert!(matches!(outcome, Outcome::Valid { .. }), "a handshake goes on");
    }
    flow
}

fn meet(flow: &mut Flow, packet: &Packet, frame: &[u8], settings: &Settings) -> Outcome {
    let (_, orientation) = FlowKey::of(&packet.tuple).expect("it has a flow");
    track::update(flow, packet, frame, orientation, Tick(2), &settings.timeouts)
}

fn segment(back: bool, flags: u8, sequence: u32, acknowledgement: u32) -> Vec<u8> {
    let (client, server) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(192, 0, 2, 10));
    let builder = if back {
        FrameBuilder::new().ip(server, client).tcp(443, 1025, flags)
    } else {
        FrameBuilder::new().ip(client, server).tcp(1025, 443, flags)
    };
    builder.sequence(sequence).acknowledgement(acknowledgement).window(64240).build()
}
