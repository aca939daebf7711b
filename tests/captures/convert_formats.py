#!/usr/bin/env python3
"""convert_formats.py DIR: from DIR/ethernet.pcap the formats that Linux does not record, and the broken files.

Only bytes are moved: the packets stay those of the recording. ethernet.pcapng loses what it says of the machine.
"""
import pathlib
import struct
import sys

ETHERNET, NULL, RAW, LOOP, IEEE802_11 = 1, 0, 101, 108, 105
MICROSECONDS = 0xA1B2C3D4


def read(path):
    """[(seconds, microseconds, original length, bytes)]"""
    data, records, offset = path.read_bytes(), [], 24
    while offset < len(data):
        seconds, fraction, captured, original = struct.unpack("<IIII", data[offset : offset + 16])
        records.append((seconds, fraction, original, data[offset + 16 : offset + 16 + captured]))
        offset += 16 + captured
    return records


def pcap(link, records, order="<", snaplen=262144):
    parts = [struct.pack(order + "IHHiIII", MICROSECONDS, 2, 4, 0, 0, snaplen, link)]
    for seconds, fraction, original, data in records:
        parts.append(struct.pack(order + "IIII", seconds, fraction, len(data), original) + data)
    return b"".join(parts)


def remade(records, make):
    """`make` turns a frame into its new bytes, or None to leave it out."""
    made = ((s, f, make(data)) for s, f, _, data in records)
    return [(s, f, len(data), data) for s, f, data in made if data is not None]


def is_ip(frame):
    return frame[12:14] in (b"\x08\x00", b"\x86\xdd")


def raw(frame):
    return frame[14:] if is_ip(frame) else None


def loopback(order, inet6):
    def make(frame):
        if not is_ip(frame):
            return None
        return struct.pack(order + "I", 2 if frame[12:14] == b"\x08\x00" else inet6) + frame[14:]

    return make


def tagged(*tags):
    def make(frame):
        return frame[:12] + b"".join(struct.pack(">HH", *tag) for tag in tags) + frame[12:]

    return make


def garbage(length):
    """The same bytes every time (a linear congruential generator)."""
    state, out = 20240607, bytearray()
    for _ in range(length):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(state >> 16 & 255)
    return bytes(out)


def without_machine(data):
    """A pcapng of dumpcap with its remarks on processor and kernel overwritten, everything else in place."""
    data, offset = bytearray(data), 0
    while offset < len(data):
        kind, length = struct.unpack("<II", data[offset : offset + 8])
        option, remarks = {0x0A0D0D0A: (offset + 24, {2, 3}), 1: (offset + 16, {12})}.get(kind, (None, set()))
        while option and option < offset + length - 4:
            code, size = struct.unpack("<HH", data[option : option + 4])
            if code in remarks:
                data[option + 4 : option + 4 + size] = b"-" * size
            option += 4 + size + -size % 4
        offset += length
    return bytes(data)


def pcapng_two_links(records):
    """One section, two interfaces of different link types, packets in turn."""

    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    parts = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    parts += [block(1, struct.pack("<HHI", link, 0, 0)) for link in (ETHERNET, RAW)]
    for number, (seconds, fraction, _, data) in enumerate(r for r in records if is_ip(r[3])):
        interface = number % 2
        data = raw(data) if interface else data
        time = seconds * 1_000_000 + fraction
        head = struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
        parts.append(block(6, head + data))
    return b"".join(parts)


def main():
    directory = pathlib.Path(sys.argv[1])
    whole = (directory / "ethernet.pcap").read_bytes()
    records = read(directory / "ethernet.pcap")
    # A data frame to an access point: LLC/SNAP carries the IPv4 packet of the first IPv4 frame.
    first = next(data for _, _, _, data in records if data[12:14] == b"\x08\x00")
    wireless = b"\x08\x01\0\0" + first[:6] + first[6:12] + first[:6] + b"\0\0" + b"\xaa\xaa\x03\0\0\0" + first[12:]
    seconds, fraction = records[0][:2]
    files = {
        "ethernet.pcapng": without_machine((directory / "ethernet.pcapng").read_bytes()),
        "big-endian.pcap": pcap(ETHERNET, records, ">"),
        "raw-ip.pcap": pcap(RAW, remade(records, raw)),
        "null.pcap": pcap(NULL, remade(records, loopback("<", 30))),
        "null-big-endian.pcap": pcap(NULL, remade(records, loopback(">", 28)), ">"),
        "loop.pcap": pcap(LOOP, remade(records, loopback(">", 24))),
        "vlan.pcap": pcap(ETHERNET, remade(records, tagged((0x8100, 0x2064)))),
        "qinq.pcap": pcap(ETHERNET, remade(records, tagged((0x88A8, 0x0007), (0x8100, 0x2064)))),
        "two-links.pcapng": pcapng_two_links(records),
        "cut-in-record.pcap": whole[: len(whole) * 2 // 3],
        "cut-in-header.pcap": whole[:17],
        "header-only.pcap": whole[:24],
        "record-too-long.pcap": whole[:24] + struct.pack("<IIII", seconds, fraction, 0xFFFFFFF0, 0xFFFFFFF0),
        "wrong-link.pcap": pcap(IEEE802_11, [(seconds, fraction, len(wireless), wireless)]),
        "wrong-link-header-only.pcap": pcap(IEEE802_11, []),
        "garbage.pcap": garbage(2000),
        "garbage-after-header.pcap": whole[:24] + garbage(2000),
        "zero-bytes.pcap": b"",
    }
    for name, data in files.items():
        (directory / name).write_bytes(data)


if __name__ == "__main__":
    main()
