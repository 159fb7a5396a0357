#!/usr/bin/python3
"""faults - every tier on the other side away, slow, silent, full, refusing, or talking nonsense: the
pipeline waits and says so, keeps landing into its quota, loses nothing, and catches up alone.

One world (PostgreSQL, Kafka, Cassandra, a registry) behind a gate each serves most cases.
"""
import collections
import json
import time

from fault_support import Gate, NONSENSE
from peer_support import Peer, free_port, run, wait_for
from sluice_support import Sluice
from world_support import World

PIPELINE = """pipeline: people_%(n)d
schedule: every 300ms
fetch:
  raw_%(n)d:
    url: people:?results=20
    rows: results[*]
    key: login.uuid
capture:
  made_%(n)d: {table: raw_%(n)d, partitions: 2}
transform:
  faults_%(n)d.people:
    key: id uuid
    sql: SELECT login.uuid AS id, email FROM STREAM made_%(n)d
"""
TIERS = {'postgres': 'landing', 'kafka': 'log', 'registry': 'registry', 'cassandra': 'store'}
MEMORY_MIB = 400            # of sluice, whatever the other side says
GATES, STATE = {}, {'n': 0}


def world(gated=tuple(TIERS), conf=''):
    """A fresh pipeline over the peers, which are started once; those in `gated` behind gates."""
    if 'peers' not in STATE:
        STATE['peers'] = peers = {}
        for name in ('postgres', 'kafka', 'cassandra', 'registry'):
            settings = {}
            if name == 'kafka':
                GATES[name] = Gate()
                settings = {'KAFKA_HEAP': '384m', 'KAFKA_SET': 'advertised.listeners='
                            'PLAINTEXT://127.0.0.1:%d' % GATES[name].port}
                port = GATES[name].to = free_port()
                peers[name] = Peer(name, port, **settings)
                continue
            if name == 'cassandra':
                settings = {'CASSANDRA_AUTH': '1', 'CASSANDRA_HEAP': '768m'}
            peers[name] = Peer(name, **settings)
            GATES[name] = Gate(int(peers[name].at['port']))
    STATE['n'] += 1
    for gate in GATES.values():
        gate.mode = 'pass'
    ways = {name: '127.0.0.1:%d' % GATES[name].port for name in gated}
    made = Faulty([PIPELINE % {'n': STATE['n']}], peers=STATE['peers'],
                  database='faults_%d' % STATE['n'], ways=ways, conf=conf)
    made.table, made.topic = 'raw_%d' % STATE['n'], 'made_%d' % STATE['n']
    made.rows_of, made.dag = 'faults_%d.people' % STATE['n'], 'people_%d' % STATE['n']
    return made


