#!/usr/bin/env python3
"""cassandra_store - the store on a real Cassandra, by our own client.

One node with logins serves all cases: the contract suite by both protocol versions, a pipeline with
`store: cassandra://` through kills of both sides and a replay, logins, TLS.
"""
import os
import random
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time

from peer_support import Peer, TOP, Skip, run, wait_for

from sluice_support import Sluice

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster
from cassandra.policies import ConstantReconnectionPolicy

CONTRACT = os.path.join(TOP, 'build/test/contract_store_test')
LOGIN = 'cassandra:cassandra@'
PIPELINE = '''pipeline: people
schedule: every 1s
fetch:
  raw_users:
    url: https://randomuser.me/api/?results=200
    rows: results[*]
    key: login.uuid
capture:
  users_created: raw_users
transform:
  spark_streams.created_users:
    key: id uuid
    sql: |
      SELECT login.uuid AS id, name.first AS first_name, email, dob.age AS age
      FROM STREAM users_created
'''
peer, session = None, None


def real():
    """The node, started by the first case that asks."""
    global peer, session
    if isinstance(peer, Skip):
        raise peer
    if peer is None:
        try:
            peer = Peer('cassandra', CASSANDRA_AUTH='1')
        except Skip as why:
            peer = why
            raise
    if session is None:
        login = PlainTextAuthProvider('cassandra', 'cassandra')
        session = Cluster(['127.0.0.1'], port=int(peer.at['port']), auth_provider=login,
                          reconnection_policy=ConstantReconnectionPolicy(1, None)).connect()
        session.default_timeout = 60
    return peer


def close():
    if isinstance(peer, Peer):
        peer.close()


def node(login=LOGIN):
    return '%s127.0.0.1:%s' % (login, real().at['port'])


def contract(options):
    env = dict(os.environ, SLUICE_TEST_CASSANDRA='%s/?wait=60s%s' % (node(), options))
    done = subprocess.run([CONTRACT], env=env, cwd=TOP, text=True, capture_output=True,
                          timeout=900)
    if done.returncode:
        raise AssertionError((done.stdout + done.stderr)[-2000:])
    for line in sorted(set(done.stdout.split('\n'))):
        if line.startswith('# left out'):
            print('     ' + line[2:])


def the_contract_suite_passes_by_version_5():
    contract('')


def the_contract_suite_passes_by_version_4_compressed():
    contract('&protocol=4&compression=lz4')


def landed(sluice):
    """The ids in the landing table."""
    with sqlite3.connect('file:%s/landing.db?mode=ro' % sluice.data, uri=True) as db:
        return {row[0] for row in db.execute('SELECT "login.uuid" FROM raw_users')}


def stored():
    """id -> write time, of all rows."""
    rows = session.execute('SELECT id, WRITETIME(email) AS at FROM spark_streams.created_users')
    return {str(row.id): row.at for row in rows}


def count(sluice):
    try:
        return len(landed(sluice))
    except sqlite3.OperationalError:
        return 0


def all_there(sluice):
    try:
        return set(stored()) == landed(sluice)
    except Exception:                                   # pylint: disable=broad-except
        return False                                    # the node is coming back


def quiet(sluice):
    """Ends the fetching, and waits until all that was landed is in the table."""
    text = open(sluice.pipelines[0]).read()
    with open(sluice.pipelines[0], 'w') as file:
        file.write(text.replace('every 1s', '"@yearly"'))
    sluice.stop()
    sluice.start()
    wait_for('all rows', lambda: all_there(sluice), 120)


def every_row_once_through_kills_of_both_and_the_same_after_a_replay():
    real()
    sluice = Sluice([PIPELINE], 'store: cassandra://%s/?wait=60s\n' % node(),
                    options=['--offline'])
    try:
        sluice.start()
        seed = random.randrange(1 << 30)
        print('     seed %d' % seed)
        dice = random.Random(seed)
        wait_for('rows', lambda: count(sluice) >= 400, 60)
        for turn in range(6):
            time.sleep(dice.uniform(0.2, 2))
            sluice.stop(signal.SIGKILL)
            if turn == 3:
                peer.kill()
                again = threading.Thread(target=peer.again)
                again.start()
                sluice.start(wait=False)
                again.join()
            else:
                sluice.start(wait=False)
        sluice.stop(signal.SIGKILL)
        sluice.start()
        before = count(sluice)
        wait_for('more rows', lambda: count(sluice) > before, 60)
        peer.kill()                                     # under a running sluice
        time.sleep(3)
        peer.again()
        quiet(sluice)
        first = stored()
        now = time.time() * 1e6
        assert first and all(0 < now - at < 3600e6 for at in first.values()), 'far from the clock'
        sluice.stop()
        session.execute('TRUNCATE sluice.state')        # all is read and written again
        sluice.start()
        wait_for('the state', lambda: session.execute('SELECT * FROM sluice.state').one(), 60)
        time.sleep(1)
        assert stored() == first, 'a replay has changed rows or their write times'
        print('     %d rows, each once' % len(first))
    finally:
        sluice.close()


