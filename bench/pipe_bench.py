#!/usr/bin/python3
"""pipe_bench - the main job measured whole: from the source to a queryable row, everything durable.

  bench/pipe_bench.py [--binary build-release/sluice] [--seconds 20] [--part start|full|half]

Prints one JSON object, and a table beside the budgets:

  start  exec to every port answering, on an empty data folder; memory and CPU when idle
  full   records/s from source to table with CPU and memory. The source is the built-in people
         generator in the same process, two fetches at a time: its CPU counts too.
  half   latency at 20,000 records/s, seen from outside: an HTTP API of this bench answers with new
         people every 10 ms, and a CQL client asks for the last one of an answer until it is there.
         The clock runs from the first byte of the answer's body to the row's arrival at the client,
         so fetch, landing, capture, log, stream, store, their syncs and the client's own round trips
         are all in it; the API's and the client's CPU are beside sluice's."""
import http.server
import json
import multiprocessing
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SQL = re.search(r'sql: \|\n(.*?)    expect:', open(TOP + '/examples/users.yml').read(), re.S).group(1)
HALF_ROWS, HALF_MS = 200, 10


def option(name, default):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


BINARY = os.path.abspath(option('--binary', os.path.join(TOP, 'build-release', 'sluice')))
SECONDS = int(option('--seconds', '20'))
PARTS = [option('--part', '')] if '--part' in sys.argv else ['start', 'full', 'half']


def pipeline(name, url, every):
    return '''pipeline: %(name)s
schedule: every %(every)s
fetch:
  %(name)s_raw: {url: "%(url)s", rows: "results[*]", key: login.uuid}
capture:
  %(name)s_created: %(name)s_raw
transform:
  bench.%(name)s:
    key: id uuid
    sql: |
%(sql)s''' % {'name': name, 'url': url, 'every': every,
              'sql': SQL.replace('users_created', name + '_created')}


class Run:
    """A sluice with these pipelines, measured from outside."""

    def __init__(self, texts, conf=''):
        self.dir = tempfile.mkdtemp(prefix='sluice-bench-')
        files = []
        for i, text in enumerate(texts):
            files.append('%s/p%d.yml' % (self.dir, i))
            with open(files[-1], 'w') as file:
                file.write(text)
        with open(self.dir + '/sluice.yml', 'w') as file:
            file.write('ports: {kafka: 0, cql: 0, registry: 0, http: 0, ui: 0}\n' + conf)
        began = time.time()
        self.process = subprocess.Popen(
            [BINARY, 'serve', '--data', self.dir + '/data', '--conf', self.dir + '/sluice.yml'] + files,
            stdout=subprocess.DEVNULL, stderr=open(self.dir + '/log', 'w'))
        while not os.path.exists(self.dir + '/data/addresses'):
            time.sleep(0.001)
            if self.process.poll() is not None:
                sys.exit(open(self.dir + '/log').read())
        self.at = json.load(open(self.dir + '/data/addresses'))
        for address in self.at.values():
            host, port = address.split(':')
            socket.create_connection((host, int(port))).close()
        self.start_ms = (time.time() - began) * 1000

    def snapshot(self):
        with urllib.request.urlopen('http://%s/ui/events' % self.at['ui']) as stream:
            while True:
                line = stream.readline().decode()
                if line.startswith('data: '):
                    return json.loads(line[6:])

    def cpu_s(self):
        fields = open('/proc/%d/stat' % self.process.pid).read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def rss_mb(self):
        for line in open('/proc/%d/status' % self.process.pid):
            if line.startswith('VmRSS'):
                return int(line.split()[1]) / 1024

    def measure(self, seconds):
        first, cpu, began = self.snapshot(), self.cpu_s(), time.time()
        time.sleep(seconds)
        last, cpu, took = self.snapshot(), self.cpu_s() - cpu, time.time() - began
        rows = last['total']['out_rows'] - first['total']['out_rows']
        return {'rows_s': round(rows / took), 'cores': round(cpu / took, 2),
                'cpu_us_row': round(cpu * 1e6 / max(rows, 1), 1), 'rss_mb': round(self.rss_mb())}

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.dir, ignore_errors=True)


def measure_start():
    run = Run([pipeline('bench', 'people:?results=1', '1h')])
    time.sleep(3)
    cpu = run.cpu_s()
    time.sleep(5)
    out = {'start_ms': round(run.start_ms, 1), 'idle_rss_mb': round(run.rss_mb(), 1),
           'idle_cores': round((run.cpu_s() - cpu) / 5, 4)}
    run.close()
    return out


def measure_full():
    run = Run([pipeline(name, 'people:?results=5000', '100ms') for name in ('one', 'two')])
    time.sleep(4)
    out = run.measure(SECONDS)
    run.close()
    return out


