"""ledger - nothing lost, nothing doubled, order kept, whatever kills the process.

Two writers feed numbered records: an HTTP API that the pipeline fetches, and another program that
writes into the landing database. The process dies by `kill -9` at random moments and at numbered
crash points of the env seam (SLUICE_FAULT=die@N), and is started again. After quiet: every record
whose transaction was acknowledged is in the landing table, exactly once on the topic, and once in
the CQL table; the topic holds each key's records in order.

  LEDGER_KILLS=200 LEDGER_POINTS=500   how often (defaults are short); LEDGER_SEED replays
  LEDGER_MUTANT=NAME                   expect the checker to catch this broken build's fault"""
import http.server
import json
import os
import random
import sqlite3
import threading
import time

from sluice_support import Sluice, run, wait_for

KILLS = int(os.environ.get('LEDGER_KILLS', '25'))
POINTS = int(os.environ.get('LEDGER_POINTS', '40'))
SEED = int(os.environ.get('LEDGER_SEED', '1'))
MUTANT = os.environ.get('LEDGER_MUTANT')
MUTANT_ENV = {'SLUICE_MUTANT': MUTANT} if MUTANT else {}
KEYS = 7
rng = random.Random(SEED)
served = 0


class Api(http.server.BaseHTTPRequestHandler):
    """Each call serves the next 20 records and, as real APIs do, some of those before."""

    def do_GET(self):
        global served
        served += 20
        body = json.dumps({'rows': [{'id': 'api-%06d' % n, 'k': n % KEYS, 'seq': n, 'who': 'api'}
                                    for n in range(max(1, served - 200), served + 1)]}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


api = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Api)
threading.Thread(target=api.serve_forever, daemon=True).start()
PORT = api.server_address[1]
PIPELINE = '''pipeline: ledger
schedule: every 1s
fetch:
  rows:
    url: http://127.0.0.1:%d/
    rows: rows[*]
    key: id
    empty_ok: true
capture:
  records: {table: rows, partitions: 3}
transform:
  books.ledger:
    key: id
    sql: SELECT id, k, seq, who FROM STREAM records
    expect:
      sound: seq %% 10 <> 3
''' % PORT
sluice = Sluice([PIPELINE], conf='allow: ["127.0.0.1:%d"]\n' % PORT, verb='serve')
written, stop_writer = [], threading.Event()


def writer():
    """Another program: each committed transaction is acknowledged."""
    n = 0
    db = None
    while not stop_writer.is_set():
        try:
            if db is None:
                db = sqlite3.connect('%s/landing.db' % sluice.data, timeout=0.5, isolation_level=None)
            rows = [('own-%06d' % i, i % KEYS, i, 'own') for i in range(n + 1, n + 6)]
            db.execute('BEGIN IMMEDIATE')
            db.executemany('INSERT OR IGNORE INTO rows (id, k, seq, who) VALUES (?, ?, ?, ?)', rows)
            db.execute('COMMIT')
            written.extend(r[0] for r in rows)
            n += 5
        except sqlite3.Error:
            if db is not None and db.in_transaction:
                db.execute('ROLLBACK')
        time.sleep(0.002 if MUTANT else 0.02)           # more commits, more chances to die in one


def landed():
    with sqlite3.connect('file:%s/landing.db?mode=ro' % sluice.data, uri=True) as db:
        return dict(db.execute('SELECT id, seq FROM rows').fetchall())


def on_topic(topic):
    """All records of a topic by partition, oldest first."""
    out, page = [], 'from=oldest'
    for part in range(3):
        page = 'from=oldest&partition=%d' % part
        while page:
            answer = sluice.get('http', '/ui/topics/%s/records?limit=200&%s' % (topic, page))
            out += [(part, r['offset'], json.loads(r['value'])) for r in answer['records'] if r['value']]
            page = answer['next'] and 'partition=%d&page=%s' % (part, answer['next'])
    return out


def in_table():
    ids, page = [], ''
    while page is not None:
        answer = sluice.get('http', '/ui/tables/store/books.ledger/rows?limit=200' + page)
        at = [c['name'] for c in answer['columns']].index('id')
        ids += [r[at] for r in answer['rows']]
        page = answer['next'] and '&page=' + answer['next']
    return ids


