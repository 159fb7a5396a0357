"""ledger - nothing lost, nothing doubled, order kept, whatever kills the process.

The books are told in ledger_support.py; here all tiers are embedded. The process dies by `kill -9`
at random moments and at numbered crash points of the env seam (SLUICE_FAULT=die@N), and is started
again.

  LEDGER_KILLS=200 LEDGER_POINTS=500   how often (defaults are short); LEDGER_SEED replays
  LEDGER_MUTANT=NAME                   expect the checker to catch this broken build's fault"""
import collections
import json
import os
import random
import re
import sqlite3
import time

from ledger_support import Books, PIPELINE
from sluice_support import Skip, Sluice, run, wait_for

KILLS = int(os.environ.get('LEDGER_KILLS', '25'))
POINTS = int(os.environ.get('LEDGER_POINTS', '40'))
SEED = int(os.environ.get('LEDGER_SEED', '1'))
MUTANT = os.environ.get('LEDGER_MUTANT')
MUTANT_ENV = {'SLUICE_MUTANT': MUTANT} if MUTANT else {}
PARTS = 3
SETTLE = int(os.environ.get('LEDGER_SETTLE', '40'))     # seconds until the books must balance
rng = random.Random(SEED)


class Embedded(Books):
    """SQLite, and the rest by the program's own pages."""
    db = None

    def commit(self, changes):
        try:
            if self.db is None:
                self.db = sqlite3.connect('%s/landing.db' % sluice.data, timeout=0.5,
                                          isolation_level=None, check_same_thread=False)
            self.db.execute('BEGIN IMMEDIATE')
            for key, n, v in changes:
                if v == 1:
                    self.db.execute("INSERT INTO rows (id, n, v, who) VALUES (?, ?, 1, 'own')",
                                    (key, n))
                else:
                    self.db.execute('UPDATE rows SET v = ? WHERE id = ?', (v, key))
            self.db.execute('COMMIT')
            return True
        except sqlite3.Error:
            if self.db is not None and self.db.in_transaction:
                self.db.execute('ROLLBACK')
            return False

    def landed(self):
        with sqlite3.connect('file:%s/landing.db?mode=ro' % sluice.data, uri=True) as db:
            return {i: (n, v) for i, n, v in db.execute('SELECT id, n, v FROM rows')}

    def on_topic(self, which):
        topic = 'records' if which == 'records' else 'ledger.quarantine'
        for part in range(PARTS):
            page = 'from=oldest&partition=%d' % part
            while page:
                answer = sluice.get('http', '/ui/topics/%s/records?limit=200&%s' % (topic, page))
                for record in answer['records']:
                    value = json.loads(record['value'])
                    yield part, value['id'], value['n'], value['v']
                page = answer['next'] and 'partition=%d&page=%s' % (part, answer['next'])

    def in_table(self):
        page = ''
        while page is not None:
            answer = sluice.get('http', '/ui/tables/store/books.ledger/rows?limit=200' + page)
            names = [c['name'] for c in answer['columns']]
            for row in answer['rows']:
                row = dict(zip(names, row))
                yield row['id'], int(row['n']), int(row['v'])
            page = answer['next'] and '&page=' + answer['next']


books = Embedded(SEED, 0.005 if MUTANT else 0.02)       # more commits, more chances to die in one
sluice = Sluice([PIPELINE % {'name': 'ledger', 'port': books.api.port, 'topic': 'records',
                             'parts': PARTS, 'table': 'ledger'}],
                conf='allow: ["127.0.0.1:%d"]\n' % books.api.port, verb='serve')


def it_starts():
    sluice.start(MUTANT_ENV)
    wait_for('the first rows', lambda: os.path.exists(sluice.data + '/landing.db') and has_table(), 30)
    books.writer.start()
    wait_for('rows of both writers',
             lambda: len(books.writer.version) > 60 and len(books.landed()) > 60, 30)


def has_table():
    try:
        return len(books.landed()) > 0
    except sqlite3.Error:
        return False


def it_survives_kill_9_at_random_moments():
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.7))
        books.acknowledge()
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
        books.acknowledge()
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
    books.quiet()
    sluice.call('PATCH', '/api/v2/dags/ledger', {'is_paused': True})
    time.sleep(1.5)
    if MUTANT:
        try:
            books.settle(SETTLE)
        except AssertionError as caught:
            print('caught: %s' % caught)
            return
        raise AssertionError('the broken build %s was not caught' % MUTANT)
    print('audited %d records, %d changes, at most %d of a record, seed %d' % (
        *books.settle(SETTLE), SEED))


CASES = [it_starts, it_survives_kill_9_at_random_moments, it_survives_every_numbered_crash_point,
         the_books_balance]
run(CASES, sluice.close)
