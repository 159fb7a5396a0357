#!/usr/bin/env python3
"""coord - two nodes, a real ZooKeeper or PostgreSQL: one leads, the other takes over.

The contract suite runs first, on both; then two `sluice serve`, whose leader is killed, stopped
with SIGSTOP and woken, and asked to end.
"""
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

from peer_support import Peer, TOP, run, wait_for
from sluice_support import Sluice

TAKEOVER_S = 5.0
PEERS = {}


def peer(kind):
    """The one of this kind; started when it is first asked for."""
    if kind not in PEERS:
        PEERS[kind] = Peer(kind)
    return PEERS[kind]


def url_of(kind):
    at = peer(kind).at
    return 'zookeeper://' + at['connect'] if kind == 'zookeeper' else at['url']


def health(node):
    """What a node says of itself; None while its doors change hands."""
    try:
        node.read_addresses()
        with urllib.request.urlopen('http://%s/health' % node.at['ui'], timeout=1) as answer:
            return json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None


def leads(node):
    said = health(node)
    return bool(said) and said['role'] == 'leader'


def stands_by(node):
    return (health(node) or {}).get('role') == 'standby'


def pair(url):
    nodes = [Sluice([], conf='coord: %s\n' % url, verb='serve') for _ in range(2)]
    nodes[0].start()
    wait_for('the first to lead', lambda: leads(nodes[0]), 10)
    nodes[1].start()
    wait_for('the second to hear of it', lambda: (health(nodes[1]) or {}).get('leader'), 10)
    return nodes


def took_over(node, since):
    wait_for('a takeover', lambda: leads(node), 15)
    took = time.time() - since
    print('# took over after %.2f s' % took)
    assert took < TAKEOVER_S, 'takeover took %.1f s' % took
    return health(node)['epoch']


def contract(name, url):
    program = os.path.join(TOP, 'build', 'test', 'contract_coord_test')
    out = subprocess.run([program], env=dict(os.environ, **{name: url}), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=300, universal_newlines=True)
    assert out.returncode == 0, out.stdout[-3000:]


def second_stands_by(url):
    first, second = pair(url)
    try:
        said = health(second)
        assert said['role'] == 'standby' and said['status'] == 'ok', said
        assert said['leader'] == health(first)['node'], said
        try:
            urllib.request.urlopen('http://%s/api/v2/dags' % second.at['http'], timeout=5)
            raise AssertionError('a standby node answers as if it led')
        except urllib.error.HTTPError as error:
            assert error.code == 503 and 'leads' in error.read().decode()
        page = urllib.request.urlopen('http://%s/' % second.at['ui'], timeout=5).read().decode()
        assert 'stands by' in page, page
    finally:
        first.close()
        second.close()


def killed(url):
    first, second = pair(url)
    try:
        before = health(first)['epoch']
        since = time.time()
        first.stop(signal.SIGKILL)
        assert took_over(second, since) > before
        first.start()
        wait_for('the old one to stand by', lambda: stands_by(first), 10)
    finally:
        first.close()
        second.close()


def stopped_and_woken(url):
    first, second = pair(url)
    try:
        before, since = health(first)['epoch'], time.time()
        os.kill(first.process.pid, signal.SIGSTOP)
        epoch = took_over(second, since)
        assert epoch > before
        os.kill(first.process.pid, signal.SIGCONT)
        wait_for('it to stand by', lambda: stands_by(first), 10)
        assert health(second)['epoch'] == epoch
    finally:
        os.kill(first.process.pid, signal.SIGCONT)
        first.close()
        second.close()


def asked_to_end(url):
    first, second = pair(url)
    try:
        since = time.time()
        assert first.stop() == 0
        took_over(second, since)
    finally:
        first.close()
        second.close()


def zookeeper_away():
    """The server goes away: the leader stops leading by itself, and leads again with it."""
    first, second = pair(url_of('zookeeper') + '/blind')
    try:
        peer('zookeeper').stop()
        wait_for('the leader to stand by', lambda: stands_by(first), 10)
        assert 'ZooKeeper' in health(first)['note'], health(first)
        assert stands_by(second)
        peer('zookeeper').again()
        wait_for('a leader', lambda: leads(first) or leads(second), 20)
        assert not (leads(first) and leads(second))
    finally:
        first.close()
        second.close()


def embedded_tier_is_refused():
    node = Sluice([os.path.join(TOP, 'examples', 'users.yml')], verb='serve',
                  conf='coord: zookeeper://127.0.0.1:1/x\n')
    node.start(wait=False)
    assert node.process.wait(20) == 1
    node.process = None
    assert "need the tier 'landing' outside of each" in node.log(), node.log()
    node.close()


def on(kind, case):
    def body():
        case(url_of(kind))
    body.__name__ = '%s_%s' % (case.__name__, kind)
    return body


def contract_zookeeper():
    contract('SLUICE_TEST_ZOOKEEPER', url_of('zookeeper'))


def contract_postgres():
    contract('SLUICE_TEST_POSTGRES', url_of('postgres'))


def close():
    for one in PEERS.values():
        one.close()


CASES = [contract_zookeeper, contract_postgres, embedded_tier_is_refused]
for each in ('zookeeper', 'postgres'):
    CASES += [on(each, case) for case in (second_stands_by, killed, stopped_and_woken,
                                          asked_to_end)]
CASES.append(zookeeper_away)
run(CASES, close)
