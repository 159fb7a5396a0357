#!/usr/bin/python3
"""cql_python - the Python driver against the CQL server.

  test/e2e/cql_python.py [--address HOST:PORT] [--protocol 3|4|5]

Connects, makes tables of all types, writes and reads, prepares, pages, batches, refreshes metadata,
makes mistakes, and comes back after a restart. The same cases hold for Apache Cassandra."""
import datetime
import decimal
import logging
import sys
import time
import uuid

import cql_support
from cql_support import Skip
from sluice_support import leave

try:
    import cassandra
    from cassandra import ConsistencyLevel, InvalidRequest, AlreadyExists
    from cassandra.cluster import Cluster, ExecutionProfile, EXEC_PROFILE_DEFAULT
    from cassandra.concurrent import execute_concurrent_with_args
    from cassandra.policies import ConstantReconnectionPolicy, RoundRobinPolicy, TokenAwarePolicy
    from cassandra.protocol import SyntaxException
    from cassandra.query import BatchStatement, BatchType, SimpleStatement
    from cassandra.util import Date, Duration, Time
except ImportError:
    print('SKIP cql_python: no python3-cassandra here')
    print('0 passed, 0 failed, 1 skipped')
    sys.exit(0)

logging.getLogger('cassandra').setLevel(logging.ERROR)
KS = 'e2e_python'
server = cql_support.Server(sys.argv)


def connect(**options):
    if '--protocol' in sys.argv:
        options.setdefault('protocol_version', int(sys.argv[sys.argv.index('--protocol') + 1]))
    profile = ExecutionProfile(load_balancing_policy=TokenAwarePolicy(RoundRobinPolicy()),
                               request_timeout=30)
    return Cluster([server.host], port=server.port,
                   execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                   reconnection_policy=ConstantReconnectionPolicy(0.2, None), **options)


cluster = connect()
session = cluster.connect()


def must_fail(kind, text, part=''):
    try:
        session.execute(text)
    except kind as err:
        assert part.lower() in str(err).lower(), '%r is not in: %s' % (part, err)
        return err
    raise AssertionError('%s went through' % text)


def connects_with_every_option():
    for options in ({'compression': 'lz4'}, {'compression': 'snappy'}, {'compression': False},
                    {'protocol_version': 4}, {'protocol_version': 3}):
        other = connect(**options)
        row = other.connect().execute("SELECT * FROM system.local WHERE key='local'").one()
        assert row.data_center == 'datacenter1' and row.host_id and row.schema_version
        other.shutdown()


def makes_a_keyspace():
    session.execute('DROP KEYSPACE IF EXISTS %s' % KS)
    session.execute("CREATE KEYSPACE %s WITH replication = "
                    "{'class': 'SimpleStrategy', 'replication_factor': 1}" % KS)
    session.set_keyspace(KS)
    assert session.execute('SELECT release_version FROM system.local').one()


SCALARS = [
    ('ascii', 'plain'), ('bigint', -2 ** 63), ('blob', b'\x00\xff\x80'), ('boolean', True),
    ('date', Date(datetime.date(2024, 2, 29))), ('decimal', decimal.Decimal('-12345.678900')),
    ('double', 1.5e300), ('duration', Duration(1, -2 + 4, 3)), ('float', 0.5),
    ('inet', '2001:db8::1'), ('int', -2 ** 31), ('smallint', -32768), ('text', 'Zażółć 🦆'),
    ('time', Time('13:14:15.123456789')),
    ('timestamp', datetime.datetime(2024, 1, 31, 10, 0, 0, 123000)),
    ('timeuuid', uuid.uuid1()), ('tinyint', -128), ('uuid', uuid.uuid4()),
    ('varchar', ''), ('varint', -10 ** 40),
]


