"""demo - the main job as a user runs it: from the API to rows, other people's clients reading along."""
import http.server
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.error
import uuid

from sluice_support import SLUICE, TOP, Skip, Sluice, run, wait_for

EXAMPLE = os.path.join(TOP, 'examples', 'users.yml')
told = []


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook that keeps what it is told."""

    def do_POST(self):
        told.append((self.path, json.loads(self.rfile.read(int(self.headers['Content-Length'])))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


receiver = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
HOOK = 'http://127.0.0.1:%d' % receiver.server_address[1]
with open(EXAMPLE) as example:
    PIPELINE = example.read().replace('every 10s', 'every 2s') + '  some_rows: created_users.rows > 10\n'
sluice = Sluice([PIPELINE], options=['--offline'],
                conf='receivers: {hook: {webhook: %s/hook}, am: {alertmanager: %s}}\n' % (HOOK, HOOK))


def rows_in_table():
    nodes = sluice.get('ui', '/ui/tables')['tables']
    return sum(t['rows'] for t in nodes if t['name'] == 'spark_streams.created_users')


def driver():
    try:
        from cassandra.cluster import Cluster
    except ImportError:
        raise Skip('no python3-cassandra')
    host, port = sluice.at['cql'].split(':')
    return Cluster([host], port=int(port), protocol_version=4)


def it_starts_and_every_door_answers():
    began = time.time()
    sluice.start()
    assert time.time() - began < 10
    assert sluice.get('http', '/health')['status'] in ('ok', 'warn')
    assert sluice.get('ui', '/health')['tiers']['log']['state'] == 'ok'
    assert sluice.get('registry', '/') == {}
    assert b'sluice_' in sluice.get('ui', '/metrics', raw=True)
    assert b'<div id="app">' in sluice.get('ui', '/', raw=True)
    people = sluice.get('http', '/api/?results=3&seed=abc')
    assert len(people['results']) == 3 and people['info']['seed'] == 'abc'


def rows_reach_the_table():
    wait_for('rows in the table', lambda: rows_in_table() >= 200, 40)


def kcat_prints_users():
    if not shutil.which('kcat'):
        raise Skip('no kcat')
    out = subprocess.run(['kcat', '-b', sluice.at['kafka'], '-t', 'users_created', '-C', '-c', '10',
                          '-q'], capture_output=True, text=True, timeout=30)
    users = [json.loads(line) for line in out.stdout.splitlines()]
    assert len(users) == 10 and all(u['login']['uuid'] for u in users), out


def the_cassandra_driver_selects_by_id_what_the_api_sent():
    cluster = driver()
    session = cluster.connect()
    with sqlite3.connect('file:%s/landing.db?mode=ro' % sluice.data, uri=True) as db:
        landed = db.execute('SELECT login, name, location, email, dob, registered, phone, picture, '
                            'gender FROM raw_users LIMIT 100').fetchall()
    kinds = set()
    select = session.prepare('SELECT * FROM spark_streams.created_users WHERE id = ?')
    for login, name, location, email, dob, registered, phone, picture, gender in landed:
        login, name, location = json.loads(login), json.loads(name), json.loads(location)
        row = wait_for('row', lambda: session.execute(select, [uuid.UUID(login['uuid'])]).one(), 10)
        street = location['street']
        kinds.add(type(location['postcode']))
        assert (row.first_name, row.last_name, row.gender) == (name['first'], name['last'], gender)
        assert row.address == ', '.join(['%d %s' % (street['number'], street['name']),
                                         location['city'], location['state'], location['country']])
        assert row.post_code == str(location['postcode']), (row, location)
        assert row.email == email.lower() and row.username == login['username']
        assert row.dob == json.loads(dob)['date'] and row.phone == phone
        assert row.registered_date == json.loads(registered)['date']
        assert row.picture == json.loads(picture)['medium']
    assert len(landed) == 100 and kinds == {int, str}, kinds
    everything = list(session.execute('SELECT id FROM spark_streams.created_users'))
    assert len(everything) >= 200
    cluster.shutdown()


def another_programs_write_is_captured():
    with sqlite3.connect('%s/landing.db' % sluice.data, timeout=10) as db:
        key = db.execute('SELECT "login.uuid" FROM raw_users LIMIT 1').fetchone()[0]
        db.execute('UPDATE raw_users SET phone = ? WHERE "login.uuid" = ?', ('12345', key))
    def changed():
        rows = sluice.get('http', '/ui/tables/store/spark_streams.created_users/rows?limit=5&q=' + key)
        names = [c['name'] for c in rows['columns']]
        return any(r[names.index('phone')] == '12345' for r in rows['rows'])
    wait_for('the changed phone in the table', changed, 15)


def a_row_that_fails_a_check_is_in_quarantine_with_its_reason():
    with sqlite3.connect('%s/landing.db' % sluice.data, timeout=10) as db:
        key = db.execute('SELECT "login.uuid" FROM raw_users ORDER BY 1 DESC LIMIT 1').fetchone()[0]
        db.execute('UPDATE raw_users SET email = ? WHERE "login.uuid" = ?', ('nonsense', key))
    def put_aside():
        found = sluice.get('http', '/ui/quarantine/created_users')['records']
        return [r for r in found if r['check'] == 'valid_email' and key in (r['value'] or '')]
    record = wait_for('the record in quarantine', put_aside, 15)[0]
    assert record['source']['topic'] == 'users_created' and record['reason'], record
    assert json.loads(record['value'])['email'] == 'nonsense'


def the_schema_is_registered():
    subjects = sluice.get('registry', '/subjects')
    assert 'users_created-value' in subjects, subjects
    schema = sluice.get('registry', '/subjects/users_created-value/versions/latest')
    assert 'postcode' in schema['schema'] and schema['schemaType'] == 'JSON'


def a_run_is_triggered_by_rest_and_cli():
    try:
        sluice.call('POST', '/api/v2/dags/user_automation/dagRuns', {'logical_date': None}, token=False)
        assert False, 'a write without the token went through'
    except urllib.error.HTTPError as err:
        assert err.code == 401
    made = sluice.call('POST', '/api/v2/dags/user_automation/dagRuns', {'logical_date': None})
    path = '/api/v2/dags/user_automation/dagRuns/' + made['dag_run_id'].replace('+', '%2B')
    wait_for('the run', lambda: sluice.get('http', path)['state'] == 'success', 20)
    out = sluice.cli('run', 'user_automation')
    assert out.returncode == 0 and 'success' in out.stdout, out


def the_cli_shows_everything():
    for words, want in ((['topic'], 'users_created'), (['group'], 'GROUP'), (['table'], 'raw_users'),
                        (['table', 'spark_streams.created_users'], 'first_name'),
                        (['dag'], 'user_automation'), (['task', 'user_automation'], 'raw_users'),
                        (['quarantine'], 'created_users'), (['tap', 'users_created', '--newest'], '{'),
                        (['tap', 'users_created', '--count', '1', '--format', 'json'], '"offset"')):
        out = sluice.cli(*words)
        assert out.returncode == 0 and want in out.stdout, (words, out)
    out = sluice.cli('topik')
    assert out.returncode == 2 and "did you mean 'topic'" in out.stderr


def an_alert_fires_at_a_webhook_and_at_alertmanager():
    wait_for('the alert', lambda: [p for p, _ in told if p == '/hook'] and
             [p for p, _ in told if p == '/api/v2/alerts'], 20)
    hook = next(b for p, b in told if p == '/hook')
    assert hook['version'] == '4' and hook['status'] == 'firing', hook
    assert hook['alerts'][0]['labels']['alertname'] == 'some_rows'
    manager = next(b for p, b in told if p == '/api/v2/alerts')
    assert manager[0]['labels']['alertname'] == 'some_rows' and manager[0]['startsAt']
    rules = sluice.get('ui', '/ui/alerts')['rules']
    assert [r['state'] for r in rules if r['name'] == 'some_rows'] == ['firing']


def a_foreign_origin_and_host_are_refused():
    import http.client
    for headers in ({'Host': 'evil.example'}, {'Origin': 'http://evil.example'}):
        link = http.client.HTTPConnection(sluice.at['http'])
        link.request('GET', '/ui/graph', headers=headers)
        assert link.getresponse().status == 403, headers
        link.close()


def it_resumes_after_kill_9():
    before = rows_in_table()
    sluice.stop(9)
    sluice.start()
    wait_for('more rows than before', lambda: rows_in_table() > before, 30)


def check_places_every_mistake():
    folder = tempfile.mkdtemp(prefix='sluice-check-')
    path = os.path.join(folder, 'bad.yml')
    with open(path, 'w') as file:
        file.write('pipeline: p\nfetch:\n  t:\n    ur: https://x/\ncapture:\n  c: tt\ntransform:\n'
                   '  k.t:\n    key: id\n    sql: |\n      SELECT uper(x) AS id,\n        FROM STREAM c\n'
                   'alert:\n  a: t.agee > 1\n')
    out = subprocess.run([SLUICE, 'check', path], capture_output=True, text=True)
    shutil.rmtree(folder)
    assert out.returncode == 1
    for want in ('bad.yml:4:5', "did you mean 'url'", 'bad.yml:6:6', "did you mean 't'", 'bad.yml:14:6'):
        assert want in out.stdout, (want, out.stdout)
    out = subprocess.run([SLUICE, 'check', EXAMPLE], capture_output=True, text=True)
    assert out.returncode == 0, out
    out = subprocess.run([SLUICE, 'plan', EXAMPLE], capture_output=True, text=True)
    assert out.returncode == 0 and 'created_users.quarantine' in out.stdout, out


def a_timed_run_ends_with_a_summary_and_takes_free_ports():
    held = socket.socket()
    held.bind(('127.0.0.1', 0))
    held.listen()
    folder = tempfile.mkdtemp(prefix='sluice-for-')
    conf = os.path.join(folder, 'sluice.yml')
    with open(conf, 'w') as file:
        file.write('ports: {kafka: %d, cql: 0, registry: 0, http: 0, ui: 0}\n' % held.getsockname()[1])
    pipeline = os.path.join(folder, 'p.yml')
    with open(pipeline, 'w') as file:
        file.write(PIPELINE)
    out = subprocess.run([SLUICE, 'dev', pipeline, '--offline', '--for', '6s', '--conf', conf, '--data',
                          os.path.join(folder, 'data')], capture_output=True, text=True, timeout=60)
    held.close()
    shutil.rmtree(folder)
    assert out.returncode == 0, out
    assert 'Every hop moved' in out.stdout and 'rows in tables' in out.stdout
    assert 'is in use by' in out.stderr and 'python3' in out.stderr, out.stderr


def it_stops_cleanly():
    assert sluice.stop() == 0, sluice.log()[-2000:]


run([it_starts_and_every_door_answers, rows_reach_the_table, kcat_prints_users,
     the_cassandra_driver_selects_by_id_what_the_api_sent, another_programs_write_is_captured,
     a_row_that_fails_a_check_is_in_quarantine_with_its_reason, the_schema_is_registered,
     a_run_is_triggered_by_rest_and_cli, the_cli_shows_everything,
     an_alert_fires_at_a_webhook_and_at_alertmanager, a_foreign_origin_and_host_are_refused,
     it_resumes_after_kill_9, check_places_every_mistake,
     a_timed_run_ends_with_a_summary_and_takes_free_ports, it_stops_cleanly], sluice.close)
