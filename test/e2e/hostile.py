"""hostile - one sweep of what is thrown at a running `sluice serve`, at every door and from its source.

After each case: memory is flat (VmRSS), its peak was bounded (VmHWM), no file was made outside the
data folder, and every door still serves. What single servers are asked more closely stands in
kafka_hostile.py and cql_hostile.py."""
import gzip
import http.server
import json
import os
import re
import resource
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import zlib

import kafka_support
from kafka_support import is_closed, recv, send
from sluice_support import SLUICE, Sluice, run, wait_for

DEPTH = 100000
CLIMB = '../../hostile-climbs'
FLAT_KIB, PEAK_KIB = 48 * 1024, 224 * 1024      # what a case may leave behind; what it may need
SANITIZED = any(word in SLUICE for word in ('asan', 'tsan'))
METADATA, PRODUCE, CREATE_TOPICS = 3, 0, 19


def nested(depth):
    return '[' * depth + ']' * depth


def deflated(pieces):
    """The pieces as one gzip stream, without ever holding them."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b''.join([pack.compress(piece) for piece in pieces] + [pack.flush()])


BOMB = deflated([b'{"rows": [{"id": "'] + [b' ' * (1 << 20)] * 1024 + [b'"}]}'])      # 1 GiB


class Source(http.server.BaseHTTPRequestHandler):
    """An API that means harm; /good does not."""
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        getattr(self, self.path.strip('/'))()

    def answer(self, body, *headers):
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def good(self):
        self.answer(b'{"rows": [{"id": "1", "v": {"a": 1}}]}')

    def deep(self):
        self.answer(b'{"rows": [{"id": "1", "v": %s}]}' % nested(DEPTH).encode())

    def deep_aside(self):
        self.answer(b'{"other": %s, "rows": [{"id": "1"}]}' % nested(DEPTH).encode())

    def bomb(self):
        self.answer(BOMB, ('Content-Encoding', 'gzip'))

    def twice(self):                            # a bomb in a bomb
        self.answer(gzip.compress(BOMB), ('Content-Encoding', 'gzip, gzip'))

    def endless(self):
        self.send_response(200)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        while True:
            self.wfile.write(b'100000\r\n' + b' ' * (1 << 20) + b'\r\n')

    def heads(self):
        self.send_response(200)
        self.flush_headers()
        while True:
            self.wfile.write(b'X-More: ' + b'x' * 60000 + b'\r\n')

    def wide(self):                             # a column a member
        members = ','.join('"c%d": 1' % i for i in range(50000))
        self.answer(('{"rows": [{"id": "1", %s}]}' % members).encode())

    def circle(self):
        self.send_response(302)
        self.send_header('Location', '/circle')
        self.send_header('Content-Length', '0')
        self.end_headers()

    def away(self):
        self.send_response(302)
        self.send_header('Location', 'file:///etc/passwd')
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *args):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass                                    # the other side hung up, as it should


FETCHES = {                                     # path: words of the failed try's log
    'deep': 'nested', 'deep_aside': 'nested', 'bomb': 'over 64 MiB', 'twice': 'over 64 MiB', 'endless': 'over 64 MiB',
    'heads': 'oo large', 'wide': 'more members than a STRUCT may have', 'circle': 'redirects',
    'away': 'only http:// and https:// are fetched',
}
source = QuietServer(('127.0.0.1', 0), Source)
threading.Thread(target=source.serve_forever, daemon=True).start()
PORT = source.server_address[1]


def fetch_of(name):
    return '''pipeline: %s
schedule: "@yearly"
retries: 0
fetch:
  t_%s: {url: "http://127.0.0.1:%d/%s", rows: "rows[*]", key: id}
''' % (name, name, PORT, name)


GOOD = fetch_of('good') + '''capture:
  records: {table: t_good, partitions: 1}
transform:
  books.hostile:
    key: id
    sql: SELECT id, v.a AS a FROM STREAM records
'''
sluice = Sluice([GOOD] + [fetch_of(name) for name in FETCHES], verb='serve',
                conf='allow: ["127.0.0.1:%d"]\n' % PORT)


class Door:
    """One of the server's ports as kafka_support wants it."""

    def __init__(self, name):
        self.port = int(sluice.at[name].split(':')[1])


