"""sluice_support - the program on a data folder of its own and free ports, and counting of cases."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLUICE = os.environ.get('SLUICE', os.path.join(TOP, 'build', 'sluice'))
PORTS = 'ports: {kafka: 0, cql: 0, registry: 0, http: 0, ui: 0}\n'


class Skip(Exception):
    """A case that cannot be run here; its text is the reason."""


class Sluice:
    """A running `sluice dev` or `serve` over pipelines; stop() and start() keep the data."""

    def __init__(self, pipelines, conf='', verb='dev', options=()):
        self.dir = tempfile.mkdtemp(prefix='sluice-e2e-')
        self.data = os.path.join(self.dir, 'data')
        self.conf = os.path.join(self.dir, 'sluice.yml')
        self.verb, self.options, self.pipelines = verb, list(options), []
        for i, text in enumerate(pipelines):
            path = os.path.join(self.dir, 'p%d.yml' % i) if '\n' in text else text
            if '\n' in text:
                with open(path, 'w') as file:
                    file.write(text)
            self.pipelines.append(path)
        with open(self.conf, 'w') as file:
            file.write(PORTS + conf)
        self.process = None

    def start(self, env=None, wait=True):
        addresses = os.path.join(self.data, 'addresses')
        if os.path.exists(addresses):
            os.unlink(addresses)
        log = open(os.path.join(self.dir, 'log'), 'a')
        self.process = subprocess.Popen(
            [SLUICE, self.verb, '--data', self.data, '--conf', self.conf] + self.options +
            self.pipelines, stdout=log, stderr=log, env=dict(os.environ, **(env or {})))
        log.close()
        if not wait:
            return
        deadline = time.time() + 30
        while not os.path.exists(addresses):
            if self.process.poll() is not None or time.time() > deadline:
                raise RuntimeError('sluice did not start:\n' + self.log()[-3000:])
            time.sleep(0.01)
        self.read_addresses()

    def read_addresses(self):
        with open(os.path.join(self.data, 'addresses')) as file:
            self.at = json.load(file)

    def log(self):
        with open(os.path.join(self.dir, 'log')) as file:
            return file.read()

    def token(self):
        with open(os.path.join(self.data, 'token')) as file:
            return file.read().strip()

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(30)
        self.process = None
        return code

    def close(self):
        code = self.stop()
        if os.environ.get('KEEP'):
            print('kept %s' % self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        return code

    def rss_kib(self):
        with open('/proc/%d/status' % self.process.pid) as status:
            return next(int(line.split()[1]) for line in status if line.startswith('VmRSS'))

    def get(self, door, path, raw=False):
        with urllib.request.urlopen('http://%s%s' % (self.at[door], path), timeout=20) as answer:
            body = answer.read()
        return body if raw else json.loads(body)

    def call(self, method, path, body=None, token=True, door='http'):
        request = urllib.request.Request('http://%s%s' % (self.at[door], path), method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header('Content-Type', 'application/json')
        if token:
            request.add_header('Authorization', 'Bearer ' + self.token())
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def cli(self, *words):
        return subprocess.run([SLUICE] + list(words) + ['--data', self.data], text=True,
                              capture_output=True, timeout=60)


def wait_for(what, check, seconds=30):
    """Waits until check() is true; its last value is returned."""
    deadline = time.time() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.time() > deadline:
            raise AssertionError('waited %d s for %s' % (seconds, what))
        time.sleep(0.05)


def leave(code):
    """Ends the process without taking the interpreter apart: the Cassandra driver's event loop is a
    thread that may still run then, and dies of what is no longer there."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)                                      # pylint: disable=protected-access


def run(cases, close=None):
    """Runs functions in order, prints a line for each and the total; exits."""
    passed = failed = skipped = 0
    only = sys.argv[1:]
    try:
        for case in cases:
            if only and case.__name__ not in only:
                continue
            began = time.time()
            try:
                case()
                passed += 1
                print('ok   %s (%.1f s)' % (case.__name__, time.time() - began))
            except Skip as why:
                skipped += 1
                print('SKIP %s: %s' % (case.__name__, why))
            except Exception as err:                    # pylint: disable=broad-except
                failed += 1
                traceback.print_exc(limit=3, file=sys.stdout)
                print('FAIL %s: %s' % (case.__name__, err))
            sys.stdout.flush()
    finally:
        if close:
            close()
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    leave(1 if failed else 0)
