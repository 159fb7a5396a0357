#!/usr/bin/python3
"""postgres - landing on a real PostgreSQL, and capture by its logical replication.

The contract's suite runs first; then a pipeline whose rows land there while another program changes
them too, and server and sluice are killed in turn. An audit trigger in the database says which
versions of rows there were: each is on the topic exactly once.
"""
import collections
import http.server
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from confluent_kafka import Consumer, TopicPartition

from peer_support import Peer, TOP, run, wait_for
from sluice_support import Sluice

PEERS = []


def peer():
    if not PEERS:
        PEERS.append(Peer('postgres'))
    return PEERS[0]


def psql(text, database='sluice'):
    """Another program's statements; None while the server is away."""
    at = peer().at
    got = subprocess.run(['psql', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-h', at['socket'], '-p',
                          at['port'], '-U', 'sluice', '-d', database, '-c', text],
                         capture_output=True, text=True, timeout=60)
    return got.stdout.strip() if got.returncode == 0 else None


class Source(http.server.BaseHTTPRequestHandler):
    """Each answer has some new rows, and new versions of some old ones."""
    state = {'next': 0, 'version': 0, 'on': True}

    def do_GET(self):                                   # pylint: disable=invalid-name
        state, rows = Source.state, []
        if state['on']:
            state['version'] += 1
            first = state['next']
            state['next'] += 40
            for i in list(range(first, first + 40)) + list(range(max(0, first - 20), first)):
                rows.append({'id': i, 'v': state['version'], 'touched': 0,
                             'who': {'name': 'n%d' % i, 'tags': ['a', i]}})
        body = json.dumps({'results': rows}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):                          # pylint: disable=arguments-differ
        pass


def serve_source():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Source)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def topic_records(sluice, topic, keys=False):
    """All records of the topic's one partition: (sluice.id, value), with their keys if wanted."""
    consumer = Consumer({'bootstrap.servers': sluice.at['kafka'], 'group.id': 'audit',
                         'enable.auto.commit': False})
    part = TopicPartition(topic, 0, 0)
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)
        consumer.assign([part])
        records = []
        while len(records) < end:
            message = consumer.poll(10)
            if message is None:
                break
            assert not message.error(), message.error()
            headers = dict(message.headers() or [])
            value = json.loads(message.value()) if message.value() else None
            record = (headers.get('sluice.id'), value)
            records.append(record + (message.key().decode(),) if keys else record)
        return records
    finally:
        consumer.close()


PIPELINE = '''
pipeline: landed
schedule: every 1s
retries: 5
retry_delay: 200ms
fetch:
  raw_rows:
    url: http://127.0.0.1:%d/
    rows: results[*]
    key: id
    empty_ok: true
capture:
  rows_changed: raw_rows
'''

AUDIT = '''
CREATE TABLE audit(n bigserial, id bigint, v bigint, touched bigint);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
  INSERT INTO audit(id, v, touched) VALUES(NEW.id, NEW.v, NEW.touched); RETURN NEW; END';
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON raw_rows FOR EACH ROW EXECUTE FUNCTION audit()
'''


def the_contract_holds():
    suite = os.path.join(TOP, 'build', 'test', 'contract_landing_test')
    got = subprocess.run([suite], env=dict(os.environ, SLUICE_TEST_POSTGRES=peer().at['url']),
                         capture_output=True, text=True, timeout=900)
    assert got.returncode == 0, (got.stdout + got.stderr)[-2000:]
    psql('CREATE DATABASE term')
    suite = os.path.join(TOP, 'build', 'test', 'contract_term_test')
    url = peer().at['url'].rsplit('/', 1)[0] + '/term'
    got = subprocess.run([suite], env=dict(os.environ, SLUICE_TEST_POSTGRES=url),
                         capture_output=True, text=True, timeout=100)
    assert got.returncode == 0, (got.stdout + got.stderr)[-2000:]


def touch(until):
    """The other program: changes rows of its own choice until told to end."""
    n = 0
    while not until.is_set():
        n += 1
        psql('UPDATE raw_rows SET touched=%d WHERE id %% 17 = %d' % (n, n % 17))
        time.sleep(0.1)


def killed_in_turn_every_version_is_there_once():
    source = serve_source()
    port = source.server_address[1]
    sluice = Sluice([PIPELINE % port], verb='serve',
                    conf='landing: %s\nallow: ["127.0.0.1:%d"]\n' % (peer().at['url'], port))
    done = threading.Event()
    try:
        sluice.start()
        wait_for('the first rows', lambda: psql('SELECT count(*)>0 FROM raw_rows') == 't', 60)
        assert psql(AUDIT) is not None
        other = threading.Thread(target=touch, args=(done,))
        other.start()
        for turn in range(3):
            time.sleep(3)
            peer().kill()
            time.sleep(0.5 + turn)
            peer().again()
            time.sleep(2)
            sluice.stop(signal.SIGKILL)
            sluice.start()
        time.sleep(3)
        Source.state['on'] = False
        done.set()
        other.join()
        time.sleep(2)
        audit(sluice)
    finally:
        done.set()
        sluice.close()
        source.shutdown()