def kafka():
    return kafka_support.connect(Door('kafka'))


# ---- what holds after every case ----

def memory():
    with open('/proc/%d/status' % sluice.process.pid) as status:
        found = dict(re.findall(r'^(VmRSS|VmHWM):\s+(\d+)', status.read(), re.M))
    return int(found['VmRSS']), int(found['VmHWM'])


def forget_peak():
    with open('/proc/%d/clear_refs' % sluice.process.pid, 'w') as file:
        file.write('5')


def climbed():
    """Names that got out of the data folder; ../../ of any file in it ends in one of these."""
    found, folder = [], sluice.data
    while True:
        folder = os.path.dirname(folder)
        found += [os.path.join(folder, n) for n in os.listdir(folder) if 'hostile-climbs' in n]
        if folder == '/':
            break
    for folder, folders, files in os.walk(sluice.data):
        found += [os.path.join(folder, n) for n in folders + files if 'hostile-climbs' in n]
    return found


def every_door_serves():
    with kafka() as sock:
        send(sock, METADATA, 1, struct.pack('>i', 0), 77)
        assert recv(sock)[0] == 77
    assert cql_ask('SELECT key FROM system.local')[0] == 8
    assert sluice.get('registry', '/subjects') is not None
    assert sluice.get('http', '/api/v2/dags')['total_entries'] == len(FETCHES) + 1
    assert sluice.get('ui', '/health')['status'] in ('ok', 'warn')


def swept(case):
    """The case, and what must hold after it."""
    def checked():
        forget_peak()
        before, _ = memory()
        case()
        every_door_serves()
        assert not climbed(), climbed()
        after, peak = memory()
        if not SANITIZED:                       # their allocators keep what was freed
            print('     %s: %+d KiB, peak %+d KiB' % (case.__name__, after - before, peak - before))
            assert after - before < FLAT_KIB, 'resident: %d KiB more' % (after - before)
            assert peak - before < PEAK_KIB, 'at its peak: %d KiB more' % (peak - before)
    checked.__name__ = case.__name__
    return checked


# ---- Kafka ----

def kstring(text):
    return struct.pack('>h', len(text)) + text.encode()


def produce(topic, value):
    """One record, uncompressed, by hand; the answer's error code."""
    record = b'\0\0\0\1' + varint(len(value)) + value + b'\0'
    record = varint(len(record)) + record
    body = struct.pack('>hiqqqhii', 0, 0, 0, 0, -1, -1, -1, 1) + record
    batch = struct.pack('>qiibI', 0, len(body) + 9, 0, 2, crc32c(body)) + body
    with kafka() as sock:
        send(sock, PRODUCE, 3, struct.pack('>hhii', -1, -1, 5000, 1) + kstring(topic) +
             struct.pack('>iii', 1, 0, len(batch)) + batch)
        answer = recv(sock)[1]
    return struct.unpack('>h', answer[4 + 2 + len(topic) + 4 + 4:][:2])[0]


def varint(number):
    number, out = number << 1, b''
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def kafka_frame_of_100_mb():
    for length in (100 << 20, 0x7fffffff, -1):
        with kafka() as sock:
            sock.sendall(struct.pack('>i', length) + b'\0' * 4096)
            assert is_closed(sock), length


def kafka_counts():
    for count in (1000000, 0x7fffffff, -2):
        for key, version, body in ((METADATA, 1, b''), (CREATE_TOPICS, 2, b''),
                                   (PRODUCE, 3, struct.pack('>hhi', -1, 1, 1000))):
            with kafka() as sock:
                send(sock, key, version, body + struct.pack('>i', count))
                assert is_closed(sock), (key, count)
    with kafka() as sock:                       # a million that are there
        send(sock, METADATA, 1, struct.pack('>i', 1000000) + kstring('t') * 1000000)
        assert is_closed(sock)


def kafka_topics_that_climb():
    for name in (CLIMB, '../' * 8 + 'tmp/hostile-climbs', '..', 'a/hostile-climbs', 'hostile-climbs\0'):
        with kafka() as sock:
            send(sock, CREATE_TOPICS, 2, struct.pack('>i', 1) + kstring(name) +
                 struct.pack('>ihiiib', 1, 1, 0, 0, 1000, 0))
            answer = recv(sock)[1]
            assert kstring(name) + struct.pack('>h', 17) in answer, name
            send(sock, METADATA, 4, struct.pack('>i', 1) + kstring(name) + b'\1')
            assert struct.pack('>h', 17) + kstring(name) in recv(sock)[1], name
        assert produce(name, b'x') in (3, 17), name


