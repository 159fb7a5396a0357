#!/usr/bin/python3
"""kafka_clients - Kafka clients of several makers against the Kafka server.

  test/e2e/kafka_clients.py [--address HOST:PORT] [CASE ...]

kcat and python3-confluent-kafka (librdkafka), python3-kafka, KafkaJS and @platformatic/kafka. With
an address the same cases run on another broker (they hold for Apache Kafka), those that restart it
aside."""
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

from kafka_support import Server

HERE = os.path.dirname(os.path.abspath(__file__))
RUN = str(os.getpid())


class Skip(Exception):
    pass


def need(module):
    try:
        return __import__(module)
    except ImportError:
        raise Skip('no python module %s here' % module)


def until(condition, what, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError('waited in vain: ' + what)


def kcat(server, *args, **options):
    if not shutil.which('kcat'):
        raise Skip('no kcat here')
    done = subprocess.run(['kcat', '-b', server.address, '-m', '10', *args], timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


# ---- kcat ----

def kcat_every_codec(server):
    text = b''.join(b'line %d\n' % i for i in range(5000))
    for codec in ('none', 'gzip', 'snappy', 'lz4', 'zstd'):
        topic = 'kcat-%s-%s' % (codec, RUN)
        kcat(server, '-P', '-t', topic, '-z', codec, '-X', 'enable.idempotence=true', input=text)
        back = kcat(server, '-C', '-t', topic, '-e', '-q', '-o', 'beginning')
        assert sorted(back.split()) == sorted(text.split()), codec


def kcat_group_resumes(server):
    topic = 'kcat-group-' + RUN
    kcat(server, '-P', '-t', topic, input=b'1\n2\n3\n')
    read = ['-q', '-e', '-X', 'auto.offset.reset=earliest', '-G', 'kcat-' + RUN, topic]
    assert sorted(kcat(server, *read).split()) == [b'1', b'2', b'3']
    kcat(server, '-P', '-t', topic, input=b'4\n')
    assert kcat(server, *read).split() == [b'4']


# ---- librdkafka by Python ----

def confluent(server, **more):
    module = need('confluent_kafka')
    return module, dict({'bootstrap.servers': server.address}, **more)


def make_topic(server, name, partitions, **config):
    _, conf = confluent(server)
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient(conf)
    admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(20)
    return admin


def consumer(server, group, **more):
    module, conf = confluent(server, **{'group.id': group, 'auto.offset.reset': 'earliest',
                                        'session.timeout.ms': 6000, 'heartbeat.interval.ms': 300,
                                        'enable.auto.commit': False, **more})
    return module.Consumer(conf)


def confluent_idempotent_in_order(server):
    topic = 'order-' + RUN
    make_topic(server, topic, 3)
    module, conf = confluent(server, **{'enable.idempotence': True, 'linger.ms': 1})
    producer = module.Producer(conf)
    failed = []
    for i in range(20000):
        producer.produce(topic, b'%d' % i, b'key%d' % (i % 7),
                         headers=[('h', b'\0\xff'), ('n', b'')],
                         on_delivery=lambda err, _: err and failed.append(err))
        if i % 1000 == 0:
            producer.poll(0)
    producer.produce(topic, None, b'gone')
    assert producer.flush(30) == 0 and not failed, failed[:1]
    c = consumer(server, 'order-' + RUN)
    c.subscribe([topic])
    last, count, tombstones = {}, 0, 0
    end = time.time() + 30
    while count < 20001 and time.time() < end:
        for m in c.consume(1000, 0.5):
            assert not m.error(), m.error()
            count += 1
            if m.value() is None:
                tombstones += 1
                continue
            assert m.headers() == [('h', b'\0\xff'), ('n', b'')]
            assert last.get(m.key(), -1) < int(m.value())
            last[m.key()] = int(m.value())
    c.close()
    assert (count, tombstones) == (20001, 1), (count, tombstones)


def confluent_two_members_rebalance(server):
    topic, group = 'two-' + RUN, 'two-' + RUN
    make_topic(server, topic, 4)
    members = [consumer(server, group) for _ in range(2)]
    for m in members:
        m.subscribe([topic])

    def shares():
        for m in members:
            m.poll(0.05)
        return [len(m.assignment()) for m in members]
    until(lambda: shares() == [2, 2], 'both have two partitions')
    first = members.pop(0)
    first.close()
    until(lambda: shares() == [4], 'the one left has all')
    members[0].close()


def confluent_commit_with_metadata(server):
    module, _ = confluent(server)
    topic, group = 'note-' + RUN, 'note-' + RUN
    make_topic(server, topic, 1)
    kcat(server, '-P', '-t', topic, input=b'a\nb\nc\n')
    at = module.TopicPartition(topic, 0, 2)
    c = consumer(server, group)
    c.commit(offsets=[at], asynchronous=False)
    c.close()
    again = consumer(server, group)
    assert again.committed([module.TopicPartition(topic, 0)], 10)[0].offset == 2
    again.subscribe([topic])
    until(lambda: (m := again.poll(0.2)) and m.value() == b'c', 'it goes on after the commit')
    again.close()


def confluent_static_member_comes_back(server):
    topic, group = 'static-' + RUN, 'static-' + RUN
    make_topic(server, topic, 2)
    joins = []
    for _ in range(2):
        c = consumer(server, group, **{'group.instance.id': 'one'})
        c.subscribe([topic], on_assign=lambda _, parts: joins.append(len(parts)))
        until(lambda: c.poll(0.1) is None and c.assignment(), 'assigned')
        c.close()   # a static member does not leave
    assert joins == [2, 2]


def confluent_admin(server):
    module, conf = confluent(server)
    from confluent_kafka.admin import ConfigResource, NewPartitions, NewTopic
    topic = 'admin-' + RUN
    admin = make_topic(server, topic, 2, **{'cleanup.policy': 'compact', 'retention.ms': '12345'})
    try:
        admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(10)
        raise AssertionError('it was made twice')
    except module.KafkaException as e:
        assert e.args[0].code() == module.KafkaError.TOPIC_ALREADY_EXISTS
    where = ConfigResource('topic', topic)
    got = admin.describe_configs([where])[where].result(10)
    assert got['cleanup.policy'].value == 'compact' and got['retention.ms'].value == '12345'
    assert got['max.message.bytes'].value == '1048588' and len(got) >= 30
    change = ConfigResource('topic', topic, set_config={'retention.ms': '54321'})
    admin.alter_configs([change])[change].result(10)
    got = admin.describe_configs([where])[where].result(10)
    assert got['retention.ms'].value == '54321' and got['cleanup.policy'].value == 'delete'
    broker = ConfigResource('broker', '1')
    assert admin.describe_configs([broker])[broker].result(10)['node.id'].value == '1'
    admin.create_partitions([NewPartitions(topic, 5)])[topic].result(10)
    until(lambda: len(admin.list_topics(topic, 5).topics[topic].partitions) == 5, 'five partitions')
    admin.delete_topics([topic])[topic].result(10)
    until(lambda: topic not in admin.list_topics(timeout=5).topics, 'deleted')


def confluent_keys_in_compacted_topics(server):
    topic = 'compact-' + RUN
    make_topic(server, topic, 1, **{'cleanup.policy': 'compact'})
    module, conf = confluent(server)
    outcome = []
    producer = module.Producer(conf)
    producer.produce(topic, b'v', on_delivery=lambda err, _: outcome.append(err))
    producer.produce(topic, b'v', b'k', on_delivery=lambda err, _: outcome.append(err))
    producer.flush(20)
    assert any(outcome), 'a record without a key went into a compacted topic'


# ---- kafka-python ----

def python_produce_consume(server):
    kafka = need('kafka')
    topic = 'py-' + RUN
    make_topic(server, topic, 3)
    for codec in (None, 'gzip', 'snappy', 'lz4'):
        try:
            producer = kafka.KafkaProducer(bootstrap_servers=server.address, acks='all',
                                           compression_type=codec, retries=3)
        except AssertionError:
            continue    # a codec's library is not installed
        sent = [producer.send(topic, b'%s %d' % (str(codec).encode(), i)) for i in range(300)]
        assert all(s.get(20).offset >= 0 for s in sent)
        producer.close()
    c = kafka.KafkaConsumer(topic, bootstrap_servers=server.address, group_id='py-' + RUN,
                            auto_offset_reset='earliest', consumer_timeout_ms=3000)
    assert len({m.value for m in c}) >= 600
    c.commit()
    tps = [kafka.TopicPartition(topic, p) for p in range(3)]
    assert c.end_offsets(tps) == {tp: c.committed(tp) for tp in tps}
    assert all(o.offset == 0 for o in c.offsets_for_times({tp: 0 for tp in tps}).values())
    c.close()


def python_two_members_rebalance(server):
    kafka = need('kafka')
    topic = 'py-two-' + RUN
    make_topic(server, topic, 4)
    stop, owned = threading.Event(), [0, 0]

    def member(i):
        c = kafka.KafkaConsumer(topic, bootstrap_servers=server.address, group_id='py-two-' + RUN,
                                heartbeat_interval_ms=300, session_timeout_ms=6000)
        while not stop.is_set():
            c.poll(100)
            owned[i] = len(c.assignment())
        c.close()
    threads = [threading.Thread(target=member, args=(i,)) for i in range(2)]
    for t in threads:
        t.start()
    try:
        until(lambda: owned == [2, 2], 'both have two partitions')
    finally:
        stop.set()
        for t in threads:
            t.join()


def python_admin(server):
    need('kafka')
    from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
    admin = KafkaAdminClient(bootstrap_servers=server.address)
    topic = 'py-admin-' + RUN
    admin.create_topics([NewTopic(topic, 2, 1)])
    assert topic in admin.list_topics()
    answer, = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    assert any(entry[0] == 'cleanup.policy' for entry in answer.resources[0][4])
    assert admin.describe_cluster()['controller_id'] == 1
    admin.delete_topics([topic])
    until(lambda: topic not in admin.list_topics(), 'deleted')
    admin.close()


# ---- what survives ----

def acked_survives_kill(server):
    if server.foreign:
        raise Skip('another broker is not killed')
    topic, group = 'kill-' + RUN, 'kill-' + RUN
    module, conf = confluent(server, **{'enable.idempotence': True})
    make_topic(server, topic, 2)
    acked = set()

    def delivered(err, message):
        if not err:
            acked.add(message.value())
    producer = module.Producer(dict(conf, **{'message.timeout.ms': 60000, 'linger.ms': 1}))
    for i in range(30000):
        producer.produce(topic, b'%d' % i, on_delivery=delivered)
        if i % 100 == 0:
            producer.poll(0.002)
        if i in (8000, 20000):
            server.stop(signal.SIGKILL)
            server.start()
    assert producer.flush(60) == 0
    c = consumer(server, group)
    c.subscribe([topic])
    got = []
    until(lambda: got.extend(m.value() for m in c.consume(5000, 0.5)) or len(got) >= 30000, 'all')
    assert len(acked) == 30000 and sorted(got) == sorted(acked), (len(acked), len(got))
    c.commit(asynchronous=False)
    server.stop(signal.SIGKILL)
    server.start()
    committed = c.committed([module.TopicPartition(topic, p) for p in range(2)], 20)
    assert sum(tp.offset for tp in committed) == 30000, committed
    c.close()


def node_clients(server):
    if not shutil.which('node'):
        raise Skip('no node here')
    if not os.path.isdir(HERE + '/node_modules/kafkajs'):
        raise Skip('run npm ci in test/e2e first')
    done = subprocess.run(['node', HERE + '/kafka_clients.mjs', server.address], timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and done.stdout.count('ok ') >= 9, done.stdout[-2000:]


CASES = [kcat_every_codec, kcat_group_resumes, confluent_idempotent_in_order,
         confluent_two_members_rebalance, confluent_commit_with_metadata,
         confluent_static_member_comes_back, confluent_admin, confluent_keys_in_compacted_topics,
         python_produce_consume, python_two_members_rebalance, python_admin, acked_survives_kill,
         node_clients]


class Foreign:
    foreign = True

    def __init__(self, address):
        self.address = address

    def close(self):
        pass


def main():
    args = sys.argv[1:]
    if args[:1] == ['--address']:
        server, args = Foreign(args[1]), args[2:]
    else:
        server = Server()
        server.foreign = False
    counts = {'ok': 0, 'FAIL': 0, 'SKIP': 0}
    try:
        for case in CASES:
            if args and case.__name__ not in args:
                continue
            began, verdict, why = time.time(), 'ok', ''
            try:
                case(server)
            except Skip as e:
                verdict, why = 'SKIP', ': %s' % e
            except Exception as e:          # one case's trouble must not hide the others
                verdict, why = 'FAIL', ': %r' % e
            counts[verdict] += 1
            took = time.time() - began
            print('%s %s%s (%.1f s)' % (verdict, case.__name__, why, took), flush=True)
    finally:
        server.close()
    print('%(ok)d passed, %(FAIL)d failed, %(SKIP)d skipped' % counts)
    sys.exit(1 if counts['FAIL'] else 0)


main()