def audit(sluice):
    lines = psql('SELECT id, v, touched FROM audit').split('\n')
    want = collections.Counter(tuple(int(x) for x in line.split('|')) for line in lines)
    total = int(psql('SELECT count(*) FROM raw_rows'))

    def seen():
        records = topic_records(sluice, 'rows_changed')
        got = collections.Counter((r['id'], r['v'], r['touched']) for _, r in records)
        missing = [w for w in want if w not in got]
        return (records, got) if not missing else None
    records, got = wait_for('every version of a row on the topic', seen, 60)
    ids = collections.Counter(i for i, _ in records)
    twice = [i for i, n in ids.items() if n > 1]
    assert not twice, 'records twice: %s' % twice[:5]
    more = [w for w in want if got[w] != want[w]]
    assert not more, 'versions not as often as they were: %s' % more[:5]
    last = {r['id']: r for _, r in records}
    assert len(last) == total, '%d keys on the topic, %d rows' % (len(last), total)
    for line in psql('SELECT id, v, touched, who FROM raw_rows').split('\n'):
        key, version, touched, who = line.split('|', 3)
        row = last[int(key)]
        assert (row['v'], row['touched']) == (int(version), int(touched)), (line, row)
        assert row['who'] == json.loads(who), (line, row)
    print('     %d rows, %d changes, %d of them by another program' % (
        total, len(records), sum(1 for _, r in records if r['touched'])))


def idle_slots_let_the_log_go():
    """What others write does not pile up behind a slot that has nothing to read."""
    sluice = Sluice([PIPELINE % 9], verb='serve', conf='landing: %s\n' % peer().at['url'])
    try:
        Source.state['on'] = False
        sluice.start()
        psql('CREATE TABLE IF NOT EXISTS noise(x text)')
        lag = 'SELECT pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots ' \
              "WHERE slot_name='sluice_sluice'"
        for _ in range(3):
            psql("INSERT INTO noise SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
        wait_for('the slot to follow', lambda: int(psql(lag) or 1 << 30) < 1 << 20, 30)
    finally:
        sluice.close()


SHOP = '''
CREATE SCHEMA shop;
CREATE TABLE shop.orders(id int PRIMARY KEY, n int, price numeric(8,2), at timestamptz, tags text[]);
INSERT INTO shop.orders SELECT i, 0, i / 4.0, '2026-01-02 03:04:05+00', ARRAY['a', 'b"c']
  FROM generate_series(1, 50000) i'''
GUEST = '''
pipeline: shop
capture:
  orders: {table: shop.orders, from: '%s'}
'''


def a_guest_is_copied_then_followed():
    """Another application's table: no gap and no double between its copy and its changes."""
    psql('CREATE DATABASE shop')
    assert psql(SHOP, 'shop') is not None
    url = peer().at['url'].rsplit('/', 1)[0] + '/shop'
    sluice = Sluice([GUEST % url], verb='serve')
    done = threading.Event()

    def work():
        n = 0
        while not done.is_set():
            n += 1
            psql('UPDATE shop.orders SET n=n+1 WHERE id %% 1000 = %d; '
                 'INSERT INTO shop.orders(id, n) VALUES(%d, 1)' % (n % 1000, 100000 + n), 'shop')
    other = threading.Thread(target=work)
    try:
        other.start()
        sluice.start()
        wait_for('the copy', lambda: len(topic_records(sluice, 'orders')) > 50000, 60)
        sluice.stop(signal.SIGKILL)
        sluice.start()
        time.sleep(2)
        done.set()
        other.join()
        psql('UPDATE shop.orders SET id=-1 WHERE id=7; DELETE FROM shop.orders WHERE id=8', 'shop')
        wait_for('the last change', lambda: follows(sluice), 60)
        assert psql("SELECT count(*) FROM pg_class WHERE relname LIKE '_sluice%'", 'shop') == '0'
    finally:
        done.set()
        sluice.close()


def follows(sluice):
    """Is the topic, replayed by key, what the table is?"""
    records, state = topic_records(sluice, 'orders', keys=True), {}
    ids = collections.Counter(one for one, _, _ in records)
    assert max(ids.values()) == 1, 'records twice'
    for _, row, key in records:
        if row is None:
            state.pop(key, None)
        else:
            state[key] = row
    table = {}
    for line in psql('SELECT id, n, price, tags[2] FROM shop.orders', 'shop').split('\n'):
        key, n, price, tag = line.split('|')
        table[key] = (int(n), float(price) if price else None, tag or None)
    got = {key: (row['n'], row['price'], row['tags'] and row['tags'][1])
           for key, row in state.items()}
    if got != table:
        return False
    assert state['1']['at'] == '2026-01-02T03:04:05Z', state['1']
    print('     %d rows, %d records' % (len(table), len(records)))
    return True


BIG = int(os.environ.get('SLUICE_TEST_BIG', '200000'))


def end_of(sluice, topic):
    consumer = Consumer({'bootstrap.servers': sluice.at['kafka'], 'group.id': 'look'})
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)[1]
    finally:
        consumer.close()


