#!/usr/bin/env python3
"""export - what `sluice export` writes, in the systems it is written for.

Spark, Airflow and Debezium come by peers/spark.sh, airflow.sh and debezium.sh. What the exported job
and DAG make of the same users as sluice itself is worlds.py's.
"""
import datetime
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from peer_support import HERE, Peer, run, wait_for
from sluice_support import SLUICE, Skip, Sluice

PIPELINE = '''pipeline: people_test
schedule: "30 6 * * MON-FRI"
timezone: Europe/Zurich
retries: 5
retry_delay: 20s
fetch:
  raw_users:
    url: people:?results=200&seed=7
    rows: results[*]
    key: login.uuid
    retries: 2
capture:
  users: raw_users
transform:
  k.people:
    key: id uuid
    sql: |
      SELECT login.uuid AS id, upper(name.first) AS first, dob.age AS age, -- FROM STREAM here, no
        concat_ws(', ', location.city, ' FROM STREAM x', location.country) AS place,
        CAST(location.postcode AS STRING) AS code, login.sha256 AS sha
      FROM STREAM users WHERE dob.age > 30
    expect:
      abroad: place NOT LIKE '%Switzerland'
      grown: {that: age < 70, else: drop}
'''
FIVE = '''
import datetime, importlib.util, json, sys
spec = importlib.util.spec_from_file_location('job', sys.argv[1])
job = importlib.util.module_from_spec(spec)
spec.loader.exec_module(job)
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[2])
assert not bag.import_errors, bag.import_errors
dag = bag.dags['people_test']
from airflow.timetables.base import TimeRestriction
from airflow.serialization.serialized_objects import DagSerialization
task = dag.task_dict['raw_users']
dag = DagSerialization.from_dict(DagSerialization.to_dict(dag))
import pendulum
start, last, out = pendulum.datetime(2027, 3, 25, tz='UTC'), None, []
for _ in range(5):
    info = dag.timetable.next_dagrun_info(
        last_automated_data_interval=last,
        restriction=TimeRestriction(earliest=start, latest=None, catchup=True))
    last = info.data_interval
    out.append(info.run_after.isoformat())
print(json.dumps({'runs': out, 'retries': task.retries,
                  'delay': task.retry_delay.total_seconds()}))
'''
OUT = tempfile.mkdtemp(prefix='sluice-export-')
LEFT = []
CONNECT = []
SECRET = 'hunter2secret'         # a word that is nowhere else: it is blotted out


def sluice():
    if not LEFT:
        server = Sluice([PIPELINE], verb='serve')
        server.start()
        LEFT.append(server)
        done = server.cli('task', 'run', 'people_test', 'raw_users')
        assert done.returncode == 0, done.stderr
        wait_for('the table', lambda: rows_of(server), 20)
    return LEFT[0]


def rows_of(server):
    from cassandra.cluster import Cluster
    host, port = server.at['cql'].split(':')
    cluster = Cluster([host], port=int(port))
    try:
        rows = cluster.connect().execute('SELECT id, first, age, place, code, sha FROM k.people')
        return sorted([str(r.id), r.first, r.age, r.place, r.code, r.sha] for r in rows)
    except Exception:                                   # pylint: disable=broad-except
        return []
    finally:
        cluster.shutdown()


def records(server, topic):
    out = subprocess.run(['kcat', '-b', server.at['kafka'], '-C', '-t', topic, '-e', '-q'],
                         capture_output=True, text=True, timeout=60, check=True)
    return out.stdout.splitlines()


def export(kind, *more, **conf):
    server = sluice()
    path = os.path.join(OUT, kind + ('.json' if kind == 'connect' else '_export.py'))
    done = server.cli('export', kind, server.pipelines[0], '--out', path, *more)
    assert done.returncode == 0, done.stderr
    return path, done.stderr


