"""world_support - sluice with its tiers in real systems or embedded, read the same way.

    world = World([PIPELINE], peers=REAL)       # or peers=(): all embedded; Skip: cannot be had
    world.start()                               # the peers run already: now sluice
    world.landed('raw_users')                   # [{column: text or None}], in the key's order
    world.records('users_created')              # [Record], partition by partition
    world.quarantined('created_users')          # the same of its quarantine topic
    world.rows('k.people')                      # [{column: value}], in the order of the first columns
    world.settled('k.people', 10000)            # waits until so many rows are there
    world.close()                               # sluice, then the peers this world started

`world.sluice` is the Sluice, `world.peers` the Peers by name ('postgres', 'kafka', 'cassandra',
'zookeeper', 'registry'): world.peers['kafka'].kill(), .again(). Peers of one world can serve the
next: World(..., peers=other.peers); who started them ends them. Two worlds on the same PostgreSQL
need databases of their own (database=), on the same Kafka other topics, or topics deleted between.
`ways` puts another address before a peer, a proxy's say: ways={'kafka': '127.0.0.1:4711'}; the
readers go to the peer itself.
"""
import collections
import concurrent.futures
import csv
import io
import json
import sqlite3
import subprocess
import time

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import ConstantReconnectionPolicy, RoundRobinPolicy
from cassandra.query import dict_factory

from peer_support import Peer
from sluice_support import Sluice

REAL = ('postgres', 'kafka', 'cassandra')
SMALL = {                                       # heaps that fit several worlds on one machine
    'kafka': {'KAFKA_HEAP': '384m'},
    'cassandra': {'CASSANDRA_HEAP': '768m'},
}
# A record as it is on the topic: bytes or None; headers are pairs of name and bytes.
Record = collections.namedtuple('Record', 'partition offset time key value headers')