def a_big_transaction_takes_no_memory():
    """$SLUICE_TEST_BIG rows in one transaction, which the server itself spills to its disk."""
    psql('CREATE DATABASE big')
    psql('CREATE TABLE big(id int PRIMARY KEY, pad text)', 'big')
    url = peer().at['url'].rsplit('/', 1)[0] + '/big'
    sluice = Sluice([GUEST.replace('shop.orders', 'big') % url], verb='serve')
    try:
        sluice.start()
        psql("INSERT INTO big VALUES(0, '')", 'big')
        wait_for('the first row', lambda: end_of(sluice, 'orders') == 1, 30)
        before = most = sluice.rss_kib()
        began = time.time()
        psql("INSERT INTO big SELECT i, repeat('x', 200) FROM generate_series(1, %d) i" % BIG,
             'big')
        while end_of(sluice, 'orders') < BIG + 1:
            most = max(most, sluice.rss_kib())
            assert time.time() < began + 300, 'the rows do not come'
        took = time.time() - began
        assert most < before + 48 * 1024, 'it grew from %d to %d KiB' % (before, most)
        print('     %d rows in %.1f s, memory from %d to %d MiB at most' % (
            BIG, took, before / 1024, most / 1024))
    finally:
        sluice.close()


def openssl(*words):
    subprocess.run(('openssl',) + words, check=True, capture_output=True, timeout=60)


def certificates(folder):
    """A CA of our own, a server's certificate for 127.0.0.1 by it, and a CA that is another."""
    for name in ('ca', 'other'):
        openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
                '/CN=' + name, '-keyout', '%s/%s.key' % (folder, name), '-out',
                '%s/%s.pem' % (folder, name))
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=db', '-keyout',
            folder + '/db.key', '-out', folder + '/db.csr')
    with open(folder + '/san', 'w') as file:
        file.write('subjectAltName=IP:127.0.0.1\n')
    openssl('x509', '-req', '-days', '2', '-in', folder + '/db.csr', '-CA', folder + '/ca.pem',
            '-CAkey', folder + '/ca.key', '-CAcreateserial', '-extfile', folder + '/san', '-out',
            folder + '/db.pem')
    os.chmod(folder, 0o755)
    os.chmod(folder + '/db.key', 0o600)
    if os.getuid() == 0:                                # the server runs as this user then
        shutil.chown(folder + '/db.key', 'postgres')


def every_connection_is_verified_when_the_address_says_so():
    folder = tempfile.mkdtemp(prefix='sluice-tls-')
    sluice = None
    certificates(folder)
    server = Peer('postgres', PG_SET='ssl=on ssl_cert_file=%s/db.pem ssl_key_file=%s/db.key' % (
        folder, folder))
    try:
        def at(ca, host='127.0.0.1'):
            url = server.at['url'].replace('127.0.0.1', host)
            return 'landing: %s?sslmode=verify-full&sslrootcert=%s/%s.pem\n' % (url, folder, ca)
        sluice = Sluice([PIPELINE % 9], verb='serve', conf=at('ca'))
        sluice.start()
        ask = ['psql', '-qAtX', '-h', server.at['socket'], '-p', server.at['port'], '-U', 'sluice',
               '-d', 'sluice', '-c', "SELECT count(*), bool_and(ssl), bool_or(backend_type="
               "'walsender') FROM pg_stat_ssl JOIN pg_stat_activity USING(pid) WHERE"
               " application_name='sluice'"]
        said = wait_for('the stream', lambda: ended_with(ask, '|t'), 20)
        assert said.split('|')[1] == 't', said
        for conf in (at('other'), at('ca', 'localhost')):
            sluice.close()
            sluice = Sluice([PIPELINE % 9], verb='serve', conf=conf)
            sluice.start(wait=False)
            assert sluice.process.wait(60) != 0
            assert 'certificate' in sluice.log(), sluice.log()[-500:]
    finally:
        if sluice:
            sluice.close()
        server.close()
        shutil.rmtree(folder)


def ended_with(words, end):
    got = subprocess.run(words, capture_output=True, text=True, timeout=20).stdout.strip()
    return got if got.endswith(end) else None


def close():
    for one in PEERS:
        one.close()


if __name__ == '__main__':
    run([the_contract_holds, killed_in_turn_every_version_is_there_once,
         idle_slots_let_the_log_go, a_guest_is_copied_then_followed,
         a_big_transaction_takes_no_memory,
         every_connection_is_verified_when_the_address_says_so], close)
