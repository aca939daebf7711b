//! Every load that few rules ask for, against bytes.

use super::{Connection, Draw, Facts, Home, Known};
use crate::flow::{FlowKey, Orientation};
use crate::packet::build::FrameBuilder;
use crate::packet::{flag, parse, protocol};
use crate::track::Direction::{Original, Reply};
use crate::track::extra::Traffic;
use config::policy::{Ct, HeaderBase, Load, Meta, OptionOf, Part, Value, Ways, interface_value};

const ONE: [u16; 8] = [0xfd00, 0, 0, 0, 0, 0, 0, 1];
const TWO: [u16; 8] = [0xfd00, 0, 0, 0, 0, 0, 0, 2];

/// What `load` gives for the frame as a host gets it.
fn load_with(frame: &FrameBuilder, load: Load, change: impl FnOnce(&mut Facts<'_, [u8]>)) -> Option<Value> {
    let bytes = frame.build();
    let packet = parse(&bytes[..]);
    let mut facts = Facts {
        iif: interface_value("eth0"),
        known: Known { home: Home::Destination, ..Known::default() },
        ..Facts::of(&packet, &bytes[..])
    };
    change(&mut facts);
    facts.load(&load)
}

fn load(frame: &FrameBuilder, load: Load) -> Option<Value> {
    load_with(frame, load, |_| {})
}

fn tcp(options: &[u8]) -> FrameBuilder {
    FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).tcp(1025, 80, flag::SYN).tcp_options(options)
}

fn udp6() -> FrameBuilder {
    FrameBuilder::new().ip(ONE, TWO).udp(53, 4242).payload(&[0; 8])
}

fn option(of: OptionOf, kind: u8, offset: u16, width: u16) -> Load {
    Load::Option { of, kind, offset, width }
}

fn exists(of: OptionOf, kind: u8) -> Load {
    Load::Exists(Part::Option(of, kind))
}

#[test]
fn tcp_options() {
    let frame = tcp(&[1, 2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 0, 0]);
    assert_eq!(load(&frame, option(OptionOf::Tcp, 2, 16, 16)), Some(1460));
    assert_eq!(load(&frame, option(OptionOf::Tcp, 3, 16, 8)), Some(7));
    assert_eq!(load(&frame, option(OptionOf::Tcp, 4, 8, 8)), Some(2));
    assert_eq!(load(&frame, option(OptionOf::Tcp, 4, 16, 8)), None, "it has no third byte");
    assert_eq!(load(&frame, option(OptionOf::Tcp, 8, 16, 32)), None);
    let seen = [1, 2, 3, 4, 8].map(|kind| load(&frame, exists(OptionOf::Tcp, kind)).unwrap());
    assert_eq!(seen, [1, 1, 1, 1, 0]);
    let udp = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2);
    assert_eq!(load(&udp, exists(OptionOf::Tcp, 2)), Some(0), "as the kernel says of what is not TCP");
    assert_eq!(load(&udp, option(OptionOf::Tcp, 2, 16, 16)), None);
}

#[test]
fn tcp_options_that_are_malformed() {
    let beyond = tcp(&[2, 9, 5, 0xb4]);
    assert_eq!(load(&beyond, exists(OptionOf::Tcp, 2)), Some(0), "longer than the header");
    let behind_the_end = tcp(&[0, 2, 4, 5, 0xb4, 0, 0, 0]);
    assert_eq!(load(&behind_the_end, option(OptionOf::Tcp, 2, 16, 16)), Some(1460), "the kernel walks on");
    let without_length = tcp(&[9, 0, 3, 3, 7, 0, 0, 0]);
    assert_eq!(load(&without_length, option(OptionOf::Tcp, 3, 16, 8)), Some(7), "a length of zero is one");
    let last = tcp(&[1, 1, 1, 4]);
    assert_eq!(load(&last, exists(OptionOf::Tcp, 4)), Some(0), "no room for its length");
}

#[test]
fn ipv4_options() {
    let with =
        |options: &[u8]| FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).ipv4_options(options).udp(1, 2);
    let frame = with(&[1, 148, 4, 0, 0, 7, 7, 4, 9, 9, 9, 9]);
    assert_eq!(load(&frame, exists(OptionOf::Ipv4, 148)), Some(1));
    assert_eq!(load(&frame, option(OptionOf::Ipv4, 148, 8, 8)), Some(4));
    assert_eq!(load(&frame, option(OptionOf::Ipv4, 7, 16, 8)), Some(4));
    assert_eq!(load(&frame, exists(OptionOf::Ipv4, 131)), Some(0));
    assert_eq!(load(&frame, option(OptionOf::Ipv4, 131, 8, 8)), None);
    for malformed in [[148, 4, 0, 0, 7, 7, 3, 9], [148, 4, 0, 0, 7, 9, 4, 9], [148, 4, 0, 0, 9, 1, 0, 0]] {
        assert_eq!(load(&with(&malformed), exists(OptionOf::Ipv4, 148)), Some(0), "{malformed:?}");
    }
    assert_eq!(load(&with(&[148, 4, 0, 1]), exists(OptionOf::Ipv4, 148)), Some(0), "another kind of alert");
    assert_eq!(load(&udp6(), exists(OptionOf::Ipv4, 148)), None);
}

