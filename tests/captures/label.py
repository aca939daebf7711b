#!/usr/bin/env python3
"""label.py FILE.pcap: one line per packet, its number (from 1) and its class, as README.md defines the classes.

The class follows from who talks (every actor of record.sh has its own address), from the port, and for the forged
segments in a live connection from the TTL 123 that only the forger uses. Reads classic pcap, Ethernet.
"""
import collections
import ipaddress
import struct
import sys

SERVER = {ipaddress.ip_address(a) for a in ("192.0.2.10", "2001:db8:2::10")}
CLIENT = {ipaddress.ip_address(a) for a in ("198.51.100.10", "2001:db8:1::10")}
ATTACKED = {ipaddress.ip_address(a) for a in ("198.51.100.11", "2001:db8:1::11")}
PROBER = {ipaddress.ip_address(a) for a in ("198.51.100.66", "2001:db8:1::66")}
RECEIVER = {ipaddress.ip_address(a) for a in ("198.51.100.77", "2001:db8:1::77")}
OPEN_TCP, OPEN_UDP = {22, 53, 80}, {53}
FORGED_TTL = 123
FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
ND_AND_MLD = {130, 131, 132, 133, 134, 135, 136, 143}

Packet = collections.namedtuple("Packet", "source destination ttl protocol sport dport flags kind")


def frames(data):
    magic = struct.unpack("<I", data[:4])[0]
    if magic not in (0xA1B2C3D4, 0xA1B23C4D):
        sys.exit("label.py: not a little-endian classic pcap")
    offset = 24
    while offset < len(data):
        length = struct.unpack("<I", data[offset + 8 : offset + 12])[0]
        yield data[offset + 16 : offset + 16 + length]
        offset += 16 + length


def parse(frame):
    """None for what is not IP."""
    ethertype, ip = frame[12:14], frame[14:]
    if ethertype == b"\x08\x00":
        source, destination = ipaddress.ip_address(ip[12:16]), ipaddress.ip_address(ip[16:20])
        ttl, protocol, rest = ip[8], ip[9], ip[(ip[0] & 15) * 4 :]
    elif ethertype == b"\x86\xdd":
        source, destination = ipaddress.ip_address(ip[8:24]), ipaddress.ip_address(ip[24:40])
        ttl, protocol, rest = ip[7], ip[6], ip[40:]
        if protocol == 0:  # hop-by-hop, in front of MLD
            protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
    else:
        return None
    sport = dport = flags = kind = None
    if protocol in (TCP, UDP):
        sport, dport = struct.unpack(">HH", rest[:4])
    if protocol == TCP:
        flags = rest[13] & (FIN | SYN | RST | ACK)
    if protocol in (ICMP, ICMPV6):
        kind = rest[0]
    return Packet(source, destination, ttl, protocol, sport, dport, flags, kind)


def label(packet, scanned):
    """`scanned`: the prober's ports whose SYN an open port has answered or will answer."""
    if packet is None:
        return "neighbour"
    if packet.protocol == ICMPV6 and packet.kind in ND_AND_MLD:
        return "neighbour"
    inbound = packet.destination in SERVER
    peer = packet.source if inbound else packet.destination
    if peer in CLIENT:
        return "legit"
    if peer in ATTACKED:
        return "forged-live" if inbound and packet.ttl == FORGED_TTL else "legit"
    if peer in RECEIVER:
        return "exfil-answer" if inbound else "exfil"
    if peer not in PROBER:
        sys.exit(f"label.py: nobody knows {peer}")
    return probe(packet, inbound, scanned)


def probe(packet, inbound, scanned):
    if packet.protocol == TCP:
        ours, theirs = (packet.dport, packet.sport) if inbound else (packet.sport, packet.dport)
        if inbound and packet.flags == SYN and ours in OPEN_TCP:
            scanned.add((packet.source, theirs, ours))
        peer = packet.source if inbound else packet.destination
        if (peer, theirs, ours) in scanned:
            return "syn-scan-open"
        if not inbound:
            return "probe-answer"
        return "probe-open" if ours in OPEN_TCP else "probe-closed"
    if not inbound:
        return "probe-answer"
    if packet.protocol == UDP:
        return "udp-to-service" if packet.dport in OPEN_UDP else "forged-reply"
    return "forged-reply" if packet.kind in (0, 129) else "forged-error"


def main():
    scanned = set()
    print("n\tlabel")
    with open(sys.argv[1], "rb") as capture:
        for number, frame in enumerate(frames(capture.read()), 1):
            print(number, label(parse(frame), scanned), sep="\t")


if __name__ == "__main__":
    main()