class World:
    """One sluice and the systems it was joined to."""

    def __init__(self, pipelines, peers=REAL, conf='', database='sluice', ways=None, **sluice):
        given = peers if isinstance(peers, dict) else None
        self.peers = dict(given or {})
        self.started, self.database, self.sluice = [], database, None
        self._session = None
        try:
            if given is None:
                self.start_peers(peers)
            if 'postgres' in self.peers and database != 'sluice':
                self.psql('CREATE DATABASE ' + database, 'sluice')
            self.conf = self.joined(ways or {}) + conf
            self.sluice = Sluice(pipelines, conf=self.conf, **dict({'verb': 'serve'}, **sluice))
        except BaseException:
            self.close()
            raise

    def start_peers(self, names):
        """All at once; the first that fails is raised when each has started or failed."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=len(names) or 1) as pool:
            coming = {name: pool.submit(Peer, name, **SMALL.get(name, {})) for name in names}
        for name, peer in coming.items():
            if peer.exception() is None:
                self.peers[name] = peer.result()
                self.started.append(peer.result())
        for peer in coming.values():
            peer.result()

    def url(self):
        """The landing's address in PostgreSQL."""
        return self.peers['postgres'].at['url'].rsplit('/', 1)[0] + '/' + self.database

    def joined(self, ways):
        """The lines of sluice.yml that put tiers into the peers."""
        lines = []
        for name, peer in self.peers.items():
            at = ways.get(name) or '127.0.0.1:' + peer.at['port']
            if name == 'postgres':
                lines.append('landing: %s' % self.url().replace(
                    '127.0.0.1:' + peer.at['port'], at))
            elif name == 'kafka':
                lines.append('log: kafka://%s' % at)
            elif name == 'cassandra':
                lines.append('store: cassandra://%s/?wait=60s' % at)
            elif name == 'zookeeper':
                lines.append('coord: zookeeper://%s/sluice' % (ways.get(name)
                                                               or peer.at['connect']))
            elif name == 'registry':
                lines.append('registry: %s' % peer.at['url'].replace(
                    '127.0.0.1:' + peer.at['port'], at))
        return ''.join(line + '\n' for line in lines)

    def start(self, **how):
        self.sluice.start(**how)

    def close(self):
        if self._session is not None:
            self._session.cluster.shutdown()
            self._session = None
        if self.sluice is not None:
            self.sluice.close()
        for peer in self.started:
            peer.close()
        self.started = []

    # ---- the landing ----

    def psql(self, text, database=None):
        """What PostgreSQL says to a statement: rows as lists of text, None for NULL."""
        at = self.peers['postgres'].at
        done = subprocess.run(
            ['psql', '-qX', '--csv', '-P', 'null=\\N', '-v', 'ON_ERROR_STOP=1', '-h', at['socket'],
             '-p', at['port'], '-U', 'sluice', '-d', database or self.database, '-c', text],
            capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise RuntimeError('psql: ' + done.stderr.strip()[-500:])
        found = csv.reader(io.StringIO(done.stdout, newline=''))
        return [[None if cell == '\\N' else cell for cell in row] for row in found]

    def landed(self, table):
        """Rows of a landing table; [] while there is none."""
        if 'postgres' in self.peers:
            if self.psql("SELECT to_regclass('\"%s\"')" % table)[1] == [None]:
                return []
            names, *rows = self.psql('SELECT * FROM "%s"' % table)
            types = dict(self.psql("SELECT attname, atttypid::regtype FROM pg_attribute WHERE "
                                   "attrelid = '\"%s\"'::regclass AND attnum > 0" % table)[1:])
            known = {'t': 'true', 'f': 'false', None: None}
            rows = [[known.get(cell) if types[name] == 'boolean' else cell
                     for name, cell in zip(names, row)] for row in rows]
        else:
            path = 'file:%s/landing.db?mode=ro' % self.sluice.data
            with sqlite3.connect(path, uri=True) as base:
                about = base.execute('PRAGMA table_info("%s")' % table).fetchall()
                if not about:
                    return []
                names = [column[1] for column in about]
                truth = {column[1] for column in about if column[2].upper().startswith('BOOL')}
                rows = [[as_text(name in truth, cell) for name, cell in zip(names, row)]
                        for row in base.execute('SELECT * FROM "%s"' % table)]
        found = [dict(zip(names, row)) for row in rows]
        return sorted(found, key=lambda row: [(cell is not None, cell) for cell in row.values()])

    # ---- topics ----

    def bootstrap(self):
        if 'kafka' in self.peers:
            return '127.0.0.1:' + self.peers['kafka'].at['port']
        return self.sluice.at['kafka']

    def records(self, topic):
        """All records of a topic, by another program; [] while there is none."""
        done = subprocess.run(['kcat', '-b', self.bootstrap(), '-C', '-t', topic, '-e', '-q', '-J',
                               '-o', 'beginning'], capture_output=True, timeout=120, check=False)
        found = []
        for line in done.stdout.split(b'\n'):
            if not line:
                continue
            one = json.loads(line.decode('utf-8', 'surrogateescape'))
            names = one.get('headers') or []
            pairs = [(names[i], as_bytes(names[i + 1])) for i in range(0, len(names), 2)]
            found.append(Record(one['partition'], one['offset'], one['ts'], as_bytes(one['key']),
                                as_bytes(one['payload']), pairs))
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def quarantined(self, table):
        return self.records(table.split('.')[-1] + '.quarantine')

    # ---- the table ----

    def session(self):
        """A CQL session whose rows are dictionaries."""
        if self._session is None:
            at = ('127.0.0.1', self.peers['cassandra'].at['port']) if 'cassandra' in self.peers \
                else self.sluice.at['cql'].split(':')
            profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(),
                                       request_timeout=60, row_factory=dict_factory)
            self._session = Cluster(
                [at[0]], port=int(at[1]), protocol_version=4,
                reconnection_policy=ConstantReconnectionPolicy(1, None),
                execution_profiles={EXEC_PROFILE_DEFAULT: profile}).connect()
        return self._session

    def rows(self, table, columns='*'):
        """Rows of a CQL table; raises while there is none."""
        found = self.session().execute('SELECT %s FROM %s' % (columns, table))
        return sorted(found, key=lambda row: [str(cell) for cell in row.values()])

    def settled(self, table, count, seconds=60):
        """Waits until the table has `count` rows; returns them."""
        deadline, found, why = time.time() + seconds, [], ''
        while True:
            try:
                found = self.rows(table)
            except Exception as err:                    # pylint: disable=broad-except
                why = ' (%s)' % err                     # there is none yet
                if self._session is not None and 'cassandra' not in self.peers:
                    self._session.cluster.shutdown()    # an embedded one has a new port
                    self._session = None
            if len(found) >= count:
                return found
            if time.time() > deadline:
                raise AssertionError('%d of %d rows in %s after %d s%s\n%s' % (
                    len(found), count, table, seconds, why, self.sluice.log()[-1500:]))
            time.sleep(0.2)


def as_bytes(text):
    return None if text is None else text.encode('utf-8', 'surrogateescape')


def as_text(truth, cell):
    if cell is None:
        return None
    if truth and cell in (0, 1):
        return 'true' if cell else 'false'
    return cell.decode('utf-8', 'surrogateescape') if isinstance(cell, bytes) else str(cell)