#[test]
fn an_authentication_header_of_ipv6_is_the_transport_header_of_rules() {
    let frame = udp6().extension(51, &[0, 1, 0, 0, 0, 0, 1, 7, 0, 0, 0, 9]);
    let spi = Load::Payload { base: HeaderBase::Transport, offset: 32, width: 32 };
    assert_eq!([load(&frame, Load::Meta(Meta::L4Proto)), load(&frame, spi)], [Some(51), Some(0x107)]);
    assert_eq!(load(&udp6(), Load::Meta(Meta::L4Proto)), Some(17));
    // also where what follows it is cut off
    let cut = FrameBuilder::new().ip(ONE, TWO).raw(51).payload(&[60, 1, 0, 0, 0, 0, 1, 7, 0, 0, 0, 9, 17]);
    assert_eq!([load(&cut, Load::Meta(Meta::L4Proto)), load(&cut, spi)], [Some(51), Some(0x107)]);
}

#[test]
fn extension_headers() {
    let frame = udp6().extension(0, &[0, 0, 1, 4, 0, 0, 0, 0]).extension(44, &[0, 0, 0, 0, 1, 2, 3, 4]);
    let of = |header, offset, width| Load::Extension { header, offset, width };
    assert_eq!(load(&frame, of(0, 0, 8)), Some(44));
    assert_eq!(load(&frame, of(44, 32, 32)), Some(0x0102_0304));
    assert_eq!(load(&frame, of(44, 0, 8)), Some(protocol::UDP.into()));
    assert_eq!(load(&frame, of(60, 0, 8)), None);
    assert_eq!(load(&frame, of(44, 1000, 128)), None, "behind the packet");
    let seen = [0, 44, 60, 43].map(|header| load(&frame, Load::Exists(Part::Extension(header))));
    assert_eq!(seen, [1, 1, 0, 0].map(Some));
    assert_eq!(load(&tcp(&[]), Load::Exists(Part::Extension(44))), None, "IPv4");
    let mobility = FrameBuilder::new().ip(ONE, TWO).raw(135).payload(&[59, 0, 5, 0, 0, 0, 0, 0]);
    assert_eq!(load(&mobility, of(135, 16, 8)), Some(5), "the last header is looked at");
}

#[test]
fn a_fragment_tail_has_nothing_behind_the_fragment_header() {
    let tail =
        FrameBuilder::new().ip(ONE, TWO).raw(60).payload(&[17, 0, 1, 4, 0, 0, 0, 0]).fragment(3, false);
    assert_eq!(load(&tail, Load::Exists(Part::Extension(44))), Some(1));
    assert_eq!(load(&tail, Load::Exists(Part::Extension(60))), Some(0));
    assert_eq!(load(&tail, Load::Extension { header: 44, offset: 16, width: 13 }), Some(3));
}

#[test]
fn sctp_chunks() {
    let chunks = [1, 0, 0, 20, 0, 0, 0, 7, 0, 0, 0x10, 0, 0, 10, 0, 20, 0, 0, 0, 3, 14, 0, 0, 4];
    let frame = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).sctp(1, 2, 0).payload(&chunks);
    assert_eq!(load(&frame, option(OptionOf::Sctp, 1, 32, 32)), Some(7));
    let seen = [0, 1, 14].map(|kind| load(&frame, exists(OptionOf::Sctp, kind)));
    assert_eq!(seen, [0, 1, 1].map(Some));
    assert_eq!(load(&frame, option(OptionOf::Sctp, 14, 32, 32)), None, "behind the chunk");
    assert_eq!(load(&tcp(&[]), exists(OptionOf::Sctp, 1)), Some(0));
    let frame = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).sctp(1, 2, 0).payload(&[11, 0, 0, 81]);
    assert_eq!(load(&frame, exists(OptionOf::Sctp, 11)), Some(1));
    assert_eq!(
        load(&frame, option(OptionOf::Sctp, 11, 0, 8)),
        None,
        "it says that it is longer than the packet"
    );
}

#[test]
fn dccp_options() {
    // a request: long sequence numbers, a service code, then options
    let frame = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]);
    let frame = frame.dccp([1, 2], 0, 7, &[0, 0, 0, 1, 0, 32, 4, 9, 9, 2, 0, 0]);
    let seen = [0, 2, 32, 33].map(|kind| load(&frame, exists(OptionOf::Dccp, kind)));
    assert_eq!(seen, [1, 1, 1, 0].map(Some));
    assert_eq!(load(&frame, option(OptionOf::Dccp, 32, 16, 16)), Some(0x0909));
    assert_eq!(load(&tcp(&[]), exists(OptionOf::Dccp, 0)), Some(0));
}

