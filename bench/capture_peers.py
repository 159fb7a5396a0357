#!/usr/bin/python3
"""capture_peers - capture of a PostgreSQL table onto a topic, beside pg_recvlogical and Debezium.

    bench/capture_peers.py [rows] [--no-debezium]        needs make release; $SLUICE names another

One server with fsync on, one table of eight columns, about 190 bytes a row, one machine, one run:

  drain    a backlog in transactions of 1,000 rows that waits in the slot: rows/s until the last one
           is out (pg_recvlogical: into /dev/null; sluice and Debezium: on the topic, durable)
  copy     the table as it is when a capture begins, until the last row is on the topic
  latency  single rows, 200 a second: from the row's statement to a consumer of the topic

Time counts from the process's start; Debezium's from its first record, since its JVM takes seconds.
CPU us: of sluice or of the worker, a row; neither the server's nor Kafka's is in it.
"""
import calendar
import json
import os
import signal
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault('SLUICE', os.path.join(TOP, 'build-release', 'sluice'))
sys.path.insert(0, os.path.join(TOP, 'test', 'interop'))

from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from peer_support import Peer  # noqa: E402
from sluice_support import Sluice, wait_for  # noqa: E402

SINGLES, GAP_S = 1000, 0.005
TABLE = '''CREATE TABLE orders(id bigint PRIMARY KEY, uid uuid, name text, mail text, age int,
score double precision, note text, at timestamptz)'''
FILL = '''DO $$ BEGIN FOR b IN 0..%d LOOP INSERT INTO orders SELECT i, md5(i::text)::uuid,
'name ' || i, 'name' || i || '@example.com', i %% 90, i / 7.0, md5(i::text) || md5(i::text),
clock_timestamp() FROM generate_series(%d + b * 1000, %d + b * 1000 + 999) i; COMMIT;
END LOOP; END $$'''
PIPELINE = '''pipeline: bench
capture:
  orders: {table: orders, from: '%s', partitions: 1}
'''


