#!/usr/bin/env python3
"""Writes the first inputs of every fuzz target into corpus/, from the rulesets, settings and captures of the tests.

What is there already stays; run it again whenever the tests have grown."""

import hashlib
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
CAPTURES = ROOT / "tests" / "captures"
INSIDE = bytes([192, 0, 2]), bytes.fromhex("20010db80002")


def seed(target, data):
    directory = HERE / "corpus" / target
    directory.mkdir(parents=True, exist_ok=True)
    (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)


def frames(path):
    """The frames of a little-endian pcap of microseconds, Ethernet."""
    data = path.read_bytes()
    assert data[:4] == struct.pack("<I", 0xA1B2C3D4), path
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def is_from_inside(frame):
    return frame[26:29] == INSIDE[0] if frame[12:14] == b"\x08\x00" else frame[22:28] == INSIDE[1]


def texts(*patterns):
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            yield path.read_bytes()


for name in ("legit", "probes", "exfiltration", "mixed"):
    steps = []
    for number, frame in enumerate(frames(CAPTURES / f"{name}.pcap")):
        if number % 5 == 0 and len(frame) < 600:
            seed("fuzz_frame", bytes([number % 80, 60, 0]) + frame)
        if len(frame) < 0x800:
            tag = 0x80 if is_from_inside(frame) else 0
            steps.append(bytes([tag]) + struct.pack(">H", len(frame)) + frame)
    for start in range(0, len(steps), 12):
        for circumstances in (0x00, 0x09, 0x16, 0x20, 0x65):
            seed("fuzz_pipeline", bytes([circumstances]) + b"".join(steps[start : start + 12])[:4000])

# a handshake, a segment each way, the end; then the flow is silent for 30 s
for circumstances in (0x00, 0x09, 0x20, 0x28):
    for flow in range(8):
        segments = [(1, 2, 0), (0x81, 18, 0), (1, 16, 0), (1, 24, 9), (0x81, 24, 40), (1, 17, 0), (0x81, 17, 0)]
        steps = b"".join(bytes([tag, flow, flags, length, 0, 0, 250, 0]) for tag, flags, length in segments)
        datagrams = b"".join(bytes([tag, flow, kind, 8]) for kind in range(6) for tag in (3, 0x83))
        seed("fuzz_pipeline", bytes([circumstances]) + steps + b"\x06\x06" + datagrams + b"\x05\x02\x03\x01\x07")

for text in texts("tests/rulesets/*.nft", "tests/tests/language/*.nft", "config/tests/nft/*.nft"):
    seed("fuzz_nft", text)
    # and by parts: a rule, alone in a chain
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith((b"#", b"define", b"table", b"chain", b"}", b"type")):
            seed("fuzz_nft", b"table inet t { chain c { type filter hook input priority 0; " + line + b"\n} }\n")
for text in texts("tests/rulesets/*tables", "tests/tests/language/*tables", "config/tests/iptables/*tables"):
    seed("fuzz_iptables", text)
    for line in text.splitlines():
        if line.startswith(b"-A ") and len(line.split()) > 2:
            chain = line.split()[1]
            seed("fuzz_iptables", b"*filter\n:" + chain + b" ACCEPT [0:0]\n" + line + b"\nCOMMIT\n")
SAVED = (
    b"create blocked hash:ip family inet hashsize 1024 maxelem 65536\nadd blocked 192.0.2.1\nadd blocked 192.0.2.9\n",
    b"create nets hash:net family inet timeout 300\nadd nets 192.0.2.0/24 timeout 9\nadd nets 10.0.0.0/8 nomatch\n",
    b"create pairs hash:ip,port family inet6\nadd pairs 2001:db8::1,tcp:80\nadd pairs 2001:db8::2,udp:1-9\n",
    b"create ports bitmap:port range 0-1023\nadd ports 22\n",
)
DUMP = b"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set %s src -j DROP\nCOMMIT\n"
for text in SAVED:
    seed("fuzz_ipset", text + b"\0" + DUMP % text.split()[1])
PACKETS = (
    b"tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S seq 1 ack 2 len 3 win 4 ttl 5",
    b"udp [2001:db8::1]:53 > [2001:db8::2]:4000 len 9",
    b"icmp 198.51.100.7 > 192.0.2.10 type 8 code 0 id 7",
    b"protocol 47 198.51.100.7 > 192.0.2.10 fragment",
    b"ethertype 0x0806, 42 bytes",
)
for text in PACKETS:
    seed("fuzz_packet", text)
for number in range(64):
    digests = (hashlib.sha256(bytes([number, part])).digest() for part in range(16))
    seed("fuzz_ruleset", b"".join(digests))
for text in texts("config/tests/settings/*.toml"):
    seed("fuzz_settings", text)


def payload(text):
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


# stories of helpers: which, and over TCP for the second of its protocols
for file, helper in (("irc", 2), ("amanda", 3), ("sane", 4), ("sip", 5), ("sip", 69), ("sip", 133), ("broadcast", 6),
                     ("broadcast", 7), ("pptp", 8), ("helpers", 0)):
    for story in (ROOT / "tests" / "tests" / "conntrack" / f"{file}.txt").read_text().split("\n== ")[1:]:
        steps = b""
        for line in story.splitlines():
            if line[:2] in ("> ", "< ") and 'data="' in line:
                data = payload(line.split('data="')[1].split('"')[0])
                data += bytes(int(line.split(" fill=")[1].split()[0]) if " fill=" in line else 0)
                steps += bytes([line[0] == "<", len(data) & 255, len(data) >> 8, 9]) + data
        seed("fuzz_helper", bytes([helper]) + steps)
for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 1, 2), (0, 2, 1, 1)):
    for version in (0, 1):
        fragments = (bytes([4 * (part == 2), part * 2, 2, 0, 0]) for part in order)
        seed("fuzz_fragments", bytes([version]) + b"".join(fragments))

for directory in sorted((HERE / "corpus").iterdir()):
    print(f"{directory.name}: {sum(1 for _ in directory.iterdir())} inputs")