class Faulty(World):
    """A world whose store wants a login, with what these cases ask of it."""

    def joined(self, ways):
        return super().joined(ways).replace('cassandra://', 'cassandra://cassandra:cassandra@') \
            .replace('wait=60s', 'wait=3s')

    def session(self):
        if 'session' not in STATE:
            STATE['session'] = session_of(STATE['peers']['cassandra'].at['port'])
        return STATE['session']

    def health(self):
        return self.sluice.get('ui', '/health')

    def tier(self, name):
        return self.health()['tiers'].get(name, {'state': 'error'})

    def state_is(self, tier, state, seconds=30):
        wait_for('%s to be %s' % (tier, state), lambda: self.tier(tier)['state'] == state, seconds)

    def count(self):
        found = self.psql("SELECT to_regclass('%s')" % self.table)[1]
        return int(self.psql('SELECT count(*) FROM ' + self.table)[1][0]) if found[0] else 0

    def more(self, rows=60, seconds=30):
        """Waits until so many rows landed besides those that are there."""
        before = self.count()
        wait_for('%d rows more' % rows, lambda: self.count() >= before + rows, seconds)

    def alive(self):
        code = self.sluice.process.poll()
        assert code is None, 'sluice ended with %s:\n%s' % (code, self.sluice.log()[-2000:])
        rss = self.sluice.rss_kib() // 1024
        assert rss < MEMORY_MIB, '%d MiB resident' % rss
        return rss

    def still(self):
        """Waits until nothing lands any more: a try that is at work may."""
        before, since = -1, time.time()
        while time.time() - since < 1.5:
            now = self.count()
            if now != before:
                before, since = now, time.time()
            time.sleep(0.2)

    def audit(self):
        """No more is fetched: every landed row is on the topic once and in the table."""
        self.alive()
        self.sluice.call('PATCH', '/api/v2/dags/' + self.dag, {'is_paused': True})
        self.still()
        want = {row['login.uuid'] for row in self.landed(self.table)}
        assert len(want) > 40, 'only %d rows landed' % len(want)
        rows = {str(row['id']) for row in self.settled(self.rows_of, len(want), 60)}
        assert rows == want, '%d rows in the table, %d landed' % (len(rows), len(want))
        found = self.records(self.topic)
        ids = [json.loads(one.value)['login']['uuid'] for one in found]
        assert len(ids) == len(set(ids)) == len(want), '%d records, %d of them differ, %d rows: %s' \
            % (len(ids), len(set(ids)), len(want),
               collections.Counter(dict(one.headers)['sluice.op'] for one in found))
        return len(want)


def session_of(port):
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra.policies import ConstantReconnectionPolicy, RoundRobinPolicy
    from cassandra.query import dict_factory
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=60,
                               row_factory=dict_factory)
    return Cluster(['127.0.0.1'], port=int(port), protocol_version=4,
                   auth_provider=PlainTextAuthProvider('cassandra', 'cassandra'),
                   reconnection_policy=ConstantReconnectionPolicy(1, None),
                   execution_profiles={EXEC_PROFILE_DEFAULT: profile}).connect()


# ---- the cases -------------------------------------------------------------------------------

def all_away_at_the_start_are_waited_for():
    made = world()
    try:
        for gate in GATES.values():
            gate.mode = 'shut'
        made.start()                                    # nobody there: its doors are open
        health = wait_for('health to say what is waited for',
                          lambda: made.health() if 'PostgreSQL' in str(made.health()) else None)
        assert health['status'] == 'error' and health['role'] == 'waiting', health
        assert b'waits for a tier' in made.sluice.get('ui', '/', raw=True)
        GATES['postgres'].mode = 'pass'                 # now it lands, and the rest is waited for
        wait_for('rows', lambda: made.count() > 40, 60)
        made.sluice.read_addresses()
        for tier in ('log', 'store'):
            made.state_is(tier, 'error')
        for name in ('kafka', 'cassandra', 'registry'):
            GATES[name].mode = 'pass'
        for tier in TIERS.values():
            made.state_is(tier, 'ok', 60)
        made.audit()
    finally:
        made.close()


def nonsense_of_any_tier_does_no_harm():
    made = world()
    try:
        made.start()
        wait_for('rows', lambda: made.count() > 40, 60)
        made.settled(made.rows_of, 20, 60)
        most = 0
        for name, gate in GATES.items():
            said, gate.met = set(), 0
            for mode in NONSENSE:
                gate.mode = mode
                deadline = time.time() + 1.2
                while time.time() < deadline:
                    most = max(most, made.alive())
                    said.add(made.tier(TIERS[name])['state'])
                    time.sleep(0.1)
            assert gate.met or name == 'registry', '%s never came back to the gate' % name
            if name != 'registry':                      # which is only asked for what is new
                assert 'error' in said, '%s is nonsense, and health says %s' % (name, said)
            gate.mode = 'pass'
            made.state_is(TIERS[name], 'ok', 60)
        print('     %d MiB at most, %d rows' % (most, made.audit()))
    finally:
        made.close()