def deep_json_in_a_record():
    trigger('good', 'success')
    wait_for('the row', lambda: 'books.hostile' in str(sluice.get('ui', '/ui/tables')), 20)
    for value in (b'{"id": "2", "v": %s}' % nested(DEPTH).encode(), nested(DEPTH).encode(),
                  b'{"id": "3", "v": {"a": ' + b'{"a": ' * DEPTH + b'1' + b'}' * DEPTH + b'}}'):
        assert produce('records', value) == 0
    assert produce('records', b'{"id": "4", "v": {"a": 4}}') == 0
    wait_for('the good record behind the bad ones', lambda: len(rows('books.hostile')) == 2, 20)
    aside = sluice.get('http', '/ui/quarantine/hostile')['records']
    assert sorted(re.sub(r'.*byte \d+: ', '', r['reason']) for r in aside) == [
        'an object is wanted here', 'nested deeper than 64 levels', 'nested deeper than 64 levels'], aside


def rows(table):
    return sluice.get('http', '/ui/tables/store/%s/rows' % table)['rows']


# ---- CQL ----

def cql_read(sock, count):
    return kafka_support.recv_exactly(sock, count)


def cql_frame(opcode, body, length=None):
    return struct.pack('>BBhBI', 4, 0, 1, opcode, len(body) if length is None else length) + body


def cql_answer(sock):
    _, _, _, opcode, length = struct.unpack('>BBhBI', cql_read(sock, 9))
    return opcode, cql_read(sock, length)


def cql_dial():
    sock = kafka_support.connect(Door('cql'))
    sock.sendall(cql_frame(1, b'\0\1\0\x0bCQL_VERSION\0\x053.0.0'))
    assert cql_answer(sock)[0] == 2
    return sock


def cql_ask(text, values=b'', flags=0):
    body = struct.pack('>i', len(text)) + text.encode() + b'\0\1' + bytes([flags]) + values
    with cql_dial() as sock:
        sock.sendall(cql_frame(7, body))
        return cql_answer(sock)


def cql_frame_of_100_mb():
    for length in (100 << 20, 0x7fffffff, 0xffffffff):
        with cql_dial() as sock:
            sock.sendall(cql_frame(7, b'\0' * 4096, length))
            opcode, body = cql_answer(sock)
            assert opcode == 0 and b'too big' in body, body
            assert is_closed(sock)


def cql_collections():
    """Element counts that the bytes cannot hold, bound to every kind of collection."""
    assert cql_ask("CREATE KEYSPACE IF NOT EXISTS h WITH replication = {'class': "
                   "'SimpleStrategy', 'replication_factor': 1}")[0] == 8
    cql_ask('CREATE TABLE IF NOT EXISTS h.t (id int PRIMARY KEY, l list<int>, s set<text>, '
            'm map<int, text>, f frozen<list<frozen<list<int>>>>)')
    one = struct.pack('>ii', 4, 1)
    for column in 'lsmf':
        for count in (1000000, 0x7fffffff, -1, -2147483648):
            value = struct.pack('>i', count) + struct.pack('>ii', 4, 7) * 4
            opcode, body = cql_ask('INSERT INTO h.t (id, %s) VALUES (?, ?)' % column,
                                   b'\0\2' + one + struct.pack('>i', len(value)) + value, 1)
            assert opcode == 0 and struct.unpack('>i', body[:4])[0] in (0x2200, 0x000A), (column, count, body)
    many = struct.pack('>i', 1000000) + struct.pack('>ii', 4, 7) * 1000000      # they are there
    opcode, body = cql_ask('INSERT INTO h.t (id, l) VALUES (?, ?)',
                           b'\0\2' + one + struct.pack('>i', len(many)) + many, 1)
    assert opcode in (0, 8), body
    opcode, body = cql_ask('INSERT INTO h.t (id, l) VALUES (1, %s)' % nested(DEPTH))
    assert opcode == 0 and b'nest' in body, body[:200]
    for name in (CLIMB, '"%s"' % CLIMB):
        opcode, body = cql_ask("CREATE KEYSPACE %s WITH replication = {'class': 'SimpleStrategy', "
                               "'replication_factor': 1}" % name)
        assert opcode == 0, name