class Bench:
    def __init__(self, rows):
        self.rows, self.next = rows // 1000 * 1000, 0
        self.server = Peer('postgres', PG_SET='max_wal_size=4GB')
        self.at = self.server.at
        self.sql(TABLE)

    def psql(self):
        return ['psql', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-h', self.at['socket'], '-p',
                self.at['port'], '-U', 'sluice', '-d', 'sluice']

    def sql(self, text):
        return subprocess.run(self.psql() + ['-c', text], check=True, capture_output=True,
                              text=True).stdout.strip()

    def fill(self):
        self.sql(FILL % (self.rows // 1000 - 1, self.next, self.next))
        self.next += self.rows

    def singles(self):
        """One row a transaction, each with the time of its statement."""
        with subprocess.Popen(self.psql(), stdin=subprocess.PIPE, text=True) as psql:
            due = time.time()
            for i in range(SINGLES):
                psql.stdin.write('INSERT INTO orders(id, at) VALUES(%d, clock_timestamp());\n'
                                 % (self.next + i))
                psql.stdin.flush()
                due += GAP_S
                time.sleep(max(0, due - time.time()))
            psql.stdin.close()
        self.next += SINGLES


class Topic:
    """The one partition of a topic, from its end on."""

    def __init__(self, bootstrap, topic):
        self.part = TopicPartition(topic, 0)
        self.consumer = Consumer({'bootstrap.servers': bootstrap, 'group.id': 'bench',
                                  'fetch.wait.max.ms': 5, 'enable.auto.commit': False,
                                  'log_level': 0})

    def end(self):
        try:
            return self.consumer.get_watermark_offsets(self.part, timeout=5)[1]
        except Exception:                               # pylint: disable=broad-except
            return 0                                    # there is none yet

    def wait(self, end):
        while self.end() < end:
            time.sleep(0.01)
        return time.time()

    def latencies(self, bench):
        self.consumer.assign([TopicPartition(self.part.topic, 0, self.end())])
        writer = threading.Thread(target=bench.singles)
        writer.start()
        took = []
        while len(took) < SINGLES:
            message = self.consumer.poll(5)
            row = json.loads(message.value())
            row = row.get('after', row)
            took.append((time.time() - seconds(row['at'])) * 1e3)
        writer.join()
        took.sort()
        return took[SINGLES // 2], took[SINGLES * 99 // 100]


def cpu_s(pid):
    with open('/proc/%d/stat' % pid) as stat:
        part = stat.read().rsplit(')', 1)[1].split()
    return (int(part[11]) + int(part[12])) / os.sysconf('SC_CLK_TCK')


def seconds(text):
    day, rest = text.rstrip('Z').split('T')
    whole, _, part = rest.partition('.')
    moment = time.strptime(day + ' ' + whole, '%Y-%m-%d %H:%M:%S')
    return calendar.timegm(moment) + float('0.' + (part or '0'))


def recvlogical(bench):
    bench.sql('CREATE PUBLICATION recv FOR TABLE orders')
    bench.sql("SELECT pg_create_logical_replication_slot('recv', 'pgoutput')")
    bench.fill()
    end = bench.sql('SELECT pg_current_wal_lsn()')
    began = time.time()
    subprocess.run(['pg_recvlogical', '-h', '127.0.0.1', '-p', bench.at['port'], '-U', 'sluice',
                    '-d', 'sluice', '-S', 'recv', '--start', '-o', 'proto_version=1', '-o',
                    'publication_names=recv', '--endpos', end, '--no-loop', '-f', '/dev/null'],
                   check=True, env=dict(os.environ, PGPASSWORD='sluice'))
    rate = bench.rows / (time.time() - began)
    bench.sql("SELECT pg_drop_replication_slot('recv')")
    return {'drain': rate}


def sluice(bench):
    result = {}
    one = Sluice([PIPELINE % bench.at['url']], verb='serve')
    try:
        before = int(bench.sql('SELECT count(*) FROM orders'))
        began = time.time()
        one.start()
        topic = Topic(one.at['kafka'], 'orders')
        result['copy'] = before / (topic.wait(before) - began)
        result['copy_us'] = cpu_s(one.process.pid) * 1e6 / before
        wait_for('the copy to be noted', lambda: 'is copied' in one.log())
        time.sleep(1)
        one.stop()
        bench.fill()
        began = time.time()
        one.start()
        topic = Topic(one.at['kafka'], 'orders')
        result['drain'] = bench.rows / (topic.wait(before + bench.rows) - began)
        result['drain_us'] = cpu_s(one.process.pid) * 1e6 / bench.rows
        result['rss'] = one.rss_kib() / 1024
        time.sleep(2)
        result['p50'], result['p99'] = topic.latencies(bench)
        one.stop(signal.SIGTERM)
        bench.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    finally:
        one.close()
    return result


def debezium(bench):
    kafka = Peer('kafka')
    worker, result = None, {}
    try:
        before = int(bench.sql('SELECT count(*) FROM orders'))
        worker = Peer('debezium', BOOTSTRAP=kafka.at['bootstrap'], PG_URL=bench.at['url'],
                      PREFIX='dbz', TABLES='public.orders',
                      DEBEZIUM_SET=os.environ.get('DEBEZIUM_SET', ''))
        topic = Topic(kafka.at['bootstrap'], 'dbz.public.orders')
        first, used = topic.wait(1), cpu_s(worker.pid())
        result['copy'] = before / (topic.wait(before) - first)
        result['copy_us'] = (cpu_s(worker.pid()) - used) * 1e6 / before
        wait_for('its stream', lambda: bench.sql(
            "SELECT active FROM pg_replication_slots WHERE slot_name='dbz_dbz'") == 't', 60)
        time.sleep(3)
        worker.stop()
        bench.fill()
        worker.again()
        first, used = topic.wait(before + 1), cpu_s(worker.pid())
        result['drain'] = bench.rows / (topic.wait(before + bench.rows) - first)
        result['drain_us'] = (cpu_s(worker.pid()) - used) * 1e6 / bench.rows
        with open('/proc/%d/status' % worker.pid()) as status:
            result['rss'] = next(int(line.split()[1]) / 1024 for line in status
                                 if line.startswith('VmRSS'))
        time.sleep(2)
        result['p50'], result['p99'] = topic.latencies(bench)
    finally:
        if worker:
            worker.close()
        kafka.close()
    return result


def main():
    words = [word for word in sys.argv[1:] if not word.startswith('-')]
    bench = Bench(int(words[0]) if words else 300000)
    try:
        runs = [('pg_recvlogical', recvlogical), ('sluice', sluice)]
        if '--no-debezium' not in sys.argv:
            runs.append(('Debezium', debezium))
        shown = (('drain', '%.0f'), ('drain_us', '%.2f'), ('copy', '%.0f'), ('copy_us', '%.2f'),
                 ('p50', '%.2f'), ('p99', '%.2f'), ('rss', '%.0f'))
        line = '%-15s' + '%11s' * len(shown)
        print(line % ('', 'drain/s', 'CPU us', 'copy/s', 'CPU us', 'p50 ms', 'p99 ms', 'MB'))
        for name, run in runs:
            got = run(bench)
            print(line % ((name,) + tuple(form % got[key] if key in got else '-'
                                          for key, form in shown)), flush=True)
    finally:
        bench.server.close()


if __name__ == '__main__':
    main()
