#!/usr/bin/python3
"""doctor - `sluice doctor` beside the real systems: right settings, wrong ones, missing rights, and
nobody there; and that it makes nothing. `sluice plan` looks into them likewise.
"""
import http.server
import json
import os
import subprocess
import tempfile
import threading

import psycopg2

from peer_support import Peer, Skip, run, wait_for
from sluice_support import SLUICE

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster

PEERS = {}
FOLDER = tempfile.mkdtemp(prefix='sluice-doctor-')


def peer(name, key=None, **settings):
    key = key or name
    if key not in PEERS:
        try:
            PEERS[key] = Peer(name, **settings)
        except Skip as why:
            PEERS[key] = why
    if isinstance(PEERS[key], Skip):
        raise PEERS[key]
    return PEERS[key]


def doctor(conf):
    """Exit code and {tier: [finding]} of a sluice.yml with these lines."""
    path = os.path.join(FOLDER, 'sluice.yml')
    with open(path, 'w') as file:
        file.write(conf)
    done = subprocess.run([SLUICE, 'doctor', '--conf', path, '--format', 'json'], text=True,
                          capture_output=True, timeout=60)
    assert not done.stderr, done.stderr
    said = {}
    for finding in json.loads(done.stdout):
        assert (finding['state'] == 'ok') == (not finding['remedy']), finding
        said.setdefault(finding['tier'], []).append(finding)
    return done.returncode, said


def has(findings, state, *words):
    for finding in findings:
        if finding['state'] == state and all(word in finding['text'] for word in words):
            return
    raise AssertionError('no %s finding with %s in\n%s' % (state, words, json.dumps(findings, indent=1)))


def lacks(findings, state):
    for finding in findings:
        assert finding['state'] != state, finding


def sql(base, *statements):
    db = psycopg2.connect(base.at['url'])
    db.autocommit = True
    with db.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else None
    db.close()
    return rows


# ---- PostgreSQL ------------------------------------------------------------------------------

def a_good_postgresql_is_well_and_nothing_is_made():
    base = peer('postgres')
    code, said = doctor('landing: %s\n' % base.at['url'])
    assert code == 0, said
    has(said['landing'], 'ok', 'version: PostgreSQL')
    has(said['landing'], 'ok', 'wal_level is logical')
    has(said['landing'], 'ok', 'a connection for replication')
    has(said['landing'], 'warn', 'max_slot_wal_keep_size')
    lacks(said['landing'], 'bad')
    made = sql(base, "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_sluice%'")[0][0]
    slots = sql(base, 'SELECT count(*) FROM pg_replication_slots')[0][0]
    assert not made and not slots, 'the doctor made %d tables, %d slots' % (made, slots)


def wrong_settings_of_postgresql_are_told():
    base = peer('postgres', 'postgres-wrong', PG_SET='wal_level=replica wal_sender_timeout=2000 '
                'max_replication_slots=0 max_slot_wal_keep_size=512MB full_page_writes=off')
    code, said = doctor('landing: %s\n' % base.at['url'])
    assert code == 1
    has(said['landing'], 'bad', 'wal_level is replica')
    has(said['landing'], 'warn', 'all 0 replication slots')
    has(said['landing'], 'warn', 'wal_sender_timeout is 2000')
    has(said['landing'], 'warn', 'full_page_writes')
    has(said['landing'], 'ok', 'may keep 512 MB')


def a_poor_role_of_postgresql_is_told_what_it_lacks():
    base = peer('postgres')
    sql(base, "CREATE ROLE poor LOGIN PASSWORD 'poor-and-secret'",
        'REVOKE TEMP ON DATABASE sluice FROM PUBLIC')
    at = base.at['url'].replace('sluice:sluice@', 'poor:poor-and-secret@')
    code, said = doctor('landing: %s\n' % at)
    assert code == 1
    has(said['landing'], 'bad', 'may not make tables in schema public')
    has(said['landing'], 'bad', 'may not make temporary tables')
    has(said['landing'], 'bad', 'publication')
    has(said['landing'], 'bad', 'may not replicate')
    assert 'poor-and-secret' not in json.dumps(said)
    code, said = doctor('landing: %s\n' % at.replace('poor-and', 'another'))
    assert code == 1
    has(said['landing'], 'bad', 'password authentication failed')
    code, said = doctor('coord: %s\n' % at)
    assert code == 1
    has(said['coord'], 'bad', 'may not make schema sluice')


def a_slot_that_fell_behind_is_told():
    base = peer('postgres')
    sql(base, "SELECT pg_create_logical_replication_slot('sluice_sluice', 'pgoutput')")
    code, said = doctor('landing: %s\n' % base.at['url'])
    sql(base, "SELECT pg_drop_replication_slot('sluice_sluice')")
    assert code == 0
    has(said['landing'], 'ok', 'slot', 'not being read')


