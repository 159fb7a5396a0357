#!/usr/bin/python3
"""worlds_bench - the same way through several worlds: from an API's record to a queryable row.

  bench/worlds_bench.py [--binary build-release/sluice] [--world abc...] [--rows 40000]
                        [--rate 1000] [--seconds 15]

  a  everything embedded
  b  PostgreSQL -> Kafka -> sluice -> Cassandra
  c  as b, the job of `sluice export spark` in place of sluice's stream

An HTTP API of this bench answers with people of one pattern. Drain: it has --rows of them, 2,000 an
answer, and the clock runs from the first byte of the first answer until the last row is queryable
and all are there. Latency: --rate rows/s, 10 answers a second; a CQL client asks for the last row
of an answer until it is there. CPU and memory are those of sluice, and of all processes of the
world together (memory is proportional: shared pages count once). API and client are left out."""
import http.server
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TOP, 'test', 'interop'), os.path.join(TOP, 'test', 'e2e')]


def option(name, default):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


BINARY = os.path.abspath(option('--binary', os.path.join(TOP, 'build-release', 'sluice')))
os.environ['SLUICE'] = BINARY
ROWS, RATE = int(option('--rows', '40000')), int(option('--rate', '1000'))
SECONDS, WORLDS = int(option('--seconds', '15')), option('--world', 'abc')
ANSWER = 2000

from peer_support import HERE, Skip                                     # noqa: E402
from world_support import REAL, World                                   # noqa: E402

PIPELINE = '''pipeline: bench
schedule: every 100ms
fetch:
  raw_users: {url: "http://127.0.0.1:%d/", rows: "results[*]", key: login.uuid, empty_ok: true}
capture:
  users_created: raw_users
'''
TRANSFORM = '''transform:
  bench.people:
    key: id uuid
    sql: |
%s'''
with open(os.path.join(TOP, 'examples', 'users.yml')) as example:
    TEXT = example.read()
TRANSFORM %= TEXT[TEXT.index('      SELECT'):TEXT.index('    expect:')]


# ---- the API ----

class Api(http.server.BaseHTTPRequestHandler):
    """Answers of new people; says on `told` when, with the last id."""
    protocol_version = 'HTTP/1.1'
    people, told, left, size = [], None, multiprocessing.Value('q', 0), \
        multiprocessing.Value('q', ANSWER)

    def do_GET(self):                                   # pylint: disable=invalid-name
        with Api.left.get_lock():
            cnt = max(0, min(Api.size.value, Api.left.value))
            Api.left.value -= cnt
        ids = [str(uuid.UUID(bytes=os.urandom(16), version=4)) for _ in range(cnt)]
        body = ('{"results":[%s]}' % ','.join(
            ident.join(self.people[i % len(self.people)]) for i, ident in enumerate(ids))).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        at = time.time()
        self.wfile.write(body)
        if ids:
            self.told.send((at, ids[-1]))

    def log_message(self, *_):                          # pylint: disable=arguments-differ
        pass


def start_api():
    world = World(['pipeline: none\nfetch: {x: {url: "people:?results=1", rows: "results[*]"}}\n'],
                  peers=())
    world.start()
    for person in world.sluice.get('http', '/api/?results=100&noinfo')['results']:
        text = json.dumps(person, ensure_ascii=False, separators=(',', ':'))
        Api.people.append(text.split(person['login']['uuid']))
    world.close()
    heard, Api.told = multiprocessing.Pipe(duplex=False)
    server = http.server.HTTPServer(('127.0.0.1', 0), Api)
    multiprocessing.Process(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], heard


# ---- what processes use ----

def family(tops):
    """Process ids of these and all that they started."""
    parent = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                with open('/proc/%s/stat' % name) as file:
                    parent[int(name)] = int(file.read().rsplit(')', 1)[1].split()[1])
            except OSError:
                pass
    mine = set(tops)
    grown = True
    while grown:
        more = {pid for pid, above in parent.items() if above in mine} - mine
        grown = bool(more)
        mine |= more
    return mine


def used(tops):
    """CPU seconds so far, and MB."""
    ticks, kib = 0, 0
    for pid in family(tops):
        try:
            with open('/proc/%d/stat' % pid) as file:
                fields = file.read().rsplit(')', 1)[1].split()
            with open('/proc/%d/smaps_rollup' % pid) as file:
                kib += next(int(line.split()[1]) for line in file if line.startswith('Pss:'))
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / os.sysconf('SC_CLK_TCK'), kib / 1024


# ---- measuring ----