#[test]
fn interfaces_and_the_clock() {
    let frame = tcp(&[]);
    assert_eq!(load(&frame, Load::Meta(Meta::InType)), Some(1));
    assert_eq!(load(&frame, Load::Meta(Meta::OutType)), None);
    // Thursday the first of January 1970, and Tuesday the 14th of November 2023, 22:13:20
    for (second, day, hour) in [(0, 4, 0), (1_700_000_000, 2, 80_000)] {
        let wall_ns = second * 1_000_000_000 + 5;
        let at = |meta| load_with(&frame, Load::Meta(meta), |facts| facts.now.wall_ns = wall_ns);
        assert_eq!([at(Meta::Time), at(Meta::Day), at(Meta::Hour)], [wall_ns.into(), day, hour].map(Some));
    }
}

#[test]
fn kinds_of_packets_and_addresses() {
    let kinds = |ethernet: [u8; 6], destination: [u8; 4]| {
        let frame = FrameBuilder::new().ip([10, 0, 0, 1], destination).udp(1, 2).overwrite(0, &ethernet);
        let address =
            |destination| load(&frame, Load::AddressType { destination, of_device: false }).unwrap();
        (load(&frame, Load::Meta(Meta::PacketType)).unwrap(), address(true), address(false))
    };
    assert_eq!(kinds([2, 0, 0, 0, 0, 1], [10, 0, 0, 2]), (0, 2, 1));
    assert_eq!(kinds([0xff; 6], [255; 4]), (1, 3, 1));
    assert_eq!(kinds([0xff; 6], [10, 0, 0, 255]), (1, 3, 1), "the broadcast address of a subnet");
    assert_eq!(kinds([1, 0, 0x5e, 0, 0, 1], [224, 0, 0, 1]), (2, 5, 1));
    let frame = tcp(&[]);
    let of = |home, destination| {
        load_with(&frame, Load::AddressType { destination, of_device: false }, |facts| {
            facts.known.home = home;
        })
        .unwrap()
    };
    assert_eq!([of(Home::Source, true), of(Home::Source, false)], [1, 2]);
    assert_eq!([of(Home::Neither, true), of(Home::Neither, false)], [1, 1]);
    let v6 = FrameBuilder::new().ip(ONE, [0xff02, 0, 0, 0, 0, 0, 0, 1]).udp(1, 2);
    assert_eq!(load(&v6, Load::AddressType { destination: true, of_device: false }), Some(5));
    let looped = FrameBuilder::new().ip([10, 0, 0, 1], [127, 0, 0, 1]).udp(1, 2);
    let of_device = |of_device| load(&looped, Load::AddressType { destination: true, of_device });
    assert_eq!([of_device(false), of_device(true)], [Some(2), Some(1)], "loopback is another interface's");
    let sent = load_with(&frame, Load::Meta(Meta::PacketType), |facts| facts.iif = None);
    assert_eq!(sent, Some(0));
}

#[test]
fn random_numbers_stay_within_and_differ() {
    let frame = tcp(&[]);
    let mut seen = [0; 5];
    for packet in 0..1000 {
        let number = Load::Number { random: true, modulus: 4, offset: 1, draw: 0 };
        let drawn = load_with(&frame, number, |facts| facts.known.draw = Draw::of(packet)).unwrap();
        seen[drawn as usize] += 1;
    }
    assert!(seen[0] == 0 && seen[1..].iter().all(|&count| count > 180), "{seen:?}");
    let random = |packet| {
        load_with(&frame, Load::Meta(Meta::Random), |facts| facts.known.draw = Draw::of(packet)).unwrap()
    };
    assert!(random(1) != random(2) && random(1) == random(1));
}

#[test]
fn a_connection_has_traffic_by_direction() {
    let mut traffic = Traffic::default();
    for (direction, length) in [(Original, 60), (Original, 40), (Reply, 1500)] {
        traffic.add(direction, length);
    }
    let key = FlowKey::default();
    let connection = |traffic| Connection {
        key: &key,
        original: Orientation::Up,
        status: 0,
        expected_by: None,
        expires: 0,
        traffic,
    };
    let read = |load| connection(traffic).load(load);
    let ways = [Ways::Original, Ways::Reply, Ways::Both];
    assert_eq!(ways.map(|ways| read(Ct::Packets(ways))), [2, 1, 3].map(Some));
    assert_eq!(ways.map(|ways| read(Ct::Bytes(ways))), [100, 1500, 1600].map(Some));
    assert_eq!(ways.map(|ways| read(Ct::AveragePacket(ways))), [50, 1500, 533].map(Some));
    let none = connection(Traffic::default()).load(Ct::AveragePacket(Ways::Both));
    assert_eq!(none, Some(0), "as the kernel says of what it does not count");
    assert_eq!(load(&tcp(&[]), Load::Ct(Ct::Packets(Ways::Both))), None, "no connection");
}
