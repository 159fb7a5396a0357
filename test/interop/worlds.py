#!/usr/bin/python3
"""worlds - one pipeline in many worlds: the same users, the same tables, topics and quarantine.

10,000 seeded users come in rounds from an HTTP API of this test: new ones, newer versions of
earlier ones, repeats that change nothing, users that fail a check and are mended later, text in
many scripts, numbers of every size. The pipeline file is the same in all worlds:

  a  everything embedded
  b  PostgreSQL -> Kafka -> sluice -> Cassandra
  c  as b, with the job of `sluice export spark` in place of sluice's stream; the rounds come in
     while it streams, then a second run with --once finds nothing left to do
  d  all embedded again, but real Airflow runs the DAG of `sluice export airflow`

Compared are landing, topic, table and quarantine; DIFFERENCES says what may differ, and why.
USERS=n makes it another number, SEED=n other users.
"""
import collections
import datetime
import decimal
import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
import uuid

from confluent_kafka.admin import AdminClient

from peer_support import HERE, Peer, run, wait_for
from sluice_support import SLUICE, Skip
from world_support import World

USERS, ROUNDS = int(os.environ.get('USERS', '10000')), 8
SEED = int(os.environ.get('SEED', '4'))
# What differs between worlds, and why. Everything else is compared byte for byte.
DIFFERENCES = [
    ('header sluice.id', 'a change is named by its place in the outbox of SQLite, in the log of '
     'PostgreSQL: rising in both, equal in neither'),
    ('members that a row does not have', 'PostgreSQL keeps rows, not texts: a record has every '
     'column, null where there was none; escapes, spaces and numbers of top-level members are '
     'spelled as it spells them'),
    ('record timestamps', 'the time of the commit, which is another in each world'),
    ('order between keys on a topic', 'promised is the order of one key; a batch of PostgreSQL '
     'comes in the order of its upsert'),
    ('header __connect.errors.offset', 'follows from the order between keys'),
    ('write times in world c', 'Spark writes with the time of the write'),
    ('versions of a row in world c that a newer one in the same batch of Spark follows', 'only the '
     'newest is written: the table is the same'),
    ('order between keys in the quarantine of world c', 'Spark checks partitions side by side'),
]
PIPELINE = '''pipeline: people
schedule: every 1s
retry_delay: 1s
fetch:
  raw_users:
    url: %s
    rows: results[*]
    key: login.uuid
    empty_ok: true
capture:
  users_created: raw_users
transform:
  worlds.people:
    key: id uuid
    sql: |
      SELECT login.uuid AS id, concat_ws(' ', name.first, name.last) AS name, lower(email) AS email,
        gender, CAST(location.postcode AS STRING) AS post_code, location.city,
        length(location.city) AS city_len, upper(name.last) AS upper_last,
        dob.age, CAST(dob.date AS TIMESTAMP) AS born, to_date(dob.date) AS born_on,
        version, balance, CAST(balance AS DECIMAL(18, 2)) AS cents, balance / 3 AS third,
        serial, active, CAST(serial AS STRING) AS serial_text, tags,
        coalesce(nick, '-') AS nick, md5(email) AS mark
      FROM STREAM users_created
    expect:
      valid_email: email RLIKE '^[^@ ]+@[^@ ]+[.][a-z]+$'
      known_gender: gender IN ('female', 'male')
      grown: {that: age >= 18, else: drop}
'''
TABLE, TOPIC = 'worlds.people', 'users_created'
NAMES = ['Ada', 'Zoë', 'José', 'Łukasz', '王', 'Søren', 'אבי', 'नेहा', 'O\'Brien', '🦀', 'İpek',
         'a"b', 'back\\slash', 'ﬁn', 'Straße', 'x\ty', 'é', '']
CITIES = ['Zürich', 'São Paulo', '東京', 'Αθήνα', 'New\nLine', 'Ürümqi', '{"not": json}', '👩‍👩‍👧 Town']


# ---- the users ----