def every_scalar_comes_back():
    cols = ', '.join('c_%s %s' % (t, t) for t, _ in SCALARS)
    session.execute('CREATE TABLE scalars (id int PRIMARY KEY, %s)' % cols)
    names = ', '.join('c_%s' % t for t, _ in SCALARS)
    marks = ', '.join('?' for _ in SCALARS)
    insert = session.prepare('INSERT INTO scalars (id, %s) VALUES (?, %s)' % (names, marks))
    session.execute(insert, [1] + [v for _, v in SCALARS])
    session.execute(insert, [2] + [None for _ in SCALARS])
    row = session.execute('SELECT * FROM scalars WHERE id = 1').one()
    for kind, value in SCALARS:
        assert getattr(row, 'c_' + kind) == value, (kind, getattr(row, 'c_' + kind), value)
    row = session.execute('SELECT * FROM scalars WHERE id = 2').one()
    assert all(getattr(row, 'c_' + kind) is None for kind, _ in SCALARS)


def collections_and_user_types_come_back():
    session.execute('CREATE TYPE point (x int, y frozen<list<text>>)')
    session.execute('CREATE TABLE nested (id int PRIMARY KEY, l list<int>, s set<text>, '
                    'm map<text, double>, f frozen<map<int, frozen<set<uuid>>>>, '
                    't tuple<int, text>, p frozen<point>)')
    insert = session.prepare('INSERT INTO nested (id, l, s, m, f, t, p) VALUES (?,?,?,?,?,?,?)')
    one = uuid.uuid4()
    session.execute(insert, (1, [3, 1, 2], {'b', 'a'}, {'k': 1.5}, {7: {one}}, (5, 'five'),
                             (1, ['a', 'b'])))
    row = session.execute('SELECT * FROM nested').one()
    assert row.l == [3, 1, 2] and set(row.s) == {'a', 'b'} and dict(row.m) == {'k': 1.5}
    assert set(row.f[7]) == {one} and row.t == (5, 'five')
    assert row.p.x == 1 and list(row.p.y) == ['a', 'b']
    session.execute("UPDATE nested SET l = l + [9], s = s - {'a'}, m['z'] = 2 WHERE id = 1")
    row = session.execute('SELECT l, s, m FROM nested').one()
    assert row.l == [3, 1, 2, 9] and set(row.s) == {'b'} and dict(row.m) == {'k': 1.5, 'z': 2.0}


def prepared_statements_bind():
    session.execute('CREATE TABLE events (tenant text, day date, at timeuuid, n int, '
                    'note text static, PRIMARY KEY ((tenant, day), at)) '
                    'WITH CLUSTERING ORDER BY (at DESC)')
    insert = session.prepare('INSERT INTO events (tenant, day, at, n) VALUES (?, ?, ?, ?)')
    assert sorted(insert.routing_key_indexes) == [0, 1]
    day = datetime.date(2024, 5, 1)
    for n in range(10):
        session.execute(insert, ('a', day, uuid.uuid1(), n))
    unset = () if cluster.protocol_version >= 4 else (None,)
    session.execute(insert.bind(('b', day, uuid.uuid1()) + unset))
    select = session.prepare('SELECT n FROM events WHERE tenant = :t AND day = :d LIMIT 3')
    rows = list(session.execute(select, {'t': 'a', 'd': day}))
    assert [r.n for r in rows] == [9, 8, 7], rows
    assert session.execute(select, ('b', day)).one().n is None


def pages_ten_thousand_rows():
    session.execute('CREATE TABLE pages (p int, c int, v text, PRIMARY KEY (p, c))')
    insert = session.prepare('INSERT INTO pages (p, c, v) VALUES (?, ?, ?)')
    execute_concurrent_with_args(session, insert, [(i % 3, i, 'v%d' % i) for i in range(10000)],
                                 concurrency=64)
    seen, count = set(), 0
    result = session.execute(SimpleStatement('SELECT c, v FROM pages', fetch_size=500))
    page_cnt = 1
    while True:
        for row in result.current_rows:
            assert row.v == 'v%d' % row.c
            seen.add(row.c)
            count += 1
        assert len(result.current_rows) <= 500
        if not result.has_more_pages:
            break
        result.fetch_next_page()
        page_cnt += 1
    assert count == 10000 and len(seen) == 10000, (count, len(seen))
    assert page_cnt >= 20
    select = session.prepare('SELECT c FROM pages WHERE p = ? ORDER BY c DESC')
    select.fetch_size = 100
    got = [row.c for row in session.execute(select, [1])]
    assert got == sorted((i for i in range(10000) if i % 3 == 1), reverse=True)
    assert session.execute('SELECT COUNT(*) FROM pages').one()[0] == 10000