class Api(http.server.BaseHTTPRequestHandler):
    """Answers with people of one pattern, each with an id of its own, and says when on `told`."""
    protocol_version = 'HTTP/1.1'
    people, told = [], None

    def do_GET(self):
        ids = [str(uuid.UUID(bytes=os.urandom(16), version=4)) for _ in self.people]
        body = ('{"results":[%s]}' % ','.join(
            before + id + after for id, (before, after) in zip(ids, self.people))).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        at = time.time()
        self.wfile.write(body)
        self.told.send((at, ids[-1]))

    def log_message(self, *args):
        pass


def sample_people():
    """Real ones of the built-in generator, cut in two at their ids."""
    run = Run([pipeline('bench', 'people:?results=1', '1h')])
    with urllib.request.urlopen('http://%s/api/?results=%d&noinfo' % (run.at['http'], HALF_ROWS)) as answer:
        for person in json.loads(answer.read())['results']:
            text = json.dumps(person, ensure_ascii=False, separators=(',', ':'))
            Api.people.append(text.split(person['login']['uuid']))
    run.close()


class Cql:
    """Just enough of a client to ask whether a row is there, for microseconds of CPU."""

    def __init__(self, address):
        host, port = address.split(':')
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.call(1, struct.pack('>HH11sH5s', 1, 11, b'CQL_VERSION', 5, b'3.0.0'))
        self.none = len(self.select(uuid.uuid4()))

    def read(self, size):
        data = b''
        while len(data) < size:
            data += self.socket.recv(size - len(data))
        return data

    def call(self, opcode, body):
        self.socket.sendall(struct.pack('>BBHBI', 4, 0, 0, opcode, len(body)) + body)
        head = struct.unpack('>BBHBI', self.read(9))
        answer = self.read(head[4])
        if head[3] == 0:
            sys.exit('pipe_bench: %s' % answer[6:].decode())
        return answer

    def select(self, id):
        text = ('SELECT id FROM bench.bench WHERE id = %s' % id).encode()
        return self.call(7, struct.pack('>I', len(text)) + text + struct.pack('>HB', 1, 0))

    def has(self, id):
        return len(self.select(id)) > self.none


def ask(run, heard, until):
    """Asks for the last row of an answer until it is there, a few times a second; ms of each."""
    cql, waits = Cql(run.at['cql']), []
    while time.time() < until:
        time.sleep(0.013)
        while heard.poll():
            heard.recv()
        at, last = heard.recv()
        while not cql.has(last):
            if time.time() > at + 30:
                sys.exit('pipe_bench: a row has not come within 30 s')
            time.sleep(0.0005)
        waits.append((time.time() - at) * 1000)
    return sorted(waits)


def measure_half():
    sample_people()
    server = http.server.HTTPServer(('127.0.0.1', 0), Api)
    heard, Api.told = multiprocessing.Pipe(duplex=False)
    api = multiprocessing.Process(target=server.serve_forever, daemon=True)
    api.start()
    port = server.server_address[1]
    run = Run([pipeline('bench', 'http://127.0.0.1:%d/' % port, '%dms' % HALF_MS)],
              'allow: ["127.0.0.1:%d"]\n' % port)
    time.sleep(4)
    out = {}
    thread = threading.Thread(target=lambda: out.update(run.measure(SECONDS)))
    thread.start()
    waits = ask(run, heard, time.time() + SECONDS)
    thread.join()
    run.close()
    api.terminate()
    out['samples'] = len(waits)
    for name, share in (('p50_ms', 0.5), ('p90_ms', 0.9), ('p99_ms', 0.99), ('max_ms', 1)):
        out[name] = round(waits[min(int(len(waits) * share), len(waits) - 1)], 1)
    return out


def main():
    out = {}
    for part in PARTS:
        out[part] = {'start': measure_start, 'full': measure_full, 'half': measure_half}[part]()
    print(json.dumps(out))
    if 'start' in out:
        print('start %(start_ms).0f ms (budget 100), idle %(idle_rss_mb).0f MB (50), %(idle_cores).4f cores'
              % out['start'])
    if 'full' in out:
        print('full load: %(rows_s)d rows/s on %(cores)s cores, %(cpu_us_row)s us of CPU a row, %(rss_mb)d MB '
              '(goal 40000 on 2)' % out['full'])
    if 'half' in out:
        print('half load: %(rows_s)d rows/s on %(cores)s cores, %(rss_mb)d MB: p50 %(p50_ms)s ms, '
              'p99 %(p99_ms)s ms, worst %(max_ms)s ms of %(samples)d (goal p99 20)' % out['half'])


main()
