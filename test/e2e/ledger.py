"""ledger - nothing lost, nothing doubled, order kept, whatever kills the process.

Two writers feed numbered records and change them again: an HTTP API that the pipeline fetches, and
another program that writes into the landing database. Each change of a record raises its version
`v` by one. The process dies by `kill -9` at random moments and at numbered crash points of the env
seam (SLUICE_FAULT=die@N), and is started again. A change is acknowledged when its transaction
committed (the other program) or when somebody has read it in the landing table (the API's). After
quiet, of every key:

  landing      its last acknowledged version
  topic        its versions in order, each acknowledged one exactly once; the last is landing's.
               Fetching a record again that did not change adds nothing
  quarantine   its versions that the check rejects, in order, each once
  table        its last version that the check lets pass

  LEDGER_KILLS=200 LEDGER_POINTS=500   how often (defaults are short); LEDGER_SEED replays
  LEDGER_MUTANT=NAME                   expect the checker to catch this broken build's fault"""
import collections
import http.server
import json
import os
import random
import re
import sqlite3
import threading
import time

from sluice_support import Skip, Sluice, run, wait_for

KILLS = int(os.environ.get('LEDGER_KILLS', '25'))
POINTS = int(os.environ.get('LEDGER_POINTS', '40'))
SEED = int(os.environ.get('LEDGER_SEED', '1'))
MUTANT = os.environ.get('LEDGER_MUTANT')
MUTANT_ENV = {'SLUICE_MUTANT': MUTANT} if MUTANT else {}
NEW, CHANGED, WINDOW, PARTS = 20, 20, 200, 3
SETTLE = int(os.environ.get('LEDGER_SETTLE', '40'))     # seconds until the books must balance
rng = random.Random(SEED)