def person(dice, ident, version):
    """One user; what may be missing, null or odd is so now and then."""
    one = {
        'gender': dice.choice(['female', 'male']),
        'name': {'first': dice.choice(NAMES), 'last': dice.choice(NAMES)},
        'location': {'city': dice.choice(CITIES), 'postcode':
                     dice.choice([dice.randrange(99999), '%05d' % dice.randrange(99999)])},
        'email': '%s%d@Example.com' % (dice.choice(['Ann', 'bo.b', 'c+d']), dice.randrange(10**6)),
        'login': {'uuid': ident, 'username': 'u%d' % dice.randrange(10**6)},
        'dob': {'date': '%d-%02d-%02dT%02d:%02d:%02d.%03dZ' % (
            dice.randrange(1930, 2008), dice.randrange(1, 13), dice.randrange(1, 29),
            dice.randrange(24), dice.randrange(60), dice.randrange(60), dice.randrange(1000)),
                'age': dice.randrange(18, 90)},
        'version': version,
        'balance': dice.choice([dice.uniform(-1e6, 1e6), float(dice.randrange(1000)), 0.1, 1e-7,
                                1.5e15, -0.5]),
        'serial': dice.choice([dice.randrange(1000), dice.randrange(-2**62, 2**62), 2**53 + 1]),
        'active': dice.random() < 0.5,
        'tags': [dice.choice(NAMES) for _ in range(dice.randrange(3))],
    }
    if dice.random() < 0.3:
        one['nick'] = dice.choice([None, 'nick'])
    odd = dice.random()
    if odd < 0.01:
        one['email'] = dice.choice(['no mail', None, 'a@b', ''])
    elif odd < 0.02:
        one['gender'] = dice.choice(['other', None])
    elif odd < 0.03:
        one['dob']['age'] = dice.randrange(5, 18)
    return one