# ---- Kafka -----------------------------------------------------------------------------------

def kafka():
    return peer('kafka', KAFKA_SET='authorizer.class.name='
                'org.apache.kafka.metadata.authorizer.StandardAuthorizer '
                'allow.everyone.if.no.acl.found=true message.max.bytes=500000 '
                'unclean.leader.election.enable=true')


def kafka_tells_its_settings_and_nothing_is_made():
    at = kafka().at['bootstrap']
    code, said = doctor('log: kafka://%s\n' % at)
    assert code == 0, said
    has(said['log'], 'ok', 'reached: 1 broker')
    has(said['log'], 'ok', 'version: Kafka 4')
    has(said['log'], 'ok', 'topics may be made')
    has(said['log'], 'warn', 'message.max.bytes is 500000')
    has(said['log'], 'warn', 'a broker that was behind may become leader')
    code, said = doctor('log: {url: "kafka://%s", properties: {replication.factor: 3}}\n' % at)
    assert code == 1
    has(said['log'], 'bad', 'want 3 copies', '1 brokers')
    listed = subprocess.run(['kcat', '-b', at, '-L', '-J'], capture_output=True, text=True,
                            timeout=30, check=True)
    assert not json.loads(listed.stdout)['topics'], listed.stdout


def a_right_that_kafka_does_not_give_is_told():
    base = kafka()
    for rule, operation in (('--allow-principal', 'All'), ('--deny-principal', 'Create')):
        subprocess.run([base.script, 'tool', 'org.apache.kafka.tools.AclCommand',
                        '--bootstrap-server', base.at['bootstrap'], '--cluster', '--topic', '*',
                        '--add', rule, 'User:ANONYMOUS', '--operation', operation], check=True,
                       timeout=60, capture_output=True)
    code, said = doctor('log: kafka://%s\n' % base.at['bootstrap'])
    assert code == 1
    has(said['log'], 'bad', 'no topic may be made')


# ---- the registry ----------------------------------------------------------------------------

class Fake(http.server.BaseHTTPRequestHandler):
    """A registry that says what `answers` holds, by path."""
    answers, wants = {}, None

    def reply(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        del body
        code, text = self.answers.get(self.path, (404, '{"error_code":404,"message":"no"}'))
        if self.wants and self.headers.get('Authorization') != self.wants:
            code, text = 401, '{"error_code":401,"message":"who are you?"}'
        self.send_response(code)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = reply

    def log_message(self, *args):
        pass


def a_real_registry_is_well_and_nothing_is_made():
    base = peer('registry')
    code, said = doctor('registry: %s,http://127.0.0.1:1\n' % base.at['url'])
    assert code == 1                                    # of two addresses one is away
    has(said['registry'], 'ok', 'reached, 0 subjects')
    has(said['registry'], 'ok', 'compatibility of new subjects')
    has(said['registry'], 'ok', 'schemas may be registered')
    has(said['registry'], 'bad', '127.0.0.1:1')
    code, said = doctor('registry: %s\n' % base.at['url'])
    assert code == 0
    has(said['registry'], 'ok', 'reached, 0 subjects')
    code, said = doctor('registry: http://127.0.0.1:%s\n' % base.at['port'])
    assert code == 1                                    # without its path
    has(said['registry'], 'bad', 'no schema registry')


def rules_and_logins_of_a_registry_are_told():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Fake)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    at = 'http://127.0.0.1:%d' % server.server_port
    Fake.answers = {'/subjects': (200, '[]'), '/mode': (200, '{"mode":"READONLY"}'),
                    '/config': (200, '{"compatibilityLevel":"FULL"}'),
                    '/schemas/types': (200, '["AVRO"]'),
                    '/v1/metadata/version': (200, '{"version":"7.6.1","commitId":"x"}'),
                    '/subjects/sluice-doctor-value/versions': (403, '{}')}
    code, said = doctor('registry: %s\n' % at)
    assert code == 1
    has(said['registry'], 'ok', 'version: 7.6.1')
    has(said['registry'], 'bad', 'READONLY')
    has(said['registry'], 'bad', 'type JSON')
    has(said['registry'], 'bad', 'HTTP 403')
    has(said['registry'], 'warn', 'FULL')
    Fake.wants = 'Bearer not-a-guess'
    code, said = doctor('registry: %s\n' % at)
    assert code == 1
    has(said['registry'], 'bad', 'wants a login')
    code, said = doctor('registry: {url: "%s", properties: {bearer.auth.token: not-a-guess}}\n' % at)
    has(said['registry'], 'ok', 'reached')
    assert 'not-a-guess' not in json.dumps(said)
    server.shutdown()


# ---- Cassandra -------------------------------------------------------------------------------