def batches_are_one():
    session.execute('CREATE TABLE batched (id int PRIMARY KEY, v text)')
    insert = session.prepare('INSERT INTO batched (id, v) VALUES (?, ?)')
    for kind in (BatchType.LOGGED, BatchType.UNLOGGED):
        batch = BatchStatement(kind)
        for i in range(20):
            batch.add(insert, (i, kind.name))
        batch.add(SimpleStatement("INSERT INTO batched (id, v) VALUES (%s, %s)"), (100, kind.name))
        batch.add(SimpleStatement('DELETE FROM batched WHERE id = 0'))
        session.execute(batch)
        rows = {r.id: r.v for r in session.execute('SELECT * FROM batched')}
        assert rows == {i: kind.name for i in list(range(1, 20)) + [100]}, rows


def conditions_say_applied():
    session.execute('CREATE TABLE locks (id int PRIMARY KEY, owner text)')
    first = session.execute("INSERT INTO locks (id, owner) VALUES (1, 'a') IF NOT EXISTS")
    second = session.execute("INSERT INTO locks (id, owner) VALUES (1, 'b') IF NOT EXISTS")
    assert first.was_applied and not second.was_applied
    assert second.one().owner == 'a'
    take = session.prepare('UPDATE locks SET owner = ? WHERE id = ? IF owner = ?')
    assert not session.execute(take, ('c', 1, 'b')).was_applied
    assert session.execute(take, ('c', 1, 'a')).was_applied
    assert session.execute('SELECT owner FROM locks').one().owner == 'c'


def timestamps_and_ttl_hold():
    session.execute('CREATE TABLE timed (id int PRIMARY KEY, v int)')
    session.execute('INSERT INTO timed (id, v) VALUES (1, 1) USING TIMESTAMP 1000')
    session.execute('INSERT INTO timed (id, v) VALUES (1, 2) USING TIMESTAMP 999')
    row = session.execute('SELECT v, WRITETIME(v) FROM timed WHERE id = 1').one()
    assert row == (1, 1000), row
    session.execute('INSERT INTO timed (id, v) VALUES (2, 1) USING TTL 1')
    left = session.execute('SELECT TTL(v) FROM timed WHERE id = 2').one()[0]
    assert left in (0, 1)
    time.sleep(2.1)
    assert session.execute('SELECT * FROM timed WHERE id = 2').one() is None


def schema_events_refresh_metadata():
    other = connect()
    listener = other.connect()
    listener.execute('SELECT key FROM system.local')
    session.execute('CREATE TABLE seen (id int PRIMARY KEY, v text)')
    table_of = lambda: other.metadata.keyspaces[KS].tables.get('seen')
    wait_for(lambda: table_of() is not None, 'CREATED TABLE')
    session.execute('ALTER TABLE seen ADD w int')
    wait_for(lambda: 'w' in table_of().columns, 'UPDATED TABLE')
    session.execute('DROP TABLE seen')
    wait_for(lambda: table_of() is None, 'DROPPED TABLE')
    session.execute("CREATE KEYSPACE e2e_other WITH replication = "
                    "{'class': 'SimpleStrategy', 'replication_factor': 1}")
    wait_for(lambda: 'e2e_other' in other.metadata.keyspaces, 'CREATED KEYSPACE')
    session.execute('DROP KEYSPACE e2e_other')
    wait_for(lambda: 'e2e_other' not in other.metadata.keyspaces, 'DROPPED KEYSPACE')
    other.shutdown()


