#!/usr/bin/python3
"""kafka_variants - the log on a Kafka that wants logins or TLS.

SCRAM is not tried: librdkafka 2.0 cannot log in by it to brokers that check nonces strictly, as
Kafka 3.9 and 4 do; kcat, which stands on the same library, cannot either.
"""
import os
import subprocess
import tempfile
import time

from peer_support import Peer, TOP, free_port, run, wait_for
from people_support import appended, landed, on_topic, people

FOLDER = tempfile.mkdtemp(prefix='sluice-variants-')


def state(node):
    return node.get('ui', '/health')['tiers']['log']['state']


def audit(node, bootstrap, at_least=60):
    """Nothing more is fetched: every landed row is on the topic once."""
    wait_for('rows to land', lambda: len(landed(node)) >= at_least, 60)
    wait_for('the log to be well', lambda: state(node) == 'ok', 60)
    node.call('PATCH', '/api/v2/dags/people', {'is_paused': True})
    rows, before = len(set(landed(node))), -1
    while rows != before:                               # a try that is at work may land
        time.sleep(1)
        rows, before = len(set(landed(node))), rows
    wait_for('%d records' % rows, lambda: appended(bootstrap, node.topic) >= rows, 60)
    keys = on_topic(bootstrap, node.topic)
    assert len(keys) == len(set(keys)) == rows, (len(keys), len(set(keys)), rows)


def make_certificates():
    def openssl(*words):
        subprocess.run(['openssl'] + list(words), cwd=FOLDER, check=True, capture_output=True)
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem',
            '-days', '30', '-subj', '/CN=a test')
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'broker.key', '-out', 'broker.csr',
            '-subj', '/CN=localhost')
    with open(os.path.join(FOLDER, 'names'), 'w') as file:
        file.write('subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    openssl('x509', '-req', '-in', 'broker.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
            '-CAcreateserial', '-days', '30', '-out', 'broker.pem', '-extfile', 'names')
    with open(os.path.join(FOLDER, 'keystore.pem'), 'w') as store:
        for name in ('broker.key', 'broker.pem', 'ca.pem'):
            with open(os.path.join(FOLDER, name)) as file:
                store.write(file.read())


def logins_and_tls_are_properties():
    """One broker with three doors: plain for its own tools, a login over TCP, TLS."""
    make_certificates()
    plain, door, tls, control = (free_port() for _ in range(4))
    doors = ','.join('%s://127.0.0.1:%d' % one for one in (
        ('PLAINTEXT', plain), ('SASL_PLAINTEXT', door), ('SSL', tls)))
    module = 'org.apache.kafka.common.security.plain.PlainLoginModule required ' \
             'user_sluice="not-a-guess";'
    peer = Peer('kafka', plain, KAFKA_HEAP='384m', KAFKA_SET=' '.join([
        'listeners=%s,CONTROLLER://127.0.0.1:%d' % (doors, control),
        'advertised.listeners=' + doors,
        'controller.quorum.bootstrap.servers=127.0.0.1:%d' % control,
        'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,'
        'SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL',
        'sasl.enabled.mechanisms=PLAIN',
        'listener.name.sasl_plaintext.plain.sasl.jaas.config=' + module.replace(' ', '\\u0020'),
        'ssl.keystore.type=PEM', 'ssl.keystore.location=' + os.path.join(FOLDER, 'keystore.pem')]))
    try:
        login = ('{url: "kafka://sluice:%s@127.0.0.1:%d", properties: {security.protocol: '
                 'sasl_plaintext}}')
        with_tls = '{url: "kafka://127.0.0.1:%d", properties: {security.protocol: ssl, ' \
                   'ssl.ca.location: %s}}' % (tls, os.path.join(FOLDER, 'ca.pem'))
        for conf in (login % ('not-a-guess', door), with_tls):
            node = people('log: %s\n' % conf)
            try:
                node.start()
                audit(node, '127.0.0.1:%d' % plain)
                assert 'not-a-guess' not in node.log()
            finally:
                node.close()
        refused = people('log: %s\n' % (login % ('wrong-guess', door)))
        try:
            refused.start()
            wait_for('rows to land', lambda: len(landed(refused)) > 20, 60)
            wait_for('health to say so', lambda: state(refused) == 'error', 60)
            said = subprocess.run([os.path.join(TOP, 'build', 'sluice'), 'doctor', '--conf',
                                   refused.conf], capture_output=True, text=True, timeout=60)
            assert said.returncode == 1 and 'uthentication' in said.stdout, said.stdout
            assert 'wrong-guess' not in said.stdout + refused.log()
        finally:
            refused.close()
    finally:
        peer.close()


if __name__ == '__main__':
    run([logins_and_tls_are_properties])
