"""cql_support - a CQL server of its own for a test, and counting of cases.

The server is build/test/cql_server on a fresh folder, or, to try a test against the real thing,
what --address HOST:PORT names (then it is neither started nor restarted)."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get('CQL_SERVER', os.path.join(ROOT, 'build', 'test', 'cql_server'))


class Skip(Exception):
    pass


class Server:
    def __init__(self, argv):
        self.host, self.port, self.process, self.dir = '127.0.0.1', 0, None, None
        if '--address' in argv:
            self.host, port = argv[argv.index('--address') + 1].rsplit(':', 1)
            self.port = int(port)
            return
        self.dir = tempfile.mkdtemp(prefix='cql_e2e_')
        self.start()

    @property
    def ours(self):
        return self.dir is not None

    def start(self):
        self.process = subprocess.Popen([PROGRAM, 'embedded:' + self.dir, str(self.port)],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if len(line) != 2 or line[0] != 'port':
            raise SystemExit('cql_server did not start: %s' % line)
        self.port = int(line[1])

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(20)
        self.process = None
        return code

    def resident_kib(self):
        with open('/proc/%d/status' % self.process.pid) as status:
            return next(int(line.split()[1]) for line in status if line.startswith('VmRSS'))

    def close(self):
        code = self.stop()
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)
        return code


def run(cases):
    """Runs functions in order, prints a line for each and the total; returns an exit code."""
    passed = failed = skipped = 0
    for case in cases:
        name = case.__name__
        try:
            case()
            passed += 1
            print('ok   %s' % name)
        except Skip as why:
            skipped += 1
            print('SKIP %s: %s' % (name, why))
        except Exception as err:                        # pylint: disable=broad-except
            failed += 1
            traceback.print_exc(limit=4, file=sys.stdout)
            print('FAIL %s: %s' % (name, err))
        sys.stdout.flush()
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    return 1 if failed else 0
