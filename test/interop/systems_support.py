"""systems_support - PostgreSQL, Kafka, Cassandra and ZooKeeper, each behind proxies, for nodes of
sluice that share them.

    systems = Systems(nodes=2)          # all at once; Skip when one cannot be had here
    systems.conf(0, 'ledger')           # sluice.yml of the first node, for the group 'ledger'
    systems.way('kafka', 0).cut()       # the first node's proxy to Kafka
    systems.kill('postgres'), systems.again('postgres')
    systems.base('ledger')              # a connection to the group's database
    systems.records('topic', 3), systems.session()

Groups are apart: each has its own database (so its own slot), path in ZooKeeper and keyspace for
the state; topics and tables are named by who uses them. The readers go by the first node's way."""
import collections
import json
import threading
import time

import psycopg2
from cassandra.cluster import Cluster, EXEC_PROFILE_DEFAULT, ExecutionProfile
from cassandra.policies import ConstantReconnectionPolicy, RoundRobinPolicy
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from peer_support import Peer, free_port
from proxy_support import Proxy

KINDS = ('postgres', 'kafka', 'cassandra', 'zookeeper')
Record = collections.namedtuple('Record', 'part offset key value headers')


class Systems:
    def __init__(self, nodes=1, **settings):
        self.nodes, self.settings, self.peers, self.ways = nodes, settings, {}, {}
        self.killed = collections.Counter()
        self.coming = {}                                # name -> the thread that starts it again
        self.failed = []
        self._session = None
        threads = [threading.Thread(target=self.begin, args=(kind,)) for kind in KINDS]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
            if self.failed:
                raise self.failed[0]
        except BaseException:                           # also when it is broken off: nothing stays
            for thread in threads:
                thread.join()
            self.close()
            raise

    def begin(self, kind):
        try:
            if kind == 'kafka':
                self.begin_kafka()
                return
            peer = self.peers[kind] = Peer(kind, **self.settings)
            self.ways[kind] = [Proxy(int(peer.at['port'])) for _ in range(self.nodes)]
        except BaseException as why:                    # pylint: disable=broad-except
            self.failed.append(why)

    def begin_kafka(self):
        """A listener for each node, since a broker tells its clients where to go on; one for its
        words to itself."""
        ports = [free_port() for _ in range(self.nodes)]
        controller, inner = free_port(), free_port()
        ways = self.ways['kafka'] = [Proxy(port) for port in ports]
        names = ['WAY%d' % i for i in range(self.nodes)]
        settings = {
            'listeners': ['%s://127.0.0.1:%d' % pair for pair in zip(names, ports)] +
                         ['INNER://127.0.0.1:%d' % inner, 'CONTROLLER://127.0.0.1:%d' % controller],
            'advertised.listeners': ['%s://127.0.0.1:%d' % (name, way.port)
                                     for name, way in zip(names, ways)] +
                                    ['INNER://127.0.0.1:%d' % inner],
            'listener.security.protocol.map': ['%s:PLAINTEXT' % name
                                               for name in names + ['INNER', 'CONTROLLER']],
            'inter.broker.listener.name': ['INNER'],
            'controller.quorum.bootstrap.servers': ['127.0.0.1:%d' % controller],
        }
        self.peers['kafka'] = Peer('kafka', ports[0], KAFKA_SET=' '.join(
            '%s=%s' % (name, ','.join(values)) for name, values in settings.items()))

    def way(self, kind, node=0):
        return self.ways[kind][node]

    def conf(self, node, group):
        at = {kind: '127.0.0.1:%d' % self.way(kind, node).port for kind in KINDS}
        return ('landing: postgresql://sluice:sluice@%s/%s\n'
                'log: kafka://%s\n'
                'store: cassandra://%s/?wait=60s&keyspace=state_%s\n'
                'coord: zookeeper://%s/%s\n' % (at['postgres'], group, at['kafka'],
                                                at['cassandra'], group, at['zookeeper'], group))

    # ---- breaking ----

    def kill(self, kind):
        self.wait(kind)
        self.killed[kind] += 1
        self.peers[kind].kill()

    def again(self, kind):
        self.peers[kind].again()

    def again_soon(self, kind, after):
        """Comes back by itself; wait() for it."""
        def come():
            time.sleep(after)
            try:
                self.again(kind)
            except Exception as why:                    # pylint: disable=broad-except
                self.failed.append(why)
        self.coming[kind] = threading.Thread(target=come, daemon=True)
        self.coming[kind].start()

    def wait(self, kind=None):
        for one in [kind] if kind else list(self.coming):
            thread = self.coming.pop(one, None)
            if thread:
                thread.join()
        if self.failed:
            raise self.failed[0]

    def close(self):
        try:
            if self._session is not None:
                self._session.cluster.shutdown()
        finally:
            for thread in self.coming.values():
                thread.join()
            for ways in self.ways.values():
                for way in ways:
                    way.close()
            for peer in self.peers.values():
                peer.close()

    # ---- reading ----

    def base(self, database, autocommit=True):
        """A connection of another program, not by a proxy."""
        at = self.peers['postgres'].at
        base = psycopg2.connect(host=at['socket'], port=at['port'], user='sluice', dbname=database,
                                connect_timeout=5)
        base.autocommit = autocommit
        return base

    def make_base(self, database):
        with self.base('sluice').cursor() as cursor:
            cursor.execute('CREATE DATABASE ' + database)

    def ask(self, database, statement, *values):
        base = self.base(database)
        try:
            with base.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall()
        finally:
            base.close()

    def records(self, topic, parts):
        """What was committed, oldest first of each partition; none while there is no topic."""
        consumer = Consumer({'bootstrap.servers': '127.0.0.1:%d' % self.way('kafka').port,
                             'group.id': 'audit', 'enable.auto.commit': False,
                             'enable.partition.eof': True, 'isolation.level': 'read_committed',
                             'auto.offset.reset': 'earliest'})
        found, ends = [], 0
        try:
            if topic not in consumer.list_topics(timeout=20).topics:
                return []
            consumer.assign([TopicPartition(topic, part, 0) for part in range(parts)])
            while ends < parts:
                message = consumer.poll(20)
                if message is None:
                    raise AssertionError('topic %s is not answered' % topic)
                if message.error():
                    if message.error().code() != KafkaError._PARTITION_EOF:
                        raise KafkaException(message.error())
                    ends += 1
                    continue
                headers = dict(message.headers() or [])
                found.append(Record(message.partition(), message.offset(), message.key(),
                                    json.loads(message.value()) if message.value() else None,
                                    headers))
            return found
        finally:
            consumer.close()

    def session(self):
        if self._session is None:
            profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(),
                                       request_timeout=60)
            self._session = Cluster(
                ['127.0.0.1'], port=int(self.peers['cassandra'].at['port']), protocol_version=4,
                reconnection_policy=ConstantReconnectionPolicy(1, None),
                execution_profiles={EXEC_PROFILE_DEFAULT: profile}).connect()
        return self._session