def wait_for(condition, what):
    until = time.time() + 10
    while not condition():
        assert time.time() < until, 'no event: %s' % what
        time.sleep(0.05)


def metadata_is_whole():
    cluster.refresh_schema_metadata()
    meta = cluster.metadata.keyspaces[KS]
    assert meta.replication_strategy.export_for_schema()
    events = meta.tables['events']
    assert [c.name for c in events.partition_key] == ['tenant', 'day']
    assert [c.name for c in events.clustering_key] == ['at']
    assert events.columns['note'].is_static and events.columns['at'].is_reversed
    assert meta.user_types['point'].field_names == ['x', 'y']
    assert 'frozen<point>' in meta.tables['nested'].columns['p'].cql_type
    assert meta.tables['nested'].columns['t'].cql_type == 'frozen<tuple<int, text>>'
    assert 'CREATE TABLE' in events.export_as_string()


def tokens_route():
    token_map = cluster.metadata.token_map
    assert token_map is not None
    hosts = cluster.metadata.get_replicas(KS, b'\x00\x00\x00\x01')
    assert len(hosts) == 1
    row = session.execute('SELECT token(id) FROM batched WHERE id = 1').one()
    assert row[0] == token_map.token_class.from_key(b'\x00\x00\x00\x01').value
    low = [r.id for r in session.execute('SELECT id FROM batched WHERE token(id) <= 0')]
    high = [r.id for r in session.execute('SELECT id FROM batched WHERE token(id) > 0')]
    assert sorted(low + high) == list(range(1, 20)) + [100]


def mistakes_have_their_class():
    must_fail(SyntaxException, 'SELEC * FROM pages', 'no viable alternative')
    must_fail(InvalidRequest, 'SELECT * FROM nowhere', 'nowhere')
    must_fail(InvalidRequest, 'SELECT * FROM no_ks.t', 'no_ks')
    must_fail(InvalidRequest, 'SELECT nope FROM pages', 'nope')
    must_fail(InvalidRequest, 'SELECT * FROM pages WHERE v = \'x\'', 'ALLOW FILTERING')
    must_fail(InvalidRequest, 'INSERT INTO pages (p) VALUES (1)', 'missing')
    must_fail(InvalidRequest, "INSERT INTO pages (p, c) VALUES ('x', 1)", 'p')
    must_fail(InvalidRequest, 'SELECT * FROM system_schema.scylla_tables', 'scylla_tables')
    err = must_fail(AlreadyExists, 'CREATE TABLE pages (id int PRIMARY KEY)')
    assert (err.keyspace, err.table) == (KS, 'pages'), (err.keyspace, err.table)
    must_fail(AlreadyExists, "CREATE KEYSPACE %s WITH replication = "
              "{'class': 'SimpleStrategy', 'replication_factor': 1}" % KS)
    insert = session.prepare('INSERT INTO pages (p, c, v) VALUES (?, ?, ?)')
    insert.column_metadata                                # the driver checks types; the server too
    must_fail(InvalidRequest, 'INSERT INTO pages (p, c) VALUES (?, ?)')


def describe_gives_cql_that_runs():
    rows = list(session.execute('DESCRIBE KEYSPACE %s' % KS))
    assert rows[0].type == 'keyspace' and rows[0].keyspace_name == KS
    kinds = {(r.type, r.name): r.create_statement for r in rows}
    for name in ('scalars', 'nested', 'events'):
        assert ('table', name) in kinds
    session.execute('DROP KEYSPACE IF EXISTS e2e_copy')
    for row in rows:
        if row.type in ('keyspace', 'type', 'table'):
            session.execute(row.create_statement.replace(KS, 'e2e_copy'))
    copy = {(r.type, r.name): r.create_statement.replace('e2e_copy', KS)
            for r in session.execute('DESCRIBE KEYSPACE e2e_copy')}
    assert {k: v for k, v in kinds.items() if k[0] == 'table'} == \
        {k: v for k, v in copy.items() if k[0] == 'table'}
    session.execute('DROP KEYSPACE e2e_copy')
    names = [r.name for r in session.execute('DESCRIBE KEYSPACES')]
    assert KS in names and 'system_schema' in names


