#!/usr/bin/python3
"""kafka_hostile - what no client sends: lengths, counts, names and speeds out of this world.

After each of them the server must still answer an honest client, and its memory must be flat.
"""
import struct
import sys
import time

from kafka_support import Server, connect, is_closed, recv, send

METADATA, PRODUCE, FETCH, API_VERSIONS, CREATE_TOPICS, JOIN_GROUP = 3, 0, 1, 18, 19, 11


def string(text):
    return struct.pack('>h', len(text)) + text


def is_honest_served(server):
    with connect(server) as sock:
        send(sock, METADATA, 1, struct.pack('>i', 0), 77)
        return recv(sock)[0] == 77


def huge_length(server):
    for length in (100 * 1024 * 1024, 0x7fffffff, -1, -2147483648):
        with connect(server) as sock:
            sock.sendall(struct.pack('>i', length) + b'\0' * 8)
            assert is_closed(sock), length


def tiny_frames(server):
    for length in range(0, 8):
        with connect(server) as sock:
            sock.sendall(struct.pack('>i', length) + b'\0' * length)
            assert is_closed(sock), length


def impossible_counts(server):
    for count in (1000000, 0x7fffffff, -2):
        with connect(server) as sock:
            send(sock, METADATA, 1, struct.pack('>i', count))
            assert is_closed(sock), count
        with connect(server) as sock:
            send(sock, PRODUCE, 3, struct.pack('>hhii', -1, 1, 1000, count))
            assert is_closed(sock), count


def a_million_elements_that_are_there(server):
    with connect(server) as sock:
        send(sock, METADATA, 1, struct.pack('>i', 1000000) + struct.pack('>h', 0) * 1000000)
        assert is_closed(sock)


def drip_fed(server):
    body = struct.pack('>i', 0)
    frame = struct.pack('>hhih', METADATA, 1, 5, 1) + b'x' + body
    frame = struct.pack('>i', len(frame)) + frame
    with connect(server) as sock:
        for byte in frame:
            sock.sendall(bytes([byte]))
            time.sleep(0.01)
        assert recv(sock)[0] == 5


def unknown_api_and_version(server):
    for key, version in ((999, 0), (-1, 0), (METADATA, 99), (METADATA, -1), (PRODUCE, 2)):
        with connect(server) as sock:
            send(sock, key, version, b'\0' * 16)
            assert is_closed(sock), (key, version)
    with connect(server) as sock:   # of ApiVersions only, the answer is v0 with error 35
        send(sock, API_VERSIONS, 99, b'', 9)
        correlation, body = recv(sock)
        code, count = struct.unpack('>hi', body[:6])
        assert (correlation, code) == (9, 35) and count > 20 and len(body) == 6 + 6 * count
        ranges = {k: (a, b) for k, a, b in struct.iter_unpack('>hhh', body[6:])}
        assert ranges[PRODUCE] == (0, 13) and ranges[FETCH] == (4, 18)


def names_that_climb(server):
    for name in (b'../../etc', b'..', b'.', b'', b'a/b', b'x' * 250, b'nul\0', b'\xff\xfe'):
        with connect(server) as sock:
            send(sock, METADATA, 4, struct.pack('>i', 1) + string(name) + b'\1')
            _, body = recv(sock)
            assert struct.pack('>h', 17) + string(name) in body, name
            send(sock, CREATE_TOPICS, 2, struct.pack('>i', 1) + string(name) +
                 struct.pack('>ihiiib', 1, 1, 0, 0, 1000, 0))
            _, body = recv(sock)
            assert string(name) + struct.pack('>h', 17) in body, name


def partitions_without_end(server):
    for count, code in ((0x7fffffff, 37), (0, 37), (-5, 37), (1025, 37)):
        with connect(server) as sock:
            send(sock, CREATE_TOPICS, 2, struct.pack('>i', 1) + string(b'many') +
                 struct.pack('>ihiiib', count, 1, 0, 0, 1000, 0))
            _, body = recv(sock)
            assert string(b'many') + struct.pack('>h', code) in body, count


def produce_body(records, acks=-1):
    return (struct.pack('>hhii', -1, acks, 1000, 1) + string(b'hostile') +
            struct.pack('>iii', 1, 0, len(records)) + records)


def batches_that_are_none(server):
    with connect(server) as sock:
        send(sock, METADATA, 4, struct.pack('>i', 1) + string(b'hostile') + b'\1')
        recv(sock)
    head = struct.pack('>qiibI', 0, 49, 0, 2, 0)
    cases = {
        b'': 87,                                    # no batch
        b'\0' * 61: None,                           # magic 0
        head + b'\0' * 40: 2,                       # a wrong CRC
        struct.pack('>qiibI', 0, 0x7fffffff, 0, 2, 0) + b'\0' * 40: 2,
        struct.pack('>qiibI', 0, -7, 0, 2, 0) + b'\0' * 40: 2,
        head[:20]: 2,
    }
    for records, code in cases.items():
        with connect(server) as sock:
            send(sock, PRODUCE, 3, produce_body(records))
            _, body = recv(sock)
            got, = struct.unpack('>h', body[4 + 2 + 7 + 4 + 4:][:2])
            assert got != 0 and (code is None or got == code), (records, got)
    with connect(server) as sock:                   # acks=0: the connection says that it failed
        send(sock, PRODUCE, 3, produce_body(b'', acks=0))
        assert is_closed(sock)
    with connect(server) as sock:
        send(sock, PRODUCE, 3, produce_body(b'', acks=7))
        assert struct.pack('>h', 21) in recv(sock)[1]


def a_peer_that_never_reads(server):
    sock = connect(server)
    sock.setblocking(False)
    frame = struct.pack('>hhih', API_VERSIONS, 0, 1, -1)
    frame = struct.pack('>i', len(frame)) + frame
    sent, until = 0, time.time() + 3
    while time.time() < until and sent < 64 * 1024 * 1024:
        try:
            sent += sock.send(frame * 1000)
        except BlockingIOError:
            time.sleep(0.01)
    assert sent < 64 * 1024 * 1024, 'the server reads on and on'
    sock.close()


def many_connections(server):
    socks = [connect(server) for _ in range(300)]
    for sock in socks:
        sock.sendall(struct.pack('>i', 1024 * 1024) + b'half a frame')
    time.sleep(0.2)
    for sock in socks:
        sock.close()


CASES = [huge_length, tiny_frames, impossible_counts, a_million_elements_that_are_there, drip_fed,
         unknown_api_and_version, names_that_climb, partitions_without_end, batches_that_are_none,
         a_peer_that_never_reads, many_connections]
GROWTH_MAX_KIB = 40 * 1024


def main():
    server = Server()
    passed = failed = 0
    try:
        assert is_honest_served(server)
        before = server.rss_kib()
        for case in CASES:
            try:
                case(server)
                assert is_honest_served(server), 'an honest client is not served any more'
                grown = server.rss_kib() - before
                assert grown < GROWTH_MAX_KIB, 'memory grew by %d KiB' % grown
                passed += 1
                print('ok %s, %d KiB more' % (case.__name__, grown), flush=True)
            except Exception as e:          # one case's trouble must not hide the others
                failed += 1
                print('FAIL %s: %r' % (case.__name__, e), flush=True)
        server.stop()
    finally:
        server.process.kill()
        server.close()
    print('%d passed, %d failed, 0 skipped' % (passed, failed))
    sys.exit(1 if failed else 0)


main()
