#!/usr/bin/env python3
"""Both ends of protocols for which Debian has no small program: talk.py SERVER|CLIENT ADDRESS...

server ADDRESS...          an FTP server (21), SNTP (123), a chat over TCP with urgent data (7), an MPTCP echo (8) on each
client FROM TO             SNTP, datagrams behind IPv6 extension headers, urgent data, half-close, MPTCP, multicast
"""
import selectors
import socket
import struct
import sys
import threading
import time

MPTCP = 262


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def ftp(control, files):
    """RFC 959 and 2428, just enough for curl."""
    say = lambda text: control.sendall((text + "\r\n").encode())
    host = control.getsockname()[0]
    say("220 ready")
    passive = active = None
    for line in control.makefile():
        word, _, rest = line.strip().partition(" ")
        word = word.upper()
        if word == "USER":
            say("331 password")
        elif word == "PASS":
            say("230 in")
        elif word == "PWD":
            say('257 "/"')
        elif word in ("PASV", "EPSV"):
            passive = socket.create_server((host, 0), family=family(host))
            port = passive.getsockname()[1]
            if word == "EPSV":
                say(f"229 go on (|||{port}|)")
            else:
                say(f"227 go on ({host.replace('.', ',')},{port >> 8},{port & 255})")
        elif word == "PORT":
            numbers = rest.split(",")
            active = (".".join(numbers[:4]), int(numbers[4]) << 8 | int(numbers[5]))
            say("200 yes")
        elif word == "EPRT":
            _, _, address, port, _ = rest.split(rest[0])
            active = (address, int(port))
            say("200 yes")
        elif word in ("RETR", "LIST", "NLST"):
            say("150 here it comes")
            data = passive.accept()[0] if passive else called_back(host, active)
            data.sendall(files)
            data.close()
            passive = active = None
            say("226 done")
        elif word == "QUIT":
            say("221 bye")
            return
        else:
            say("200 yes" if word == "TYPE" else "502 no")


def called_back(host, client):
    data = socket.socket(family(host))
    data.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    data.bind((host, 20))
    data.connect(client)
    return data


def each(listener, handle):
    while True:
        stream = listener.accept()[0]
        threading.Thread(target=handle, args=(stream,), daemon=True).start()


def echo(stream):
    while data := stream.recv(4096):
        stream.sendall(data)
    stream.close()


def server(addresses):
    for address in addresses:
        kind = family(address)
        tcp = lambda port: socket.create_server((address, port), family=kind, reuse_port=True)
        multipath = socket.socket(kind, socket.SOCK_STREAM, MPTCP)
        multipath.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        multipath.bind((address, 8))
        multipath.listen()
        text = b"".join(b"line %d of a file\r\n" % number for number in range(400))
        for listener, handle in ((tcp(21), lambda s: ftp(s, text)), (tcp(7), echo), (multipath, echo)):
            threading.Thread(target=each, args=(listener, handle), daemon=True).start()
    clocks = selectors.DefaultSelector()
    for address in addresses:
        clock = socket.socket(family(address), socket.SOCK_DGRAM)
        clock.bind((address, 123))
        clocks.register(clock, selectors.EVENT_READ)
    while True:
        for key, _ in clocks.select():
            asked, peer = key.fileobj.recvfrom(512)
            key.fileobj.sendto(bytes([0x24, 1]) + bytes(22) + asked[40:48] + bytes(16), peer)


def client(here, there):
    kind = family(here)
    udp = socket.socket(kind, socket.SOCK_DGRAM)
    udp.bind((here, 0))
    udp.settimeout(1)
    for _ in range(3):
        udp.sendto(bytes([0x23]) + bytes(39) + struct.pack("!Q", 1), (there, 123))
        udp.recv(512)
    if kind == socket.AF_INET6:
        pad = bytes([0, 0, 1, 4, 0, 0, 0, 0])
        for option in (socket.IPV6_HOPOPTS, socket.IPV6_DSTOPTS):
            udp.setsockopt(socket.IPPROTO_IPV6, option, pad)
            udp.sendto(bytes([0x23]) + bytes(47), (there, 123))
            udp.recv(512)
        udp.sendto(bytes(3000), (there, 123))
    else:
        udp.sendto(bytes(3000), (there, 123))
    group = "ff02::fb" if kind == socket.AF_INET6 else "224.0.0.251"
    question = bytes.fromhex("000000000001000000000000") + b"\x07printer\x05local\0\0\x01\0\x01"
    udp.sendto(question, (group, 5353, 0, socket.if_nametoindex("eth0")) if kind == socket.AF_INET6 else (group, 5353))
    with socket.create_connection((there, 7), source_address=(here, 0)) as stream:
        stream.sendall(b"a line\n")
        stream.recv(100)
        stream.send(b"!", socket.MSG_OOB)
        stream.sendall(b"more\n")
        time.sleep(0.1)
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(100):
            pass
    with socket.create_connection((there, 7), source_address=(here, 0)) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.sendall(b"cut off by a RST\n")
    multipath = socket.socket(kind, socket.SOCK_STREAM, MPTCP)
    multipath.bind((here, 0))
    multipath.connect((there, 8))
    for _ in range(5):
        multipath.sendall(bytes(2000))
        time.sleep(0.02)
    multipath.shutdown(socket.SHUT_WR)
    while multipath.recv(4096):
        pass


if sys.argv[1] == "server":
    server(sys.argv[2:])
else:
    client(*sys.argv[2:])
