#!/usr/bin/python3
"""kafka - the log on a real Kafka: the contract suite, then pipelines while the broker is away,
killed, and while its connections are cut: every landed row is on the topic once, and in the table.
"""
import os
import signal
import subprocess
import sys
import time

from cassandra import InvalidRequest
from cassandra.cluster import Cluster

from peer_support import Peer, TOP, free_port, run, wait_for
from people_support import landed, on_topic, people
from proxy_support import Proxy

PROXY = Proxy()
STATE = {}


def kafka():
    """The broker, which names the proxy as its address and looks at ages each second."""
    if 'peer' not in STATE:
        PROXY.to = free_port()              # before: the broker's own tools come this way
        STATE['peer'] = Peer('kafka', PROXY.to, KAFKA_SET='advertised.listeners='
                             'PLAINTEXT://127.0.0.1:%d log.initial.task.delay.ms=1000 '
                             'log.retention.check.interval.ms=1000' % PROXY.port)
    return STATE['peer']


def bootstrap():
    return '127.0.0.1:%d' % PROXY.port


def pipeline():
    node = people('log: {url: "kafka://%s"}\n' % bootstrap())
    return node, node.topic


def log_health(node):
    return node.get('ui', '/health')['tiers']['log']


def audit(node, topic):
    """Nothing more is fetched; all that landed is on the topic once, and in the table."""
    node.call('PATCH', '/api/v2/dags/people', {'is_paused': True})
    time.sleep(1)
    rows = set(landed(node))
    assert len(rows) > 100, 'only %d rows landed' % len(rows)

    host, port = node.at['cql'].split(':')
    cluster = Cluster([host], port=int(port), protocol_version=4)
    session = cluster.connect()

    def table_rows():
        try:
            return {str(row[0]) for row in session.execute(
                'SELECT id FROM spark_streams.%s_table' % topic)}
        except InvalidRequest:      # the query has not made it yet
            return set()
    wait_for('%d rows in the table' % len(rows), lambda: len(table_rows()) >= len(rows), 60)
    assert table_rows() == rows
    cluster.shutdown()
    keys = on_topic(bootstrap(), topic)
    inside = [key for key in keys if any(c in key for c in '-')]
    found = {key[key.find('"uuid":"') + 8:][:36] if 'uuid' in key else key for key in inside}
    assert len(keys) == len(rows), '%d records for %d rows' % (len(keys), len(rows))
    assert len(found) == len(rows), '%d of %d keys differ' % (len(found), len(rows))


def the_contract_holds_on_it():
    env = dict(os.environ, SLUICE_TEST_KAFKA='127.0.0.1:%d' % int(kafka().at['port']),
               CMOCKA_MESSAGE_OUTPUT='TAP')
    for suite in ('contract_log_test', 'contract_term_test'):
        test = os.path.join(TOP, 'build', 'test', suite)
        done = subprocess.run([test], env=env, capture_output=True, text=True, timeout=600,
                              check=False)
        lines = done.stdout.split('\n')
        red = [i for i, line in enumerate(lines)
               if line.startswith('not ok') and 'SKIP' not in line]
        assert done.returncode == 0, '\n'.join(
            line for i in red or [len(lines)] for line in lines[max(0, i - 3):i + 6])
        assert 'names no Kafka' not in done.stdout


def a_broker_that_is_away_is_waited_for():
    PROXY.to = None
    node, topic = pipeline()
    try:
        node.start()
        wait_for('health to say so', lambda: log_health(node)['state'] == 'error', 30)
        wait_for('landing to go on', lambda: len(landed(node)) > 100, 30)
        PROXY.to = int(kafka().at['port'])
        wait_for('health to be well', lambda: log_health(node)['state'] == 'ok', 60)
        audit(node, topic)
    finally:
        node.close()


def a_killed_broker_loses_and_doubles_nothing():
    kafka()
    node, topic = pipeline()
    try:
        node.start()
        wait_for('records', lambda: len(on_topic(bootstrap(), topic)) > 50, 60)
        for _ in range(2):
            kafka().kill()
            time.sleep(4)
            assert log_health(node)['state'] == 'error'
            kafka().again()
            wait_for('health to be well', lambda: log_health(node)['state'] == 'ok', 60)
            time.sleep(2)
        audit(node, topic)
    finally:
        node.close()


def cut_connections_lose_and_double_nothing():
    kafka()
    node, topic = pipeline()
    try:
        node.start()
        wait_for('records', lambda: len(on_topic(bootstrap(), topic)) > 20, 60)
        enough = PROXY.cuts + 40

        def cut():                                      # some rounds find none: it backs off
            time.sleep(0.25)
            PROXY.cut()
            return PROXY.cuts >= enough
        wait_for('40 connections to be cut', cut, 120)
        audit(node, topic)
    finally:
        node.close()


def a_killed_sluice_doubles_nothing():
    kafka()
    node, topic = pipeline()
    try:
        node.start()
        for _ in range(5):
            time.sleep(2.5)
            node.stop(signal.SIGKILL)
            node.start()
        audit(node, topic)
    finally:
        node.close()


def close():
    if 'peer' in STATE:
        STATE['peer'].close()


if __name__ == '__main__':
    run([the_contract_holds_on_it, a_broker_that_is_away_is_waited_for,
         a_killed_broker_loses_and_doubles_nothing, cut_connections_lose_and_double_nothing,
         a_killed_sluice_doubles_nothing], close)
    sys.exit(0)
