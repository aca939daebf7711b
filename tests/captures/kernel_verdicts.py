#!/usr/bin/env python3
"""kernel_verdicts.py [DIR]: what the Linux kernel lets through of DIR/demo.pcap, under the rulesets of ../rulesets.

Needs root, nft, iptables and br_netfilter. Prints `n label stateless stateful` per packet and, on stderr, a table by
label; ends with status 1 when a claim of README.md does not hold.

Every frame of the capture enters a bridge between two silent namespaces and either comes out on the other side or
does not; the next one follows when a fence frame behind it has come out. The bridge hands its packets to the IP hooks
of its namespace, where INPUT and OUTPUT rules are written as forward rules: INPUT for what the server did not send,
OUTPUT for what it did. nft and iptables rulesets of one style must agree, and so must both values of
nf_conntrack_tcp_loose.
"""
import collections
import ctypes
import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
RULESETS = HERE.parent / "rulesets"
SERVER_MAC = "02:00:00:00:02:10"
OUTSIDE, BRIDGE, INSIDE = (f"kv{os.getpid()}{end}" for end in "obi")
FENCE = b"\xff" * 6 + b"\x02\0\0\0\0\x99" + b"\x88\xb5"
CLONE_NEWNET = 0x40000000

ALL, NONE = "accept", "drop"
# label: what stateless says, what stateful says; None where README.md claims nothing about single packets
CLAIMS = {
    "legit": (ALL, ALL),
    "neighbour": (ALL, ALL),
    "syn-scan-open": (ALL, ALL),
    "udp-to-service": (ALL, ALL),
    "probe-open": (ALL, NONE),
    "forged-live": (ALL, NONE),
    "forged-error": (ALL, NONE),
    "probe-answer": (ALL, NONE),
    "exfil": (ALL, NONE),
    "exfil-answer": (None, NONE),
    "probe-closed": (NONE, NONE),
    "forged-reply": (NONE, NONE),
}


def run(*command, text=None):
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)


def in_bridge(*command, text=None):
    run("ip", "netns", "exec", BRIDGE, *command, text=text)


def lab_up():
    for namespace in (OUTSIDE, BRIDGE, INSIDE):
        run("ip", "netns", "add", namespace)
        run("ip", "netns", "exec", namespace, "sysctl", "-qw",
            "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
    run("ip", "-n", BRIDGE, "link", "add", "bridge", "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
    for namespace, port in ((OUTSIDE, "outside"), (INSIDE, "inside")):
        run("ip", "link", "add", "eth0", "netns", namespace, "type", "veth", "peer", "name", port, "netns", BRIDGE)
        run("ip", "-n", BRIDGE, "link", "set", port, "master", "bridge", "up")
        run("ip", "-n", namespace, "link", "set", "eth0", "up")
    run("ip", "-n", BRIDGE, "link", "set", "bridge", "up")
    in_bridge("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1")


def lab_down():
    for namespace in (OUTSIDE, BRIDGE, INSIDE):
        subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL, check=False)


def packet_socket(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            made.bind(("eth0", 0))
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)
    return made


def nft_as_forward(text):
    guards = {"input": f"ether saddr {SERVER_MAC} accept", "output": f"ether saddr != {SERVER_MAC} accept"}
    text = re.sub(r"type filter hook forward .*", "", text)
    return re.sub(
        r"type filter hook (input|output) (.*)", lambda m: f"type filter hook forward {m[2]}\n{guards[m[1]]}", text
    )


def iptables_as_forward(text):
    policies, rules = {}, []
    for line in text.splitlines():
        if line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            policies[chain] = policy
        elif line.startswith("-A "):
            rules.append(re.sub("^-A (INPUT|OUTPUT) ", r"-A guard\1 ", line))
    return "\n".join([
        "*filter", ":FORWARD ACCEPT", ":guardINPUT -", ":guardOUTPUT -",
        f"-A FORWARD -m mac --mac-source {SERVER_MAC} -j guardOUTPUT", "-A FORWARD -j guardINPUT", *rules,
        f"-A guardINPUT -j {policies['INPUT']}", f"-A guardOUTPUT -j {policies['OUTPUT']}", "COMMIT", "",
    ])


def load(style, language):
    if language == "nft":
        in_bridge("nft", "-f", "-", text=nft_as_forward((RULESETS / f"{style}.nft").read_text()))
        return
    for tool in ("iptables", "ip6tables"):
        in_bridge(f"{tool}-restore", text=iptables_as_forward((RULESETS / f"{style}.{tool}").read_text()))


def verdicts(frames, style, language, loose):
    lab_up()
    try:
        load(style, language)
        if style == "stateful":
            in_bridge("sysctl", "-qw", f"net.netfilter.nf_conntrack_tcp_loose={loose}")
        ends = {False: packet_socket(OUTSIDE), True: packet_socket(INSIDE)}
        server = bytes.fromhex(SERVER_MAC.replace(":", ""))
        found = []
        for number, frame in enumerate(frames):
            outward = frame[6:12] == server
            found.append("accept" if crosses(ends[outward], ends[not outward], frame, number) else "drop")
        for end in ends.values():
            end.close()
        return found
    finally:
        lab_down()


def crosses(sender, receiver, frame, number):
    fence = FENCE + struct.pack(">I", number) + bytes(42)
    sender.send(frame)
    sender.send(fence)
    seen = False
    while True:
        if not select.select([receiver], [], [], 5)[0]:
            sys.exit(f"packet {number + 1}: the fence behind it never came out")
        data, address = receiver.recvfrom(65536)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        if data == fence:
            return seen
        if data != frame:
            sys.exit(f"packet {number + 1}: something else came out: {data.hex()}")
        seen = True


def read_capture(directory):
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(HERE))
    import label

    frames = list(label.frames((directory / "demo.pcap").read_bytes()))
    rows = (directory / "demo.labels.tsv").read_text().splitlines()[1:]
    labels = [row.split("\t")[1] for row in rows]
    if len(frames) != len(labels):
        sys.exit("demo.labels.tsv is not of this demo.pcap")
    return frames, labels


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    frames, labels = read_capture(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
    columns, broken = {}, []
    for style in ("stateless", "stateful"):
        runs = {
            (language, loose): verdicts(frames, style, language, loose)
            for language in ("nft", "iptables")
            for loose in ((0, 1) if style == "stateful" else (1,))
        }
        columns[style] = runs["nft", 1]
        for which, column in runs.items():
            differ = [n for n, (a, b) in enumerate(zip(columns[style], column), 1) if a != b]
            if differ:
                broken.append(f"{style}: nft and {which[0]} with tcp_loose={which[1]} differ at {differ}")

    print("n\tlabel\tstateless\tstateful")
    table = collections.defaultdict(collections.Counter)
    for number, row in enumerate(zip(labels, columns["stateless"], columns["stateful"]), 1):
        print(number, *row, sep="\t")
        name, *found = row
        table[name][tuple(found)] += 1
        for style, claim, verdict in zip(columns, CLAIMS[name], found):
            if claim not in (None, verdict):
                broken.append(f"packet {number} ({name}): {style} says {verdict}")

    print(f"{'label':16}{'packets':>8}{'stateless accepts':>20}{'stateful accepts':>20}", file=sys.stderr)
    for name, counts in sorted(table.items()):
        passed = [sum(c for found, c in counts.items() if found[i] == "accept") for i in (0, 1)]
        print(f"{name:16}{sum(counts.values()):8}{passed[0]:20}{passed[1]:20}", file=sys.stderr)
    for complaint in broken:
        print(complaint, file=sys.stderr)
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