class Bed:
    """A world that runs, seen from outside."""

    def __init__(self, name, port):
        began = time.time()
        text = PIPELINE % port
        self.name, self.job = name, None
        allow = 'allow: ["127.0.0.1:%d"]\n' % port
        self.world = World([text + TRANSFORM], peers=() if name == 'a' else REAL, conf=allow)
        self.world.start()
        self.seed(name == 'c', text, allow)
        self.start_s = time.time() - began
        self.find = None

    def seed(self, spark, text, allow):
        """One answer goes all the way, so that everything is there."""
        Api.size.value, Api.left.value = ANSWER, ANSWER
        self.world.settled('bench.people', ANSWER, 180)
        if not spark:
            return
        file = os.path.join(self.world.sluice.dir, 'users.yml')
        job = os.path.join(self.world.sluice.dir, 'job.py')
        with open(file, 'w') as out:
            out.write(text + TRANSFORM)
        done = self.world.sluice.cli('export', 'spark', file, '--out', job, '--conf',
                                     self.world.sluice.conf)
        assert done.returncode == 0, done.stderr
        self.world.sluice.stop()                        # now without the transform
        with open(self.world.sluice.pipelines[0], 'w') as out:
            out.write(text)
        self.world.session().execute('TRUNCATE bench.people')
        self.world.start()
        self.job = subprocess.Popen(
            [os.path.join(HERE, 'peers', 'spark.sh'), 'submit', job],
            stdout=open(job + '.log', 'w'), stderr=subprocess.STDOUT, env=dict(
                os.environ, SLUICE_CHECKPOINT=os.path.join(self.world.sluice.dir, 'checkpoint')))
        self.world.settled('bench.people', ANSWER, 180)

    def tops(self):
        mine = [self.world.sluice.process.pid]
        if self.job:
            mine.append(self.job.pid)
        return mine + [peer.pid() for peer in self.world.peers.values()]

    def has(self, ident):
        if self.find is None:
            self.find = self.world.session().prepare('SELECT id FROM bench.people WHERE id = ?')
        return self.world.session().execute(self.find, [uuid.UUID(ident)]).one() is not None

    def count(self):
        return self.world.session().execute('SELECT count(*) AS n FROM bench.people').one()['n']

    def wait(self, ident, until):
        while not self.has(ident):
            if time.time() > until:
                sys.exit('worlds_bench: a row has not come')
            time.sleep(0.001)

    def close(self):
        if self.job:
            self.job.terminate()
            self.job.wait(60)
        self.world.close()


def drain(bed, heard):
    before = bed.count()
    tops, mine = bed.tops(), [bed.world.sluice.process.pid]
    cpu, own = used(tops)[0], used(mine)[0]
    while heard.poll():
        heard.recv()
    Api.size.value, Api.left.value = ANSWER, ROWS
    first, last = heard.recv()
    for _ in range(ROWS // ANSWER - 1):
        last = heard.recv()[1]
    bed.wait(last, time.time() + 300)
    took = time.time() - first
    cpu, own = used(tops)[0] - cpu, used(mine)[0] - own
    until = time.time() + 120
    while bed.count() < before + ROWS:
        if time.time() > until:
            sys.exit('worlds_bench: %d of %d rows' % (bed.count() - before, ROWS))
        time.sleep(0.5)
    return {'rows_s': round(ROWS / took), 'cpu_us_row': round(cpu * 1e6 / ROWS, 1),
            'own_cpu_us_row': round(own * 1e6 / ROWS, 1)}


def latency(bed, heard):
    waits, until = [], time.time() + SECONDS
    Api.size.value, Api.left.value = RATE // 10, 1 << 40
    tops, mine = bed.tops(), [bed.world.sluice.process.pid]
    time.sleep(2)
    cpu, own, began = used(tops)[0], used(mine)[0], time.time()
    while time.time() < until:
        while heard.poll():
            heard.recv()
        at, last = heard.recv()
        bed.wait(last, at + 60)
        waits.append((time.time() - at) * 1000)
    Api.left.value = 0
    took = time.time() - began
    (cpu_now, memory), (own_now, own_memory) = used(tops), used(mine)
    waits.sort()
    return {'samples': len(waits), 'p50_ms': round(waits[len(waits) // 2], 1),
            'p99_ms': round(waits[int(len(waits) * 0.99)], 1), 'max_ms': round(waits[-1], 1),
            'cores': round((cpu_now - cpu) / took, 2), 'own_cores': round((own_now - own) / took, 2),
            'memory_mb': round(memory), 'own_memory_mb': round(own_memory)}


def main():
    port, heard = start_api()
    out = {'load': os.getloadavg()[0], 'rows': ROWS, 'rate': RATE}
    for name in WORLDS:
        try:
            bed = Bed(name, port)
        except Skip as why:
            print('SKIP world %s: %s' % (name, why))
            continue
        try:
            out[name] = dict({'start_s': round(bed.start_s, 1)}, **drain(bed, heard))
            out[name].update(latency(bed, heard))
        finally:
            bed.close()
        print('world %s: %s' % (name, json.dumps(out[name])))
        sys.stdout.flush()
    out['load_after'] = os.getloadavg()[0]
    print(json.dumps(out))


if __name__ == '__main__':
    main()