def audit():
    """The whole ledger; raises what is wrong."""
    rows = wait_for('the landing table', landed)
    missing = [i for i in written if i not in rows]
    assert not missing, 'acknowledged, not landed: %s' % missing[:5]
    records = on_topic('records')
    ids = [v['id'] for _, _, v in records]
    assert len(ids) == len(set(ids)), 'twice on the topic: %s' % sorted(i for i in ids if ids.count(i) > 1)[:5]
    assert set(ids) == set(rows), 'landed, not on the topic: %s' % sorted(set(rows) ^ set(ids))[:5]
    last = {}                                           # each writer's numbers rise in every partition
    for part, _, value in records:
        key = (value['who'], part)
        assert last.get(key, 0) < value['seq'], 'out of order: %s' % value
        last[key] = value['seq']
    good = {i for i, seq in rows.items() if seq % 10 != 3}
    table = in_table()
    assert len(table) == len(set(table))
    assert set(table) == good, 'not in the table, or too much: %s' % sorted(set(table) ^ good)[:5]
    aside = [v['id'] for _, _, v in on_topic('ledger.quarantine')]
    assert len(aside) == len(set(aside)), 'twice in quarantine'
    assert set(aside) == set(rows) - good, sorted(set(aside) ^ (set(rows) - good))[:5]
    return len(rows)


def settled():
    """Nothing moves any more: the table has all that can come."""
    rows = landed()
    good = sum(1 for seq in rows.values() if seq % 10 != 3)
    return rows and len(in_table()) >= good and len(on_topic('records')) >= len(rows)


def quiet():
    stop_writer.set()
    sluice.call('PATCH', '/api/v2/dags/ledger', {'is_paused': True})
    time.sleep(1.5)
    try:
        wait_for('the end of the stream', settled, 40)
    except AssertionError:
        pass                                            # the audit says what is missing


def it_starts():
    sluice.start(MUTANT_ENV)
    wait_for('the first rows', lambda: os.path.exists(sluice.data + '/landing.db') and has_table(), 30)
    threading.Thread(target=writer, daemon=True).start()
    wait_for('rows of both writers', lambda: len(written) > 20 and len(landed()) > 40, 30)


def has_table():
    try:
        return len(landed()) > 0
    except sqlite3.Error:
        return False


def it_survives_kill_9_at_random_moments():
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.7))
        sluice.stop(9)
        sluice.start(MUTANT_ENV, wait=rng.random() < 0.7)      # at times it is killed while it recovers


def it_survives_every_numbered_crash_point():
    died = 0
    for _ in range(POINTS):
        sluice.stop(9)
        point = 'die@%d' % (1 + rng.randrange(rng.choice((60, 250, 1000))))
        if MUTANT:                                      # just before commits: where its fault shows
            point = 'die@%d:point' % (1 + rng.randrange(150))
        sluice.start(dict(MUTANT_ENV, SLUICE_FAULT=point), wait=False)
        deadline = time.time() + rng.uniform(0.5, 2)
        while sluice.process.poll() is None and time.time() < deadline:
            time.sleep(0.01)
        died += sluice.process.poll() == 137
    sluice.stop(9)
    sluice.start()
    assert died * 3 > POINTS, 'only %d of %d crash points were reached' % (died, POINTS)


def the_books_balance():
    if sluice.process.poll() is not None:
        sluice.start()
    wait_for('the server', lambda: os.path.exists(sluice.data + '/addresses'), 20)
    sluice.read_addresses()
    quiet()
    if MUTANT:
        try:
            audit()
        except AssertionError as caught:
            print('caught: %s' % caught)
            return
        raise AssertionError('the broken build %s was not caught' % MUTANT)
    print('audited %d rows, seed %d' % (audit(), SEED))


CASES = [it_starts, it_survives_kill_9_at_random_moments, it_survives_every_numbered_crash_point,
         the_books_balance]
run(CASES, sluice.close)