def skipped_metadata_follows_the_schema():
    session.execute('CREATE TABLE widens (id int PRIMARY KEY, a int)')
    session.execute('INSERT INTO widens (id, a) VALUES (1, 2)')
    select = session.prepare('SELECT * FROM widens WHERE id = ?')
    assert session.execute(select, [1]).one() == (1, 2)
    session.execute('ALTER TABLE widens ADD b text')
    session.execute("UPDATE widens SET b = 'x' WHERE id = 1")
    row = session.execute('SELECT * FROM widens WHERE id = 1').one()
    assert row == (1, 2, 'x'), row
    if not server.ours:
        raise Skip('Cassandra itself gives the old columns on protocol 4')
    assert session.execute(select, [1]).one() == (1, 2, 'x')


def many_at_once():
    session.execute('CREATE TABLE many (id int PRIMARY KEY, v text)')
    insert = session.prepare('INSERT INTO many (id, v) VALUES (?, ?)')
    select = session.prepare('SELECT v FROM many WHERE id = ?')
    began = time.time()
    execute_concurrent_with_args(session, insert, [(i, 'x' * 100) for i in range(5000)],
                                 concurrency=128)
    wrote = time.time()
    results = execute_concurrent_with_args(session, select, [(i,) for i in range(5000)],
                                           concurrency=128)
    read = time.time()
    assert all(ok and rows.one().v == 'x' * 100 for ok, rows in results)
    print('     5,000 inserts %.0f/s, 5,000 selects %.0f/s' %
          (5000 / (wrote - began), 5000 / (read - wrote)))


def comes_back_after_a_restart():
    if not server.ours:
        raise Skip('not our server')
    global session
    select = session.prepare('SELECT v FROM many WHERE id = ?')
    assert session.execute(select, [1]).one()
    host_id = session.execute('SELECT host_id FROM system.local').one().host_id
    assert server.stop() == 0
    server.start()
    until = time.time() + 20
    while True:
        try:
            row = session.execute(select, [4999]).one()   # UNPREPARED inside, prepared again
            break
        except cassandra.cluster.NoHostAvailable:
            assert time.time() < until
            time.sleep(0.2)
    assert row.v == 'x' * 100
    assert session.execute('SELECT host_id FROM system.local').one().host_id == host_id
    assert session.execute('SELECT COUNT(*) FROM %s.pages' % KS).one()[0] == 10000


def nothing_is_lost_when_killed():
    if not server.ours:
        raise Skip('not our server')
    insert = session.prepare('INSERT INTO %s.many (id, v) VALUES (?, ?)' % KS)
    for i in range(6000, 6100):
        session.execute(insert, (i, 'acknowledged'))
    server.stop(9)
    server.start()
    other = connect()
    rows = other.connect(KS).execute('SELECT COUNT(*) FROM many').one()
    other.shutdown()
    assert rows[0] == 5100, rows


def cleans_up():
    other = connect()
    other.connect().execute('DROP KEYSPACE %s' % KS)
    assert KS not in other.metadata.keyspaces
    other.shutdown()


CASES = [
    connects_with_every_option, makes_a_keyspace, every_scalar_comes_back,
    collections_and_user_types_come_back, prepared_statements_bind, pages_ten_thousand_rows,
    batches_are_one, conditions_say_applied, timestamps_and_ttl_hold,
    schema_events_refresh_metadata, metadata_is_whole, tokens_route, mistakes_have_their_class,
    describe_gives_cql_that_runs, skipped_metadata_follows_the_schema, many_at_once,
    comes_back_after_a_restart, nothing_is_lost_when_killed, cleans_up,
]
code = cql_support.run(CASES)
cluster.shutdown()
server.close()
leave(code)