def cassandra():
    base = peer('cassandra', CASSANDRA_AUTH='1')
    login = PlainTextAuthProvider('cassandra', 'cassandra')
    cluster = Cluster(['127.0.0.1'], port=int(base.at['port']), auth_provider=login)
    session = cluster.connect()
    session.default_timeout = 60
    return base.at['port'], cluster, session


def cassandra_tells_its_settings_and_nothing_is_made():
    port, cluster, session = cassandra()
    session.execute("CREATE KEYSPACE frail WITH replication = {'class': 'SimpleStrategy', "
                    "'replication_factor': 1} AND durable_writes = false")
    code, said = doctor('store: cassandra://cassandra:cassandra@127.0.0.1:%s/?rf=3\n' % port)
    assert code == 1
    has(said['store'], 'ok', 'version: Cassandra 5')
    has(said['store'], 'warn', 'commitlog_sync is periodic')
    has(said['store'], 'bad', 'frail', 'durable_writes')
    has(said['store'], 'bad', 'rf=3')
    has(said['store'], 'ok', 'keyspaces may be made')
    session.execute('DROP KEYSPACE frail')
    names = [row[0] for row in session.execute('SELECT keyspace_name FROM system_schema.keyspaces')]
    assert not [name for name in names if 'sluice' in name], names
    cluster.shutdown()


def a_poor_role_of_cassandra_is_told_what_it_lacks():
    port, cluster, session = cassandra()
    session.execute("CREATE ROLE poor WITH PASSWORD = 'poor-and-secret' AND LOGIN = true")
    code, said = doctor('store: cassandra://poor:poor-and-secret@127.0.0.1:%s\n' % port)
    assert code == 1
    has(said['store'], 'bad', 'no keyspace may be made')
    session.execute("CREATE KEYSPACE sluice WITH replication = {'class': 'SimpleStrategy', "
                    "'replication_factor': 1}")
    session.execute('CREATE TABLE sluice.state (owner text, name text, value blob, '
                    'PRIMARY KEY ((owner), name))')
    code, said = doctor('store: cassandra://poor:poor-and-secret@127.0.0.1:%s\n' % port)
    has(said['store'], 'warn', 'no keyspace may be made')
    has(said['store'], 'bad', 'rows may not be written')
    session.execute('GRANT MODIFY ON KEYSPACE sluice TO poor')
    session.execute('GRANT SELECT ON KEYSPACE sluice TO poor')
    conf = 'store: cassandra://poor:poor-and-secret@127.0.0.1:%s\n' % port

    def may_write():        # rights are remembered for some seconds
        return any('rows may be written' in one['text'] for one in doctor(conf)[1]['store'])
    wait_for('the right', may_write, 20)
    code, said = doctor('store: cassandra://poor:not-at-all@127.0.0.1:%s/?wait=3s\n' % port)
    assert code == 1
    assert 'not-at-all' not in json.dumps(said)
    cluster.shutdown()


# ---- ZooKeeper, and nobody -------------------------------------------------------------------

def zookeeper_tells_its_settings_and_nothing_is_made():
    base = peer('zookeeper', ZK_SET='maxSessionTimeout=2000')
    at = base.at['connect']
    code, said = doctor('coord: zookeeper://%s,127.0.0.1:1/of/ours\n' % at)
    assert code == 0, said
    has(said['coord'], 'ok', 'reached: version 3.9')
    has(said['coord'], 'warn', '127.0.0.1:1 does not answer')
    has(said['coord'], 'warn', 'sessions last 2000 ms')
    has(said['coord'], 'ok', 'children may be made')
    has(said['coord'], 'warn', '2 ZooKeeper servers')


def nobody_there_is_told_soon_for_every_tier():
    code, said = doctor('landing: postgresql://x@127.0.0.1:1/x\nlog: kafka://127.0.0.1:1\n'
                        'registry: http://127.0.0.1:1\nstore: cassandra://127.0.0.1:1\n'
                        'coord: zookeeper://127.0.0.1:1/x\n')
    assert code == 1
    for tier in ('landing', 'log', 'registry', 'store', 'coord'):
        has(said[tier], 'bad')


def close():
    for one in PEERS.values():
        if isinstance(one, Peer):
            one.close()


if __name__ == '__main__':
    run([a_good_postgresql_is_well_and_nothing_is_made, wrong_settings_of_postgresql_are_told,
         a_poor_role_of_postgresql_is_told_what_it_lacks, a_slot_that_fell_behind_is_told,
         kafka_tells_its_settings_and_nothing_is_made, a_right_that_kafka_does_not_give_is_told,
         a_real_registry_is_well_and_nothing_is_made, rules_and_logins_of_a_registry_are_told,
         cassandra_tells_its_settings_and_nothing_is_made,
         a_poor_role_of_cassandra_is_told_what_it_lacks,
         zookeeper_tells_its_settings_and_nothing_is_made, nobody_there_is_told_soon_for_every_tier],
        close)
