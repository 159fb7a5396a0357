#!/usr/bin/python3
"""cql_hostile - what no driver sends: the CQL server says no, stays small and goes on serving.

  test/e2e/cql_hostile.py [--address HOST:PORT]"""
import random
import socket
import struct
import sys
import time

import cql_support
from cql_support import Skip

GROWTH_KIB = 64 * 1024      # more resident memory than this is a finding
server = cql_support.Server(sys.argv)
STARTUP = b'\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0'


def frame(opcode, body, stream=1, version=4, flags=0, length=None):
    return struct.pack('>BBhBI', version, flags, stream, opcode,
                       len(body) if length is None else length) + body


def dial(start=True):
    sock = socket.create_connection((server.host, server.port), timeout=10)
    if start:
        sock.sendall(frame(1, STARTUP))
        assert answer(sock)[1] == 2
    return sock


def read(sock, count):
    data = b''
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def answer(sock):
    version, _, stream, opcode, length = struct.unpack('>BBhBI', read(sock, 9))
    assert version & 0x80
    return stream, opcode, read(sock, length)


def error_of(sock):
    _, opcode, body = answer(sock)
    assert opcode == 0, 'no error but opcode %d' % opcode
    return struct.unpack('>i', body[:4])[0], body[6:].decode()


def is_closed(sock):
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    sock.close()
    return True


def query(text):
    return struct.pack('>i', len(text)) + text + b'\x00\x01\x00'


def still_serves():
    with dial() as sock:
        sock.sendall(frame(7, query(b"SELECT key FROM system.local")))
        assert answer(sock)[1] == 8


def lengths_over_the_limit():
    for length in (100 << 20, 0x7fffffff, 0xffffffff, (16 << 20) + 1):
        sock = dial()
        sock.sendall(frame(7, b'', length=length))
        code, text = error_of(sock)
        assert code == 0x2200 and 'too big' in text, text
        assert is_closed(sock)
    still_serves()


def counts_that_cannot_be():
    with dial() as sock:
        for opcode, body in (
                (7, struct.pack('>i', 0x7fffffff)), (7, struct.pack('>i', -1)),
                (7, struct.pack('>i1sHBH', 1, b'x', 1, 1, 0xffff)),
                (0x0a, b'\xff\xff'), (0x0d, b'\x00\xff\xff' + b'\x00' * 50),
                (0x0d, b'\x07\x00\x00'), (0x0b, b'\xff\xff'), (9, struct.pack('>i', -5)),
                (0x0a, b'\x00\x01x\x00\x01\x01\x00\x01' + struct.pack('>i', -3))):
            sock.sendall(frame(opcode, body))
            code, _ = error_of(sock)
            assert code == 0x000A, hex(code)
    still_serves()


def frames_cut_short():
    whole = frame(7, query(b"SELECT * FROM system.local"))
    for length in range(1, len(whole)):
        sock = dial()
        sock.sendall(whole[:length])
        sock.close()
    still_serves()


def garbage():
    rand = random.Random(1)
    for i in range(200):
        sock = dial(i % 2)
        try:
            if i % 3:
                sock.sendall(frame(rand.choice([1, 5, 7, 9, 10, 11, 13]),
                                   rand.randbytes(rand.randrange(300)), flags=rand.randrange(16)))
            else:
                sock.sendall(rand.randbytes(rand.randrange(1, 3000)))
        except OSError:
            pass
        sock.close()
    still_serves()


def texts_that_nest_or_are_long():
    with dial() as sock:
        for text in (b'SELECT ' + b'(' * 100000, b'SELECT ' + b'[' * 100000, b'x' * (8 << 20),
                     b'SELECT a FROM t WHERE ' + b' AND '.join([b'a = 1'] * 100000),
                     b"INSERT INTO t (a) VALUES ('" + b"''" * 1000000, b'\x00' * 1000,
                     b'\xff\xfe' * 1000, b'/*' * 100000, b'DESCRIBE ' + b'x ' * 100000,
                     b'CREATE TABLE t (a ' + b'frozen<list<' * 20000):
            sock.sendall(frame(7, query(text)))
            assert answer(sock)[1] == 0
    still_serves()


def bombs_in_compression():
    with dial(False) as sock:
        sock.sendall(frame(1, b'\x00\x02\x00\x0bCQL_VERSION\x00\x053.0.0'
                              b'\x00\x0bCOMPRESSION\x00\x03lz4'))
        assert answer(sock)[1] == 2
        for body in (struct.pack('>I', 0xffffffff) + b'\x00' * 20,
                     struct.pack('>I', 15 << 20) + b'\x1f\x00\x01\x00', b'\x00'):
            sock.sendall(frame(7, body, flags=1))
            error_of(sock)
    still_serves()


def a_thousand_connections_that_say_nothing():
    socks = [socket.create_connection((server.host, server.port)) for _ in range(1000)]
    still_serves()
    for sock in socks:
        sock.close()


def half_sent_frames_held_open():
    socks = []
    for _ in range(20):
        sock = dial()
        sock.sendall(frame(7, b'\x00' * (1 << 20), length=15 << 20))
        socks.append(sock)
    still_serves()
    for sock in socks:
        sock.close()


def one_that_never_reads():
    sock = dial()
    ask = b''.join(frame(7, query(b'SELECT * FROM system_schema.columns'), stream=i)
                   for i in range(500))
    sock.settimeout(5)
    try:
        for _ in range(20):
            sock.sendall(ask)
    except (socket.timeout, OSError):
        pass
    still_serves()
    sock.close()
    time.sleep(0.5)
    still_serves()


def memory_is_flat():
    if not server.ours:
        raise Skip('not our server')
    grown = server.resident_kib() - before
    assert grown < GROWTH_KIB, 'grew by %d KiB' % grown
    print('     resident: %d KiB before, %d KiB more after' % (before, grown))


still_serves()
before = server.resident_kib() if server.ours else 0
code = cql_support.run([
    lengths_over_the_limit, counts_that_cannot_be, frames_cut_short, garbage,
    texts_that_nest_or_are_long, bombs_in_compression, a_thousand_connections_that_say_nothing,
    half_sent_frames_held_open, one_that_never_reads, memory_is_flat,
])
end = server.close()
if server.ours and end != 0:
    print('cql_hostile: the server ended with %d' % end)
    code = 1
sys.exit(code)