class Api(http.server.BaseHTTPRequestHandler):
    """Each call makes 20 new records, changes 20 of the last 200, and serves these, most of them
    again as they were, as real APIs do."""
    version = {}                                        # number -> v
    draw = random.Random(SEED + 1)
    lock = threading.Lock()

    def do_GET(self):
        with self.lock:
            have = len(self.version)
            for n in range(have + 1, have + 1 + NEW):
                self.version[n] = 1
            window = range(max(1, have + 1 + NEW - WINDOW), have + 1 + NEW)
            for n in self.draw.sample(window, min(CHANGED, have)):
                self.version[n] += 1
            rows = [{'id': 'api-%06d' % n, 'n': n, 'v': self.version[n], 'who': 'api'} for n in window]
        body = json.dumps({'rows': rows}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass                                            # who asked was killed


api = QuietServer(('127.0.0.1', 0), Api)
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
  records: {table: rows, partitions: %d}
transform:
  books.ledger:
    key: id
    sql: SELECT id, n, v, who FROM STREAM records
    expect:
      sound: (n + v) %% 10 <> 3
''' % (PORT, PARTS)
sluice = Sluice([PIPELINE], conf='allow: ["127.0.0.1:%d"]\n' % PORT, verb='serve')
acked = {}                                              # id -> versions somebody was told of
stop_writer = threading.Event()


def is_sound(n, v):
    return (n + v) % 10 != 3


class Writer(threading.Thread):
    """Another program. A transaction makes two records and changes four, the first of them twice."""

    def __init__(self):
        super().__init__(daemon=True)
        self.version, self.draw = {}, random.Random(SEED + 2)

    def changes(self):
        """What the next transaction writes: (number, version), in order."""
        have = len(self.version)
        old = self.draw.sample(range(max(1, have - 300), have + 1), 4) if have > 10 else []
        some = [(n, 1) for n in (have + 1, have + 2)] + [(n, self.version[n] + 1) for n in old]
        return some + [(n, self.version[n] + 2) for n in old[:1]]

    def commit(self, db, changes):
        db.execute('BEGIN IMMEDIATE')
        for n, v in changes:
            if v == 1:
                db.execute('INSERT INTO rows (id, n, v, who) VALUES (?, ?, 1, ?)', ('own-%06d' % n, n, 'own'))
            else:
                db.execute('UPDATE rows SET v = ? WHERE id = ?', (v, 'own-%06d' % n))
        db.execute('COMMIT')

    def run(self):
        db, changes = None, self.changes()
        while not stop_writer.is_set():
            try:
                if db is None:
                    db = sqlite3.connect('%s/landing.db' % sluice.data, timeout=0.5, isolation_level=None)
                self.commit(db, changes)
                for n, v in changes:
                    self.version[n] = v
                    acked.setdefault('own-%06d' % n, set()).add(v)
                changes = self.changes()
            except sqlite3.Error:
                if db is not None and db.in_transaction:
                    db.execute('ROLLBACK')
            time.sleep(0.005 if MUTANT else 0.02)       # more commits, more chances to die in one


writer = Writer()


def landed():
    with sqlite3.connect('file:%s/landing.db?mode=ro' % sluice.data, uri=True) as db:
        return {i: (n, v) for i, n, v in db.execute('SELECT id, n, v FROM rows')}


def acknowledge():
    """What can be read now was told to somebody: it must not go away."""
    for key, (_, v) in landed().items():
        if key.startswith('api'):
            acked.setdefault(key, set()).add(v)


def on_topic(topic):
    """Of each key, its partitions and its (n, v), oldest first."""
    parts, keys = {}, {}
    for part in range(PARTS):
        page = 'from=oldest&partition=%d' % part
        while page:
            answer = sluice.get('http', '/ui/topics/%s/records?limit=200&%s' % (topic, page))
            for record in answer['records']:
                value = json.loads(record['value'])
                parts.setdefault(value['id'], set()).add(part)
                keys.setdefault(value['id'], []).append((value['n'], value['v']))
            page = answer['next'] and 'partition=%d&page=%s' % (part, answer['next'])
    strayed = [key for key, where in parts.items() if len(where) > 1]
    assert not strayed, 'on two partitions: %s' % strayed[:5]
    return keys


def in_table():
    rows, page = {}, ''
    while page is not None:
        answer = sluice.get('http', '/ui/tables/store/books.ledger/rows?limit=200' + page)
        names = [c['name'] for c in answer['columns']]
        for row in answer['rows']:
            row = dict(zip(names, row))
            assert row['id'] not in rows, 'twice in the table: %s' % row
            rows[row['id']] = (int(row['n']), int(row['v']))
        page = answer['next'] and '&page=' + answer['next']
    return rows


def audit_landing(rows):
    for key, versions in acked.items():
        assert key in rows, 'acknowledged, not landed: %s' % key
        assert rows[key][1] >= max(versions), '%s: %d acknowledged, %d landed' % (
            key, max(versions), rows[key][1])
    for n, v in writer.version.items():
        assert rows['own-%06d' % n] == (n, v), '%s of record %d' % (rows['own-%06d' % n], n)


def audit_topic(rows, topic):
    for key, changes in topic.items():
        versions = [v for _, v in changes]
        assert len(versions) == len(set(versions)), '%s: twice on the topic: %s' % (key, versions)
        assert versions == sorted(versions), '%s: out of order: %s' % (key, versions)
        lost = acked.get(key, set()) - set(versions)
        assert not lost, '%s: acknowledged, not on the topic: %s of %s' % (key, lost, versions)
        assert key in rows and changes[-1] == rows[key], '%s: topic ends with %s, landed is %s' % (
            key, changes[-1], rows.get(key))
    lost = sorted(set(rows) - set(topic))
    assert not lost, 'landed, not on the topic: %s' % lost[:5]
    for n, v in Api.version.items():
        assert topic.get('api-%06d' % n, [(n, 0)])[-1][1] <= v, 'a version nobody sent: %d' % n


def audit_ends(topic):
    table, aside = in_table(), on_topic('ledger.quarantine')
    for key, changes in topic.items():
        good = [c for c in changes if is_sound(*c)]
        bad = [c for c in changes if not is_sound(*c)]
        assert table.get(key) == (good[-1] if good else None), '%s: table has %s, topic %s' % (
            key, table.get(key), changes)
        assert aside.get(key, []) == bad, '%s: quarantine has %s, topic %s' % (
            key, aside.get(key), changes)
    assert set(table) | set(aside) <= set(topic)


def audit():
    """The whole ledger; raises what is wrong."""
    rows = wait_for('the landing table', landed)
    topic = on_topic('records')
    audit_landing(rows)
    audit_topic(rows, topic)
    audit_ends(topic)
    return len(rows), sum(map(len, topic.values())), max(map(len, topic.values()))


def settle():
    """Audits until the books balance; what is still wrong after a while is wrong."""
    deadline = time.time() + SETTLE
    while True:
        try:
            return audit()
        except AssertionError:
            if time.time() > deadline:
                raise
        time.sleep(1)


def quiet():
    stop_writer.set()
    writer.join()
    sluice.call('PATCH', '/api/v2/dags/ledger', {'is_paused': True})
    time.sleep(1.5)


def it_starts():
    sluice.start(MUTANT_ENV)
    wait_for('the first rows', lambda: os.path.exists(sluice.data + '/landing.db') and has_table(), 30)
    writer.start()
    wait_for('rows of both writers', lambda: len(writer.version) > 60 and len(landed()) > 60, 30)


def has_table():
    try:
        return len(landed()) > 0
    except sqlite3.Error:
        return False


def it_survives_kill_9_at_random_moments():
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.7))
        acknowledge()
        sluice.stop(9)
        sluice.start(MUTANT_ENV, wait=rng.random() < 0.7)      # at times it is killed while it recovers


def place_of(line):
    """A crash point's name without what differs from run to run: `sync log/records-N/N.log`."""
    line = line.replace(sluice.dir + '/', '').replace('data/', '')
    return re.sub(r'\b[0-9A-Za-z]{20,}\b|\d+', 'N', line)


def crash_points():
    """Different numbers: of all calls, many of them recovery's; every third of commits only."""
    if MUTANT:                                          # just before commits: where its fault shows
        return ['die@%d:point' % (1 + rng.randrange(150)) for _ in range(POINTS)]
    calls = rng.sample(range(1, 1 + max(300, POINTS * 4 // 3)), POINTS)
    return ['die@%d' % n if i % 3 else 'die@%d:point' % (1 + n % 150) for i, n in enumerate(calls)]


def it_survives_every_numbered_crash_point():
    if not POINTS:
        raise Skip('LEDGER_POINTS=0')
    for point in crash_points():
        acknowledge()
        sluice.stop(9)
        sluice.start(dict(MUTANT_ENV, SLUICE_FAULT=point), wait=False)
        deadline = time.time() + 8
        while sluice.process.poll() is None and time.time() < deadline:
            time.sleep(0.01)
    sluice.stop(9)
    sluice.start()
    places = re.findall(r'^fault: died at call (\d+): (.*)$', sluice.log(), re.M)
    print('died at %d of %d points:' % (len(places), POINTS))
    for place, count in collections.Counter(place_of(p) for _, p in places).most_common():
        print('  %4d %s' % (count, place))
    assert MUTANT or len(places) * 2 > POINTS, 'only %d crash points were reached' % len(places)


def the_books_balance():
    if sluice.process.poll() is not None:
        sluice.start()
    wait_for('the server', lambda: os.path.exists(sluice.data + '/addresses'), 20)
    sluice.read_addresses()
    quiet()
    if MUTANT:
        try:
            settle()
        except AssertionError as caught:
            print('caught: %s' % caught)
            return
        raise AssertionError('the broken build %s was not caught' % MUTANT)
    first = settle()
    time.sleep(1)
    assert audit() == first, 'something was added to balanced books'
    print('audited %d records, %d changes, at most %d of a record, seed %d' % (*first, SEED))


CASES = [it_starts, it_survives_kill_9_at_random_moments, it_survives_every_numbered_crash_point,
         the_books_balance]
run(CASES, sluice.close)