def silent_ones_are_noticed_and_caught_up_with():
    made = world()
    try:
        made.start()
        wait_for('rows', lambda: made.count() > 40, 60)
        for name in ('kafka', 'cassandra'):
            GATES[name].mode = 'hole'
            made.state_is(TIERS[name] if name == 'kafka' else 'stream', 'error', 60)
            made.more()                                 # landing goes on
            GATES[name].mode = 'pass'
            made.state_is(TIERS[name], 'ok', 60)
        made.audit()
    finally:
        made.close()


def landing_pauses_at_its_quota_and_goes_on_alone():
    """SQLite counts changes, PostgreSQL bytes of its log; both lands pause, say so, and go on."""
    for tier, conf in (('sqlite', 'backlog: {changes: 300}\n'), ('postgres', 'backlog: {mib: 1}\n')):
        made = world(conf=conf)
        if tier == 'sqlite':
            del made.peers['postgres']
            made.sluice.close()
            made.sluice = Sluice([PIPELINE % {'n': STATE['n']}], conf=made.joined(
                {name: '127.0.0.1:%d' % GATES[name].port for name in ('kafka', 'cassandra')}) +
                conf, verb='serve')
            made.count = lambda made=made: len(made.landed(made.table))
        try:
            made.start()
            wait_for('rows', lambda made=made: made.count() > 40, 60)
            GATES['kafka'].mode = 'shut'
            note = wait_for('fetches to pause', lambda made=made: made.tier('landing')['note']
                            if made.tier('landing')['state'] == 'warn' else None, 90)
            assert 'fetches pause' in note and 'quota' in note, note
            time.sleep(1)
            held = made.count()
            time.sleep(2)
            assert made.count() <= held + 20, 'it landed %d rows in a pause' % (made.count() - held)
            GATES['kafka'].mode = 'pass'
            made.state_is('landing', 'ok', 60)
            made.more()
            made.audit()
        finally:
            made.close()


def a_cassandra_that_refuses_writes_is_waited_for():
    made = world()
    session = made.session()
    try:
        session.execute("CREATE ROLE IF NOT EXISTS weak_%d WITH PASSWORD = 'weak' AND LOGIN = true"
                        % STATE['n'])
        session.execute('GRANT ALL ON ALL KEYSPACES TO weak_%d' % STATE['n'])
        with open(made.sluice.conf) as file:
            text = file.read()
        with open(made.sluice.conf, 'w') as file:
            file.write(text.replace('cassandra:cassandra@', 'weak_%d:weak@' % STATE['n']))
        made.start()
        wait_for('rows', lambda: made.count() > 40, 60)
        made.settled(made.rows_of, 20, 60)
        session.execute('REVOKE MODIFY ON ALL KEYSPACES FROM weak_%d' % STATE['n'])
        made.state_is('stream', 'error', 60)
        assert 'MODIFY' in made.tier('stream')['note'], made.tier('stream')
        made.more()
        session.execute('GRANT MODIFY ON ALL KEYSPACES TO weak_%d' % STATE['n'])
        made.state_is('stream', 'ok', 60)
        made.audit()
    finally:
        made.close()


def what_is_dropped_there_is_said():
    """A keyspace that somebody drops comes back with what is read from then on."""
    made = world()
    try:
        made.start()
        wait_for('rows', lambda: made.count() > 40, 60)
        made.settled(made.rows_of, 20, 60)
        made.session().execute('DROP KEYSPACE faults_%d' % STATE['n'])
        made.more(100)
        made.settled(made.rows_of, 20, 60)
        made.alive()
    finally:
        made.close()


def close():
    if 'session' in STATE:
        STATE['session'].cluster.shutdown()
    for peer in STATE.get('peers', {}).values():
        peer.close()


if __name__ == '__main__':
    run([all_away_at_the_start_are_waited_for, nonsense_of_any_tier_does_no_harm,
         silent_ones_are_noticed_and_caught_up_with, landing_pauses_at_its_quota_and_goes_on_alone,
         a_cassandra_that_refuses_writes_is_waited_for, what_is_dropped_there_is_said], close)