def spark(*words):
    """A program by spark-submit, when Spark can be had."""
    done = subprocess.run([os.path.join(HERE, 'peers', 'spark.sh'), 'submit'] + list(words),
                          capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == 77:
        raise Skip(done.stderr.strip().split('\n')[-1])
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def the_spark_job_makes_the_same_rows():
    server = sluice()
    job, said = export('spark')
    assert "'k.people': a value that cannot be cast" in said, said
    sample = os.path.join(OUT, 'sample.json')
    values = records(server, 'users')
    assert len(values) == 200
    with open(sample, 'w') as file:
        file.write('\n'.join(values + ['{broken', '[1]']) + '\n')
    out = spark(job, '--sample', sample)
    lines = [json.loads(line) for line in out.splitlines() if line.startswith('{')]
    theirs = sorted(list(line['row'].values()) for line in lines if 'row' in line)
    ours = rows_of(server)
    assert len(ours) > 20 and theirs == ours, (len(theirs), len(ours), theirs[:2], ours[:2])
    bad = [line['bad']['__verdict'] for line in lines if 'bad' in line]
    quarantined = [one for one in bad if one['otherwise'] == 'quarantine']
    assert sum(one['check'] == 'json' for one in quarantined) == 2, quarantined
    others = [one for one in quarantined if one['check'] != 'json']
    assert len(others) == len(records(server, 'people.quarantine')) > 0, len(others)
    assert others[0]['reason'] == "place NOT LIKE '%Switzerland' is false", others[0]
    assert any(one['check'] == 'grown' and one['otherwise'] == 'drop' for one in bad)
    print('# %d rows alike, %d quarantined alike' % (len(ours), len(others)))


def a_secret_is_not_in_the_job_and_no_other_word_is_blotted_out():
    conf = os.path.join(OUT, 'secrets.yml')
    with open(conf, 'w') as file:
        file.write('landing: postgresql://sluice:sluice@127.0.0.1:1/people\n'
                   'log: {url: "kafka://127.0.0.1:1", properties: {sasl.username: people,\n'
                   '  sasl.password: "secret:log_password", client.id: mine}}\n')
    os.environ['SLUICE_SECRET_LOG_PASSWORD'] = 'people_test'    # the pipeline's name, too
    try:
        path, said = export('spark', '--conf', conf)
    finally:
        del os.environ['SLUICE_SECRET_LOG_PASSWORD']
    with open(path) as file:
        text = file.read()
    assert '***' not in text and "NAME = 'people_test'" in text and '__sluice' in text
    assert "'kafka.sasl.password': os.environ['KAFKA_SASL_PASSWORD']" in text, text[:2000]
    assert "'kafka.client.id': 'mine'" in text and 'KAFKA_SASL_PASSWORD' in said, said
    compile(text, path, 'exec')


def airflow(*words):
    """Python with Airflow and a home of its own, when it can be had."""
    home = os.path.join(OUT, 'airflow')
    done = subprocess.run([os.path.join(HERE, 'peers', 'airflow.sh'), 'python', home] + list(words),
                          capture_output=True, text=True, timeout=900, check=False)
    if done.returncode == 77:
        raise Skip(done.stderr.strip().split('\n')[-1])
    return done


def the_dag_imports_with_the_same_schedule():
    dags = os.path.join(OUT, 'dags')
    os.makedirs(dags, exist_ok=True)
    shutil.copy(export('airflow')[0], os.path.join(dags, 'people.py'))
    program = os.path.join(OUT, 'five.py')
    with open(program, 'w') as file:
        file.write(FIVE)
    done = airflow(program, os.path.join(dags, 'people.py'), dags)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said['retries'] == 2 and said['delay'] == 20, said
    # 06:30 in Zurich is 05:30 UTC, and 04:30 from Sunday 2027-03-28 on
    want = ['2027-03-25T05:30', '2027-03-26T05:30', '2027-03-29T04:30', '2027-03-30T04:30',
            '2027-03-31T04:30']
    got = [datetime.datetime.fromisoformat(when).astimezone(datetime.timezone.utc)
           .strftime('%Y-%m-%dT%H:%M') for when in said['runs']]
    assert got == want, got


def a_task_of_the_dag_runs():
    server = sluice()
    before = len(server.call('GET', '/api/v2/dags/people_test/dagRuns')['dag_runs'])
    env = {'PATH': os.path.dirname(SLUICE) + ':' + os.environ['PATH'], 'SLUICE_DATA': server.data}
    os.environ.update(env)
    done = airflow('-c', 'import importlib.util as u, sys\n'
                   's = u.spec_from_file_location("j", sys.argv[1])\n'
                   'm = u.module_from_spec(s); s.loader.exec_module(m)\n'
                   'd = m.dag\n'
                   't = d.task_dict["raw_users"]\n'
                   'print(t.execute({}))\n', os.path.join(OUT, 'dags', 'people.py'))
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-2000:]
    runs = server.call('GET', '/api/v2/dags/people_test/dagRuns')['dag_runs']
    assert len(runs) == before + 1 and {one['state'] for one in runs} == {'success'}, runs


def one_task_is_tried_once_and_its_outcome_is_the_exit_code():
    text = '''pipeline: two_tasks
retries: 3
fetch:
  good: {url: "people:?results=3", rows: "results[*]", key: login.uuid}
  bad: {url: "http://127.0.0.1:1/", rows: "results[*]", retries: 3}
'''
    server = Sluice([text], verb='serve')
    try:
        server.start()
        assert server.cli('task', 'run', 'two_tasks', 'good').returncode == 0
        bad = server.cli('task', 'run', 'two_tasks', 'bad')
        assert bad.returncode == 1 and json.loads(bad.stdout)['state'] == 'failed', bad
        assert server.cli('task', 'run', 'two_tasks', 'none').returncode == 1
        tries = server.call('GET', '/api/v2/dags/two_tasks/dagRuns/~/taskInstances')
        states = sorted((one['task_id'], one['state'], one['try_number'])
                        for one in tries['task_instances'])
        assert states == [('bad', 'failed', 1), ('bad', 'skipped', 1), ('good', 'skipped', 1),
                          ('good', 'success', 1)], states
    finally:
        server.close()