def rows_of(table):
    try:
        return session.execute('SELECT count(*) FROM spark_streams.' + table).one()[0]
    except Exception:                                   # pylint: disable=broad-except
        return 0                                        # it is not there yet, or the node is not


def another_clients_change_of_the_table_is_met():
    real()
    sluice = Sluice([PIPELINE.replace('created_users', 'changing')],
                    'store: cassandra://%s/\n' % node(), options=['--offline'])

    def rows():
        return rows_of('changing')

    try:
        sluice.start()
        wait_for('rows', rows, 60)
        session.execute('ALTER TABLE spark_streams.changing ADD more text')
        session.execute('ALTER TABLE spark_streams.changing DROP age')
        before = rows()
        wait_for('rows after the change', lambda: rows() > before, 60)
        wait_for('the column again', lambda: 'age' in session.cluster.metadata.keyspaces[
            'spark_streams'].tables['changing'].columns, 30)
    finally:
        sluice.close()


def fails_to_start(url):
    sluice = Sluice([PIPELINE], 'store: %s\n' % url, options=['--offline'])
    try:
        sluice.start(wait=False)
        code = sluice.process.wait(60)
        assert code, 'it has started'
        return sluice.log()
    finally:
        sluice.close()


def a_wrong_login_is_said_at_once():
    began = time.time()
    log = fails_to_start('cassandra://%s/' % node('cassandra:wrong-password@'))
    assert 'and/or password are incorrect' in log, log[-500:]
    assert 'wrong-password' not in log
    log = fails_to_start('cassandra://%s/' % node(''))
    assert 'user:password@' in log, log[-500:]
    assert time.time() - began < 20


class TlsProxy:
    """TLS in front of the node, with a certificate of its own that names `name`."""

    def __init__(self, name):
        self.dir = tempfile.TemporaryDirectory()
        self.cert = os.path.join(self.dir.name, 'cert.pem')
        key = os.path.join(self.dir.name, 'key.pem')
        subprocess.check_call(
            ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
             '/CN=test', '-addext', 'subjectAltName=' + name, '-keyout', key, '-out', self.cert],
            stderr=subprocess.DEVNULL)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.cert, key)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.bridge, args=(plain,), daemon=True).start()

    def bridge(self, plain):
        try:
            front = self.tls.wrap_socket(plain, server_side=True)
            back = socket.create_connection(('127.0.0.1', int(real().at['port'])))
        except OSError:
            return
        threading.Thread(target=self.copy, args=(back, front), daemon=True).start()
        self.copy(front, back)

    @staticmethod
    def copy(source, target):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.dir.cleanup()


def over(proxy, options):
    return 'cassandra://%s127.0.0.1:%d/?cafile=%s&%s' % (LOGIN, proxy.port, proxy.cert, options)


def rows_go_over_tls_to_whom_the_certificate_names():
    real()
    proxy = TlsProxy('IP:127.0.0.1')
    sluice = Sluice([PIPELINE.replace('created_users', 'secured')],
                    'store: %s\n' % over(proxy, 'tls=verify'), options=['--offline'])
    try:
        sluice.start()
        wait_for('rows', lambda: rows_of('secured'), 60)
    finally:
        sluice.close()
        proxy.close()


def a_certificate_of_another_is_refused():
    proxy = TlsProxy('DNS:another.example')
    try:
        log = fails_to_start(over(proxy, 'tls=verify'))
        assert 'certificate is refused' in log and 'mismatch' in log, log[-800:]
        log = fails_to_start('cassandra://%s127.0.0.1:%d/?tls=verify' % (LOGIN, proxy.port))
        assert 'certificate is refused' in log, log[-800:]
    finally:
        proxy.close()


run([the_contract_suite_passes_by_version_5,
     the_contract_suite_passes_by_version_4_compressed,
     every_row_once_through_kills_of_both_and_the_same_after_a_replay,
     another_clients_change_of_the_table_is_met,
     a_wrong_login_is_said_at_once,
     rows_go_over_tls_to_whom_the_certificate_names,
     a_certificate_of_another_is_refused], close)