def make_rounds(users, seed):
    """The answers of the API: JSON text of each round."""
    dice, answers, newest, count = random.Random(seed), [], {}, collections.Counter()
    idents = [str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(users)]
    for turn in range(ROUNDS):
        rows = []
        for ident in idents[users * turn // ROUNDS:users * (turn + 1) // ROUNDS]:
            rows.append(person(dice, ident, 0))
        old = sorted(newest)
        for ident in dice.sample(old, len(old) // 10):
            rows.append(person(dice, ident, newest[ident]['version'] + 1))
            count['updates'] += 1
        changed = {row['login']['uuid'] for row in rows}
        for ident in dice.sample(old, len(old) // 10):
            if ident not in changed:
                rows.append(newest[ident])
                count['repeats'] += 1
        dice.shuffle(rows)
        newest.update({row['login']['uuid']: row for row in rows})
        answers.append(json.dumps({'results': rows}, ensure_ascii=False,
                                  separators=(',', ':')).encode())
    return answers, newest, count


class Api(http.server.BaseHTTPRequestHandler):
    """GET /WORLD: the next round of that world; after the last one the last one again."""
    rounds, turn, until = [], collections.Counter(), {}     # until: no more than so many rounds

    def do_GET(self):                                   # pylint: disable=invalid-name
        turn = Api.turn[self.path]
        body = Api.rounds[min(turn, len(Api.rounds) - 1)]
        held = turn >= Api.until.get(self.path, turn + 1)
        if held:
            body = b'{"results":[]}'
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if not held:
            Api.turn[self.path] += 1

    def log_message(self, *_):                          # pylint: disable=arguments-differ
        pass


SEEN, LEFT = {}, []
OUT = tempfile.mkdtemp(prefix='sluice-worlds-')


def api():
    if not Api.rounds:
        Api.rounds, Api.newest, Api.count = make_rounds(USERS, SEED)
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Api)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Api.port = server.server_address[1]
        print('# %d users in %d rounds, seed %d: %d updates, %d repeats' % (
            USERS, ROUNDS, SEED, Api.count['updates'], Api.count['repeats']))
    return Api.port


def pipeline(name):
    """The pipeline's text, over the API's path of that name."""
    return PIPELINE % ('http://127.0.0.1:%d/%s' % (api(), name))


def open_world(name, peers, transform=True, **more):
    text = pipeline(name)
    world = World([text if transform else text[:text.index('transform:')]], peers=peers,
                  conf='allow: ["127.0.0.1:%d"]\n' % api(), **more)
    LEFT.append(world)
    return world


def close_world(world):
    LEFT.remove(world)
    world.close()


def all_served(name, seconds):
    wait_for('all rounds of world %s' % name, lambda: Api.turn['/' + name] > ROUNDS, seconds)


# ---- what is in a world ----

def plain(cell):
    """A value of a table with one spelling."""
    if isinstance(cell, float):
        return repr(cell)
    if isinstance(cell, decimal.Decimal):
        return str(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat()
    if isinstance(cell, (list, tuple)):
        return [plain(one) for one in cell]
    return cell if cell is None or isinstance(cell, (bool, int)) else str(cell)


def spelled(value):
    """A record's value without the null of a member that the source did not send."""
    return value.replace(b',"nick":null', b'')


def by_key(records, keep):
    """The records of each key, in their order."""
    found = collections.defaultdict(list)
    for record in records:
        headers = [pair for pair in record.headers if pair[0] in keep]
        found[record.key].append((spelled(record.value), headers))
    return dict(found)


def look(world):
    """All of a world that is to be the same."""
    quarantined = world.quarantined(TABLE)
    places = [(dict(record.headers)['__connect.errors.partition'],
               dict(record.headers)['__connect.errors.offset']) for record in quarantined]
    assert len(places) == len(set(places)), 'a record is in the quarantine twice'
    return {
        'landing': world.landed('raw_users'),
        'topic': by_key(world.records(TOPIC), {'sluice.op'}),
        'table': [{name: plain(cell) for name, cell in sorted(row.items())}
                  for row in world.rows(TABLE)],
        'quarantine': by_key(quarantined, {'sluice.op', 'sluice.check', '__connect.errors.topic',
                                           '__connect.errors.exception.message'}),
    }


def settle(name, world, seconds=120):
    """Waits until nothing moves any more; what is there then."""
    all_served(name, seconds)
    before = None
    deadline = time.time() + seconds
    while True:
        try:
            now = (len(world.records(TOPIC)), len(world.quarantined(TABLE)),
                   world.rows(TABLE, 'id, version'))
        except Exception:                               # pylint: disable=broad-except
            now = None                                  # no table yet
        if now and now == before and now[0] > USERS and now[2]:
            return look(world)
        assert time.time() < deadline, 'world %s does not come to rest: %s %s\n%s' % (
            name, now and now[:2], now and len(now[2]), world.sluice.log()[-2000:])
        before = now
        time.sleep(1.5)


def first_difference(ours, theirs):
    if isinstance(ours, dict):
        for key in list(ours) + [key for key in theirs if key not in ours]:
            if ours.get(key) != theirs.get(key):
                return '%r:\n  %r\n  %r' % (key, ours.get(key), theirs.get(key))
    for one, other in zip(ours, theirs):
        if one != other:
            return '\n  %r\n  %r' % ({name: cell for name, cell in one.items()
                                      if other.get(name, '?') != cell},
                                     {name: cell for name, cell in other.items()
                                      if one.get(name, '?') != cell})
    return 'one has more'


def same(name, seen):
    """This world is as the first one was."""
    SEEN[name] = seen
    first = SEEN.get('a')
    if first is None:
        raise Skip('world a has not been seen')
    for part, ours in first.items():
        theirs = seen[part]
        differ = len(ours) != len(theirs) or ours != theirs
        assert not differ, '%s of world %s differs, %d and %d: %s' % (
            part, name, len(ours), len(theirs), first_difference(ours, theirs)[:1500])
    print('# world %s: %s' % (name, counted(seen)))


def counted(seen):
    return ', '.join('%s %d' % (part, sum(map(len, found.values()))
                                if isinstance(found, dict) else len(found))
                     for part, found in seen.items())


# ---- the worlds ----

def a_embedded():
    world = open_world('a', ())
    world.start()
    seen = settle('a', world)
    close_world(world)
    SEEN['a'] = seen
    assert len(seen['landing']) == USERS
    records = sum(map(len, seen['topic'].values()))
    assert records == USERS + Api.count['updates'], records
    newest = {ident.encode(): {name: cell for name, cell in row.items()
                               if (name, cell) != ('nick', None)}
              for ident, row in Api.newest.items()}
    for key, found in seen['topic'].items():
        assert json.loads(found[-1][0]) == newest[key], (found[-1], newest[key])
    assert USERS * 0.95 < len(seen['table']) < USERS
    assert USERS / 100 < len(seen['quarantine']) < USERS / 10
    print('# world a: ' + counted(seen))


def b_postgres_kafka_cassandra():
    world = open_world('b', ('postgres', 'kafka', 'cassandra'))
    world.start()
    same('b', settle('b', world))
    world.sluice.stop()


# ---- the exports ----

def export(world, kind, name):
    """`sluice export` of the pipeline's file in that world: where it was written."""
    file, out = os.path.join(OUT, name + '.yml'), os.path.join(OUT, name + '_' + kind + '.py')
    with open(file, 'w') as text:
        text.write(pipeline(name))
    done = world.sluice.cli('export', kind, file, '--out', out, '--conf', world.sluice.conf)
    assert done.returncode == 0, done.stderr
    return out


def emptied(world):
    """The peers of a world that is over, without what it left there but the (empty) table."""
    world.session().execute('TRUNCATE ' + TABLE)
    admin = AdminClient({'bootstrap.servers': world.bootstrap()})
    for done in admin.delete_topics([TOPIC, TABLE.split('.')[1] + '.quarantine']).values():
        done.result(30)
    return world.peers


class SparkJob:
    """The exported job under spark-submit."""

    def __init__(self, job, *words):
        self.log = open(os.path.join(OUT, 'spark.log'), 'a+')
        self.process = subprocess.Popen(
            [os.path.join(HERE, 'peers', 'spark.sh'), 'submit', job] + list(words),
            stdout=self.log, stderr=self.log,
            env=dict(os.environ, SLUICE_CHECKPOINT=os.path.join(OUT, 'checkpoint')))

    def said(self):
        with open(self.log.name) as log:
            return log.read()[-4000:]

    def alive(self):
        code = self.process.poll()
        assert code is None, 'the job ended with %d:\n%s' % (code, self.said())

    def ended(self, seconds):
        code = self.process.wait(seconds)
        assert code == 0, 'the job ended with %d:\n%s' % (code, self.said())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def c_spark_in_place_of_the_stream():
    if subprocess.call([os.path.join(HERE, 'peers', 'spark.sh'), 'install']) == 77:
        raise Skip('Spark cannot be had here')
    if not any('cassandra' in world.peers for world in LEFT):
        raise Skip('world b has not been seen')
    Api.until['/c'] = 1
    world = open_world('c', emptied(LEFT[0]), transform=False, database='c')
    world.start()
    wait_for('the first records', lambda: len(world.records(TOPIC)) >= USERS // ROUNDS, 60)
    job = SparkJob(export(world, 'spark', 'c'))
    try:
        def some_rows():
            job.alive()
            return world.rows(TABLE, 'id')
        wait_for('rows by Spark', some_rows, 600)
        Api.until['/c'] = ROUNDS + 2                    # the others come while it streams
        seen = settle('c', world)
        job.alive()
    finally:
        job.stop()
    same('c', seen)
    again = SparkJob(job_file('c'), '--once')
    try:
        again.ended(600)
    finally:
        again.stop()
    same('c, run again', look(world))
    close_world(world)


def job_file(name):
    return os.path.join(OUT, name + '_spark.py')


def d_airflow_runs_the_tasks():
    world = open_world('d', ())
    Api.until['/d'] = 0
    world.start()
    paused = world.sluice.cli('dag', 'people', '--pause')
    assert paused.returncode == 0, paused.stderr
    try:
        peer = Peer('airflow', PATH=os.path.dirname(SLUICE) + ':' + os.environ['PATH'],
                    SLUICE_DATA=world.sluice.data)
    except Skip:
        close_world(world)
        raise
    try:
        wait_for('the runs of before to end', lambda: quiet(world), 30)
        Api.until['/d'] = ROUNDS + 2
        before = tries(world)
        shutil.copy(export(world, 'airflow', 'd'), os.path.join(peer.at['dags'], 'people.py'))
        seen = settle('d', world, 400)
        runs = [run['state'] for run in airflow_runs(peer)]
        assert runs.count('success') >= ROUNDS and 'failed' not in runs, runs
        assert tries(world) - before >= ROUNDS
    finally:
        peer.close()
    same('d', seen)
    print('# %d runs by Airflow' % len(runs))
    close_world(world)


def tries(world):
    return world.sluice.call('GET', '/api/v2/dags/people/dagRuns')['total_entries']


def quiet(world):
    runs = world.sluice.call('GET', '/api/v2/dags/people/dagRuns')['dag_runs']
    return all(run['state'] != 'running' for run in runs)


def airflow_runs(peer):
    body = json.dumps({'username': peer.at['user'], 'password': peer.at['password']}).encode()
    ask = urllib.request.Request(peer.at['url'] + '/auth/token', data=body,
                                 headers={'Content-Type': 'application/json'})
    with urllib.request.urlopen(ask, timeout=30) as answer:
        token = json.load(answer)['access_token']
    ask = urllib.request.Request(peer.at['url'] + '/api/v2/dags/people/dagRuns?limit=1000',
                                 headers={'Authorization': 'Bearer ' + token})
    with urllib.request.urlopen(ask, timeout=30) as answer:
        return json.load(answer)['dag_runs']


def close():
    for world in reversed(LEFT):
        world.close()
    shutil.rmtree(OUT, ignore_errors=True)


if __name__ == '__main__':
    run([a_embedded, b_postgres_kafka_cassandra, c_spark_in_place_of_the_stream,
         d_airflow_runs_the_tasks], close)