# ---- HTTP ----

HTTP_DOORS = ('http', 'registry', 'ui')


def talk(door, data, wait=10):
    """Sends raw bytes; what came back before the other side was done."""
    with socket.create_connection(('127.0.0.1', Door(door).port), 5) as sock:
        sock.settimeout(wait)
        out = b''
        try:
            sock.sendall(data)
        except OSError:
            pass                                # it may hang up on the way
        try:
            while not re.search(rb'\r\n\r\n', out):
                more = sock.recv(65536)
                if not more:
                    break
                out += more
        except (socket.timeout, ConnectionResetError):
            pass
    return out


def status_of(door, method, path, body, token=True):
    try:
        request = sluice_request(door, method, path, body, token)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as err:
        return err.code, err.read().decode()


def sluice_request(door, method, path, body, token):
    request = urllib.request.Request('http://%s%s' % (sluice.at[door], path), method=method, data=body)
    request.add_header('Content-Type', 'application/json')
    if token:
        request.add_header('Authorization', 'Bearer ' + sluice.token())
    return request


def http_heads():
    for door in HTTP_DOORS:
        for head in (b'X-Long: ' + b'x' * (1 << 20), b'\r\n'.join([b'X-%d: y' % i for i in range(100000)])):
            answer = talk(door, b'GET /health HTTP/1.1\r\nHost: localhost\r\n' + head + b'\r\n\r\n')
            assert b'200' not in answer[:16], answer[:200]
        answer = talk(door, b'GET /' + b'a' * (1 << 20) + b' HTTP/1.1\r\nHost: localhost\r\n\r\n')
        assert b'200' not in answer[:16], answer[:200]
        answer = talk(door, b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc' + b'\0' * 500, 1)  # TLS
        assert b'200' not in answer[:16], answer[:200]


def http_bodies():
    for door in HTTP_DOORS:
        post = b'POST /ui/quarantine/hostile/replay HTTP/1.1\r\nHost: localhost\r\n'
        for length in (b'104857600', b'2147483648', b'18446744073709551616', b'-1'):
            answer = talk(door, post + b'Content-Length: ' + length + b'\r\n\r\n' + b'x' * 65536, 3)
            assert b'200' not in answer[:16], (length, answer[:200])
        chunk = b'100000\r\n' + b'x' * (1 << 20) + b'\r\n'
        answer = talk(door, post + b'Transfer-Encoding: chunked\r\n\r\n' + chunk * 64)
        assert b'200' not in answer[:16], answer[:200]
        for size in (b'7fffffffffffffff', b'ffffffffffffffff', b'-1', b'zz'):
            answer = talk(door, post + b'Transfer-Encoding: chunked\r\n\r\n' + size + b'\r\n' +
                          b'x' * 65536, 3)
            assert b'200' not in answer[:16], (size, answer[:200])


def http_deep_json():
    deep, text = nested(DEPTH).encode(), '{"a": %s}' % nested(DEPTH)
    for door, method, path, body in (
            ('http', 'POST', '/api/v2/dags/good/dagRuns', deep),
            ('http', 'POST', '/api/v2/dags/good/dagRuns', b'{"conf": %s}' % deep),
            ('http', 'PATCH', '/api/v2/dags/good', b'{"is_paused": %s}' % deep),
            ('http', 'POST', '/auth/token', b'{"username": %s}' % deep),
            ('registry', 'POST', '/subjects/deep/versions', deep),
            ('registry', 'POST', '/subjects/deep/versions', b'{"schema": %s}' % deep),
            ('registry', 'POST', '/subjects/deep/versions',
             json.dumps({'schemaType': 'JSON', 'schema': text}).encode()),
            ('registry', 'POST', '/subjects/deep/versions', json.dumps({'schema': text}).encode()),
            ('registry', 'POST', '/compatibility/subjects/records-value/versions',
             json.dumps({'schemaType': 'JSON', 'schema': text}).encode()),
            ('registry', 'PUT', '/config', deep),
            ('ui', 'POST', '/ui/quarantine/hostile/replay', b'{"check": %s}' % deep)):
        status, text_of = status_of(door, method, path, body)
        assert 400 <= status < 500, (path, body[:20], status, text_of[:200])
        assert re.search('nest|deep|depth|JSON', text_of, re.I), (path, body[:20], status, text_of[:200])


def http_paths_that_climb():
    for door in HTTP_DOORS:
        for path in ('/../../../../etc/passwd', '/..%2f..%2f..%2fetc/passwd', '/assets/../../etc/passwd',
                     '/%2e%2e/%2e%2e/etc/passwd', '/ui/topics/..%2f..%2fetc/records',
                     '/ui/tables/landing/..%2f..%2fetc/rows', '/subjects/..%2f..%2fhostile-climbs/versions'):
            answer = talk(door, b'GET ' + path.encode() + b' HTTP/1.1\r\nHost: localhost\r\n'
                          b'Connection: close\r\n\r\n')
            assert b'root:' not in answer, path
    status, _ = status_of('registry', 'POST', '/subjects/..%2f..%2fhostile-climbs/versions',
                          json.dumps({'schemaType': 'JSON', 'schema': '{"type": "object"}'}).encode())
    assert status == 200                        # a subject is only a name: climbed() looks for files
    status, _ = status_of('http', 'GET', '/ui/topics/..%2f..%2fhostile-climbs', None)
    assert status == 404


def slow_loris():
    """Hundreds of connections that send a head byte by byte, or nothing, at all HTTP doors."""
    socks = []
    for door in HTTP_DOORS:
        for i in range(300):
            sock = socket.create_connection(('127.0.0.1', Door(door).port), 5)
            if i % 2:
                sock.sendall(b'GET /health HTT')
            socks.append(sock)
    for byte in b'P/1.1\r\nX-Slow: ':
        for sock in socks[1::2]:
            sock.sendall(bytes([byte]))
        time.sleep(0.05)
    began = time.time()
    every_door_serves()
    assert time.time() - began < 5
    for sock in socks:
        sock.close()


def connections_without_end():
    """More silent ones than a door takes: those that came first give way, requests are answered."""
    for door in HTTP_DOORS:
        socks = [socket.create_connection(('127.0.0.1', Door(door).port), 5) for _ in range(1500)]
        every_door_serves()
        wait_for('the first to be closed', lambda: is_closed(socks[0]), 5)
        assert sum(is_open(sock) for sock in socks) <= 1024 + 2
        for sock in socks:
            sock.close()


def descriptors_used_again():
    """The doors share a loop: what one closed, the next gets, and must still hear of its input."""
    head = b'POST /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n'
    for i in range(20):
        with socket.create_connection(('127.0.0.1', Door(HTTP_DOORS[i % 3]).port), 5) as sock:
            sock.sendall(head)
            sock.sendall(b'x' * 5000)
            assert sock.recv(9) == b'HTTP/1.1 ', i


def is_open(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) != b''
    except BlockingIOError:
        return True
    except OSError:
        return False


def no_files_left():
    """With no descriptor to accept with, doors wait: no spinning, no flood of words."""
    used = len(os.listdir('/proc/%d/fd' % sluice.process.pid))
    limits = resource.prlimit(sluice.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(sluice.process.pid, resource.RLIMIT_NOFILE, (used + 20, limits[1]))
    before, words = ticks(), len(sluice.log())
    socks = [socket.create_connection(('127.0.0.1', Door(name).port), 5)
             for name in ('ui', 'kafka', 'cql') for _ in range(40)]
    time.sleep(2)
    busy, said = ticks() - before, sluice.log()[words:]
    resource.prlimit(sluice.process.pid, resource.RLIMIT_NOFILE, limits)
    for sock in socks:
        sock.close()
    assert 'a connection waits' in said and len(said.splitlines()) < 20, said[:2000]
    assert SANITIZED or busy < 40, '%d ticks of work in 2 s' % busy
    time.sleep(0.3)


def ticks():
    with open('/proc/%d/stat' % sluice.process.pid) as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return int(fields[11]) + int(fields[12])


# ---- the source ----

def trigger(name, want):
    """Runs the pipeline once; what its try logged."""
    made = sluice.call('POST', '/api/v2/dags/%s/dagRuns' % name, {'logical_date': None})
    path = '/api/v2/dags/%s/dagRuns/%s' % (name, made['dag_run_id'].replace('+', '%2B'))
    state = wait_for('the run of ' + name, lambda: (lambda s: s in ('success', 'failed') and s)(
        sluice.get('http', path)['state']), 60)
    log = json.dumps(sluice.get('http', path + '/taskInstances/t_%s/logs/1' % name))
    assert state == want, (name, state, log[-600:])
    return log


def fetched(name):
    def case():
        log = trigger(name, 'failed')
        assert FETCHES[name] in log, log[-600:]
    case.__name__ = 'fetch_of_' + name
    return case


# ---- files ----

def check(text):
    path = os.path.join(sluice.dir, 'bad.yml')
    with open(path, 'w') as file:
        file.write(text)
    argv = ['/usr/bin/time', '-f', 'peak %M', SLUICE, 'check', path]
    out = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    peak = int(re.search(r'^peak (\d+)', out.stderr, re.M).group(1))
    assert SANITIZED or peak < 64 * 1024, 'check took %d KiB' % peak
    assert 'ignal' not in out.stderr, out.stderr
    return out.returncode, out.stdout + out.stderr


def yaml_bombs():
    aliases = 'a: &a [x, x, x, x, x, x, x, x, x]\n'
    for i in range(1, 9):
        aliases += '%c: &%c [%s]\n' % (97 + i, 97 + i, ', '.join(['*' + chr(96 + i)] * 9))
    for text, words in ((aliases, 'anchors, aliases and tags are not allowed'),
                        ('pipeline: x\nfetch: ' + nested(DEPTH), 'nested too deep'),
                        ('pipeline: x\nfetch: ' + '{a: ' * DEPTH + '}' * DEPTH, 'nested too deep'),
                        ('- ' * DEPTH + 'x', 'nested too deep'),
                        ('pipeline: x\nfetch:\n' + ''.join(' ' * i + 'a:\n' for i in range(1, 900)),
                         'nested too deep'),
                        ('pipeline: ' + 'x' * (2 << 20), 'over the limit of 1048576'),
                        ('pipeline: x\nkey: [' + 'x,' * 20000 + ']', 'too many values'),
                        ('\0\1\2', 'YAML')):
        code, out = check(text)
        assert code == 1 and words in out, (text[:40], code, out[:300])


def names_that_climb_in_files():
    for text, words in (
            ('pipeline: %s\n' % CLIMB, 'name'),
            (GOOD.replace('records', CLIMB), 'topic'),
            (GOOD.replace('t_good', CLIMB), 'table'),
            (GOOD.replace('books.hostile', '%s.x' % CLIMB), ''),
            (GOOD.replace('books.hostile', '"x.%s"' % CLIMB), '')):
        code, out = check(text)
        assert code == 1 and words in out and 'hostile-climbs' in out, (text, code, out)
        serve = subprocess.run([SLUICE, 'serve', '--data', os.path.join(sluice.dir, 'd2'), '--conf', sluice.conf,
                                os.path.join(sluice.dir, 'bad.yml')], capture_output=True, timeout=20)
        assert serve.returncode not in (0, -6, -11), serve


def it_starts():
    sluice.start()
    every_door_serves()
    talk('http', b'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')


def it_ends_well():
    assert sluice.stop() == 0, sluice.log()[-2000:]
    for word in ('ERROR: AddressSanitizer', 'runtime error', 'ThreadSanitizer', 'assert'):
        assert word not in sluice.log(), sluice.log()[-3000:]


CASES = [it_starts] + [swept(case) for case in [
    kafka_frame_of_100_mb, kafka_counts, kafka_topics_that_climb, deep_json_in_a_record,
    cql_frame_of_100_mb, cql_collections, http_heads, http_bodies, http_deep_json,
    http_paths_that_climb, slow_loris,
    connections_without_end, descriptors_used_again, no_files_left] + [fetched(name) for name in FETCHES] + [
        yaml_bombs, names_that_climb_in_files]] + [it_ends_well]
run(CASES, sluice.close)
