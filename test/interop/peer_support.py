"""peer_support - a real system for a case: peers/NAME.sh, started, broken, stopped.

    peer = Peer('postgres', PG_SET='fsync=off')       # Skip when it cannot be had here
    peer.at['url'], peer.kill(), peer.again(), peer.close()
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'e2e'))

from sluice_support import Skip, TOP, run, wait_for  # noqa: E402,F401


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as free:
        return free.getsockname()[1]


class Peer:
    """One instance in a folder of its own; `at` holds what its script prints."""

    def __init__(self, name, port=None, **settings):
        self.script = os.path.join(HERE, 'peers', name + '.sh')
        self.dir = tempfile.mkdtemp(prefix='sluice-%s-' % name)
        self.env = dict(os.environ, **settings)
        if port:
            self.env['PORT'] = str(port)
        self.at = {}
        try:
            self.at = self.ask('start')
        except BaseException:
            self.close()
            raise

    def ask(self, verb):
        with tempfile.TemporaryFile('w+') as out, tempfile.TemporaryFile('w+') as words:
            code = subprocess.call([self.script, verb, self.dir], env=self.env, stdout=out,
                                   stderr=words, timeout=900)
            out.seek(0)
            words.seek(0)
            said = words.read().strip()
            if code == 77:
                raise Skip(said.split('\n')[-1])
            if code:
                raise RuntimeError('%s %s: %s' % (self.script, verb, said[-3000:]))
            return dict(line.rstrip('\n').split('=', 1) for line in out)

    def stop(self):
        self.ask('stop')

    def kill(self):
        self.ask('kill')

    def again(self):
        self.ask('again')

    def pid(self):
        return int(self.ask('show')['pid'])

    def close(self):
        """Ends it at once and removes its data."""
        if os.path.exists(os.path.join(self.dir, 'kept')):
            self.kill()
            self.stop()                                 # what runs beside it, too
        if os.environ.get('KEEP'):
            print('kept %s' % self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
