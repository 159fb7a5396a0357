#!/usr/bin/python3
"""pipe_bench - the main job measured whole: from the source to a queryable row, everything durable.

  bench/pipe_bench.py [--binary build-release/sluice] [--seconds 20]

Prints, as one JSON object and as a table beside the budgets: start time (exec to every port
answering), idle memory and CPU, records/s from source to table at full load with CPU and memory, and
latency at half of that load. The source is the built-in people generator in the same process: its
CPU counts too."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SQL = re.search(r'sql: \|\n(.*?)    expect:', open(TOP + '/examples/users.yml').read(), re.S).group(1)


def option(name, default):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


BINARY = os.path.abspath(option('--binary', os.path.join(TOP, 'build-release', 'sluice')))
SECONDS = int(option('--seconds', '20'))


def pipeline(results, every):
    return '''pipeline: bench
schedule: every %s
fetch:
  raw_users: {url: "people:?results=%d", rows: "results[*]", key: login.uuid}
capture:
  users_created: raw_users
transform:
  bench.created_users:
    key: id uuid
    sql: |
%s''' % (every, results, SQL)


class Run:
    def __init__(self, text):
        self.dir = tempfile.mkdtemp(prefix='sluice-bench-')
        for name, body in (('p.yml', text), ('sluice.yml',
                           'ports: {kafka: 0, cql: 0, registry: 0, http: 0, ui: 0}\n')):
            with open(os.path.join(self.dir, name), 'w') as file:
                file.write(body)
        began = time.time()
        self.process = subprocess.Popen(
            [BINARY, 'serve', '--data', self.dir + '/data', '--conf', self.dir + '/sluice.yml',
             self.dir + '/p.yml'], stdout=subprocess.DEVNULL, stderr=open(self.dir + '/log', 'w'))
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
        time.sleep(4)
        first, cpu, began = self.snapshot(), self.cpu_s(), time.time()
        time.sleep(seconds)
        last, cpu, took = self.snapshot(), self.cpu_s() - cpu, time.time() - began
        rows = last['total']['out_rows'] - first['total']['out_rows']
        return {'rows_s': round(rows / took), 'cores': round(cpu / took, 2),
                'cpu_us_row': round(cpu * 1e6 / max(rows, 1), 1), 'rss_mb': round(self.rss_mb()),
                'p50_ms': last['total']['p50_ms'], 'p99_ms': last['total']['p99_ms']}

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.dir, ignore_errors=True)


def main():
    out = {}
    idle = Run(pipeline(1, '1h'))
    out['start_ms'] = round(idle.start_ms, 1)
    time.sleep(3)
    cpu = idle.cpu_s()
    time.sleep(5)
    out['idle_rss_mb'] = round(idle.rss_mb(), 1)
    out['idle_cores'] = round((idle.cpu_s() - cpu) / 5, 4)
    idle.close()
    full = Run(pipeline(5000, '100ms'))
    out['full'] = full.measure(SECONDS)
    full.close()
    half = max(out['full']['rows_s'] // 2, 100)
    part = Run(pipeline(max(half // 10, 1), '100ms'))
    out['half'] = part.measure(SECONDS)
    part.close()
    print(json.dumps(out))
    print('start %.0f ms (budget 100), idle %.0f MB (50) at %.2f %% CPU' % (
        out['start_ms'], out['idle_rss_mb'], out['idle_cores'] * 100))
    print('full load: %(rows_s)d rows/s on %(cores)s cores, %(cpu_us_row)s us of CPU a row, %(rss_mb)d MB '
          '(goal 40000 on 2)' % out['full'])
    print('half load: %(rows_s)d rows/s, p50 %(p50_ms)s ms, p99 %(p99_ms)s ms (goal p99 20)' % out['half'])


main()
