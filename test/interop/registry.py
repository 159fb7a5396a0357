#!/usr/bin/python3
"""registry - sluice with another's schema registry: the contract suite on a real one, pipelines while
it is away and killed, logins, several addresses, and one that errs, dawdles or talks nonsense.
"""
import base64
import http.client
import http.server
import json
import os
import subprocess
import threading
import time

from peer_support import Peer, TOP, run, wait_for
from people_support import appended, landed, on_topic, people

STATE = {}


def registry():
    if 'peer' not in STATE:
        STATE['peer'] = Peer('registry')
    return STATE['peer']


class Front(http.server.ThreadingHTTPServer):
    """Passes requests on to the real registry, or answers as `how` says."""
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Asked)
        self.how, self.wants, self.asked = 'pass', None, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, login=''):
        path = registry().at['url'].split('/', 3)[3]
        return 'http://%s127.0.0.1:%d/%s' % (login, self.server_port, path)


class Asked(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, status, body):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_it(self):
        front = self.server
        front.asked += 1
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        if front.wants and self.headers.get('Authorization') != front.wants:
            return self.answer(401, b'{"error_code":401,"message":"who are you?"}')
        if front.how == '500':
            return self.answer(500, b'{"error_code":50001,"message":"store is gone"}')
        if front.how == 'nonsense':
            return self.answer(200, b'\xff\xfe<html>[[[[{{{')
        if front.how == 'wrong':                        # JSON, but of nothing that was asked for
            return self.answer(200, b'[[1e999, {"schema": 7, "id": -3, "version": {}}], null]')
        if front.how == 'deep':
            return self.answer(200, b'[' * 1000000)
        if front.how == 'slow':
            time.sleep(1.5)
        if front.how == 'endless':
            self.send_response(200)
            self.end_headers()
            while front.how == 'endless':
                self.wfile.write(b' ' * 65536)
            return None
        real = http.client.HTTPConnection('127.0.0.1', int(registry().at['port']), timeout=20)
        real.request(self.command, self.path, body or None,
                     {'Content-Type': self.headers.get('Content-Type') or 'application/json'})
        got = real.getresponse()
        return self.answer(got.status, got.read())

    def do_any(self):
        try:
            self.handle_it()
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_any

    def log_message(self, *args):
        pass


def tier(node, name='registry'):
    return node.get('ui', '/health')['tiers'][name]


def audit(node):
    """Every landed row is on the topic once; the registry has its schema; the query runs."""
    assert node.process.poll() is None, node.log()[-2000:]
    wait_for('the registry to be well', lambda: tier(node)['state'] == 'ok', 60)
    wait_for('the query to run', lambda: tier(node, 'stream')['state'] == 'ok', 60)
    wait_for('rows of more than one fetch', lambda: len(landed(node)) > 20)
    node.call('PATCH', '/api/v2/dags/people', {'is_paused': True})
    rows, before = len(landed(node)), -1
    while rows != before:                               # a try that is at work may land
        time.sleep(1)
        rows, before = len(landed(node)), rows
    wait_for('%d records' % rows, lambda: appended(node.at['kafka'], node.topic) >= rows)
    keys = on_topic(node.at['kafka'], node.topic)
    assert len(keys) == len(set(keys)) == rows > 20, (len(keys), len(set(keys)), rows)
    real = http.client.HTTPConnection('127.0.0.1', int(registry().at['port']), timeout=20)
    path = registry().at['url'].split('/', 3)[3]
    real.request('GET', '/%s/subjects/%s-value/versions/latest' % (path, node.topic))
    schema = json.loads(json.loads(real.getresponse().read())['schema'])
    assert 'email' in schema['properties'], schema
    subjects = json.dumps(node.get('ui', '/ui/schemas'))
    assert '"%s-value"' % node.topic in subjects, subjects


def the_contract_holds_on_it():
    env = dict(os.environ, SLUICE_TEST_REGISTRY=registry().at['url'], CMOCKA_MESSAGE_OUTPUT='TAP')
    test = os.path.join(TOP, 'build', 'test', 'contract_registry_test')
    done = subprocess.run([test], env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:]
    assert 'names no registry' not in done.stdout


def one_that_is_killed_and_away_is_waited_for():
    registry()
    node = people('registry: %s\n' % registry().at['url'])
    try:
        registry().kill()
        node.start()
        wait_for('rows to land', lambda: len(landed(node)) > 40)
        wait_for('health to say so', lambda: tier(node)['state'] == 'error')
        assert tier(node, 'capture')['state'] == 'error'
        registry().again()
        audit(node)
    finally:
        node.close()


def a_plan_outlives_a_registry_that_goes():
    node = people('registry: %s\n' % registry().at['url'])
    try:
        node.start()
        wait_for('records', lambda: appended(node.at['kafka'], node.topic) > 20)
        registry().kill()
        before = appended(node.at['kafka'], node.topic)
        wait_for('more of them',                        # its schema is known
                 lambda: appended(node.at['kafka'], node.topic) > before + 40)
        registry().again()
        audit(node)
    finally:
        node.close()


def logins_are_sent_and_asked_for():
    front = Front()
    basic = 'Basic ' + base64.b64encode(b'writer:not-a-guess').decode()
    for wants, conf in ((basic, '{url: "%s", properties: {basic.auth.user.info: "writer:not-a-guess"}}'
                         % front.url()),
                        (basic, front.url('writer:not-a-guess@')),
                        ('Bearer not-a-guess', '{url: "%s", properties: {bearer.auth.token: '
                                               'not-a-guess}}' % front.url())):
        front.wants = wants
        node = people('registry: %s\n' % conf)
        try:
            node.start()
            audit(node)
            assert 'not-a-guess' not in node.log()
        finally:
            node.close()
    node = people('registry: %s\n' % front.url())
    try:
        node.start()
        wait_for('the refusal', lambda: '401' in json.dumps(node.get('ui', '/health')) or
                 'who are you' in json.dumps(node.get('ui', '/health')))
        front.wants = None                              # given while we run
        audit(node)
    finally:
        node.close()
        front.shutdown()


def the_next_address_is_asked():
    first, second = Front(), Front()
    node = people('registry: "http://127.0.0.1:1/x,%s,%s"\n' % (first.url(), second.url()))
    try:
        node.start()
        audit(node)
        assert first.asked and not second.asked
        first.how = '500'
        before = second.asked
        wait_for('the second to be asked', lambda: second.asked > before)
        assert tier(node)['state'] == 'ok'
    finally:
        node.close()
        first.shutdown()
        second.shutdown()


def errors_slowness_and_nonsense_are_waited_out():
    front = Front()
    for how in ('500', 'nonsense', 'wrong', 'deep', 'endless'):
        front.how = how
        node = people('registry: %s\n' % front.url())
        try:
            node.start()
            wait_for('rows to land', lambda node=node: len(landed(node)) > 40)
            if how != 'slow':
                wait_for('health to say %s' % how,
                         lambda node=node: tier(node, 'capture')['state'] == 'error')
            time.sleep(0.5)
            assert node.process.poll() is None, node.log()[-2000:]
            assert node.rss_kib() < 300 * 1024, '%s: %d KiB' % (how, node.rss_kib())
            front.how = 'pass'
            audit(node)
        finally:
            node.close()
    front.shutdown()


def close():
    if 'peer' in STATE:
        STATE['peer'].close()


if __name__ == '__main__':
    run([the_contract_holds_on_it, one_that_is_killed_and_away_is_waited_for,
         a_plan_outlives_a_registry_that_goes, logins_are_sent_and_asked_for,
         the_next_address_is_asked, errors_slowness_and_nonsense_are_waited_out], close)