def the_connector_has_what_debezium_asks_for():
    conf = os.path.join(OUT, 'swapped.yml')
    with open(conf, 'w') as file:
        file.write('landing: postgresql://me:hunter2secret@db1:5433/raw\n')
    path, said = export('connect', '--conf', conf)
    with open(path) as file:
        text = file.read()
    assert 'hunter2secret' not in text + said
    made = json.loads(text)
    config = made['config']
    assert config['database.hostname'] == 'db1' and config['database.port'] == '5433', config
    assert config['table.include.list'] == 'public\\.raw_users', config
    assert config['transforms.route.replacement'] == 'users', config
    verdict = ask(connect(), 'PUT', '/connector-plugins/io.debezium.connector.postgresql.'
                  'PostgresConnector/config/validate', dict(config, name='x'))
    wrong = [(one['value']['name'], one['value']['errors']) for one in verdict['configs']
             if one['value']['errors']]
    # That the database of the example cannot be reached is no fault of the configuration.
    wrong = [one for one in wrong if not one[0].startswith('database.')]
    assert len(verdict['configs']) > 100 and not wrong, wrong
    verdict = ask(connect(), 'PUT', '/connector-plugins/io.debezium.connector.postgresql.'
                  'PostgresConnector/config/validate',
                  {**config, 'name': 'x', 'snapshot.mode': 'initail'})
    assert any(one['value']['errors'] for one in verdict['configs']
               if one['value']['name'] == 'snapshot.mode'), 'nothing was validated'


def ask(address, method, path, body=None):
    request = urllib.request.Request('http://' + address + path, method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={'Content-Type': 'application/json'})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b'null')
    except urllib.error.HTTPError as err:
        raise AssertionError('%s %s: %s' % (method, path, err.read().decode()[:1000])) from err


def connect():
    """A Connect worker with Debezium's connector; its Kafka is a sluice without pipelines."""
    if not CONNECT:
        empty = Sluice(['pipeline: empty\n'], verb='serve')
        CONNECT.append(empty)
        empty.start()
        CONNECT.append(Peer('debezium', BOOTSTRAP=empty.at['kafka'], SLUICE_PG_PASSWORD=SECRET))
    return CONNECT[1].at['connect']


def the_connector_gives_the_same_rows():
    address, database = connect(), Peer('postgres')
    at = database.at
    subprocess.run(['psql', '-qX', '-h', at['socket'], '-p', at['port'], '-U', 'sluice', '-d',
                    'sluice', '-c', "CREATE ROLE me SUPERUSER LOGIN PASSWORD '%s'" % SECRET],
                   check=True, timeout=30)
    url = 'postgresql://me:%s@127.0.0.1:%s/sluice' % (SECRET, at['port'])
    server = Sluice([PIPELINE], verb='serve', conf='landing: %s\n' % url)
    try:
        server.start()
        assert server.cli('task', 'run', 'people_test', 'raw_users').returncode == 0
        ours = wait_for('our records', lambda: of_length(records(server, 'users'), 200), 30)
        path = os.path.join(OUT, 'connect.json')
        done = server.cli('export', 'connect', server.pipelines[0], '--out', path, '--conf',
                          server.conf)
        assert done.returncode == 0, done.stderr
        with open(path) as file:
            made = ask(address, 'POST', '/connectors', json.load(file))
        kafka = CONNECT[0]
        wait_for('the topic', lambda: 'users' in kafka.cli('topic').stdout, 90)
        theirs = wait_for('its records', lambda: of_length(records(kafka, 'users'), 200), 60)
        ask(address, 'DELETE', '/connectors/' + made['name'])
        assert by_key(ours) == by_key(theirs), 'rows differ'
    finally:
        server.close()
        database.close()


def of_length(lines, cnt):
    return lines if len(lines) == cnt else None


def by_key(lines):
    """Rows by key. Debezium gives a column of JSON as a string, and names a key's own column."""
    rows = {}
    for line in lines:
        row = {name: plain(value) for name, value in json.loads(line).items()}
        key = row.pop('login.uuid', None) or row['login']['uuid']
        rows[key] = {name: value for name, value in row.items() if value is not None}
    return rows


def plain(value):
    if isinstance(value, str) and value[:1] in ('{', '['):
        return json.loads(value)
    return value


def close():
    for server in LEFT + CONNECT[::-1]:
        server.close()
    shutil.rmtree(OUT, ignore_errors=True)


run([one_task_is_tried_once_and_its_outcome_is_the_exit_code, the_spark_job_makes_the_same_rows,
     a_secret_is_not_in_the_job_and_no_other_word_is_blotted_out,
     the_dag_imports_with_the_same_schedule, a_task_of_the_dag_runs,
     the_connector_has_what_debezium_asks_for, the_connector_gives_the_same_rows], close)
