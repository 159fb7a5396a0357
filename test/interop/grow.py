#!/usr/bin/python3
"""grow - doc/grow.md, followed to the letter: its blocks of commands, run as they stand, in order, in
one bash, with the ports that the page lets one choose. What a block is to show is compared.

    ```sh          is run once and must end well
    ```sh again    is asked again, for minutes, until it does, and shows what it should
    ```text        of the block before: its lines are there in this order; `...` is anything, N a number
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from peer_support import TOP, Skip, run

PAGE = os.path.join(TOP, 'doc', 'grow.md')
PORTS = ('PGPORT', 'KAFKA_PORT', 'REGISTRY_PORT', 'CQL_PORT', 'ZK_PORT')
AGAIN_S, BLOCK_S = 240, 900
STATE = {}


def sections():
    """[(heading, [(line, how, commands, wanted)])], in the order of the page."""
    found, block = [], None
    with open(PAGE) as file:
        for number, line in enumerate(file, 1):
            if block is None and line.startswith('## '):
                found.append((line[3:].strip(), []))
            elif block is None and line.startswith('```'):
                block = (number, line[3:].strip(), [])
            elif line.startswith('```'):
                start, kind, lines = block
                if kind in ('sh', 'sh again'):
                    found[-1][1].append((start, kind, ''.join(lines), []))
                elif kind == 'text':
                    last = found[-1][1][-1]
                    assert not last[3], 'line %d: two blocks of what is seen' % start
                    last[3].extend(one.rstrip('\n') for one in lines)
                else:
                    raise AssertionError('line %d: a block of neither kind: %s' % (start, kind))
                block = None
            elif block is not None:
                block[2].append(line)
    return found


def pattern(line):
    parts = re.split(r'(\.\.\.|\bN\b|\s+)', line.strip())
    known = {'...': '.*', 'N': '[1-9][0-9]*'}
    return re.compile(''.join(known.get(part) or (r'\s+' if part.isspace() else re.escape(part))
                              for part in parts if part) + r'\s*$')


def missing(wanted, shown):
    """The first line that is wanted and not shown after the ones before it; None: all are there."""
    lines = iter(shown.splitlines())
    for want in wanted:
        if want.strip() == '...':
            continue
        if not any(pattern(want).match(line.strip()) for line in lines):
            return want
    return None


class Shell:
    """A bash that lives for the whole page, as a reader's does."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='sluice-grow-')
        env = dict(os.environ, GROW=os.path.join(self.dir, 'grow'))
        held = [socket.create_server(('127.0.0.1', 0)) for _ in PORTS]
        for name, one in zip(PORTS, held):
            env[name] = str(one.getsockname()[1])
            one.close()
        self.env = env
        self.bash = subprocess.Popen(['bash', '--norc'], stdin=subprocess.PIPE, cwd=TOP, env=env,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     start_new_session=True)
        self.lines, self.news = [], threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.bash.stdout:
            with self.news:
                self.lines.append(line)
                self.news.notify()

    def do(self, commands):
        """(exit code, what was shown) of the block; its first command that fails ends it."""
        path = os.path.join(self.dir, 'block')
        with open(path, 'w') as file:
            file.write(commands)
        # Functions, variables and jobs stay: the block is read by this very shell, line by line, so
        # that a command that fails can be told by a trap. -E: also one within a function.
        with self.news:
            self.lines = []
        self.bash.stdin.write('failed=0; trap "failed=\\$?" ERR; . %s; trap - ERR; '
                              'echo "=== $failed"\n' % path)
        self.bash.stdin.flush()
        deadline = time.time() + BLOCK_S
        with self.news:
            while not (self.lines and self.lines[-1].startswith('=== ')):
                if not self.news.wait(max(0, deadline - time.time())) and time.time() > deadline:
                    raise AssertionError('no end after %d s:\n%s' % (BLOCK_S, ''.join(self.lines)))
                if self.bash.poll() is not None:
                    raise AssertionError('the shell ended:\n' + ''.join(self.lines))
            return int(self.lines[-1].split()[1]), ''.join(self.lines[:-1])

    def close(self):
        at = os.path.join(self.dir, 'grow')
        for name in ('pid', 'pid2'):
            try:
                with open(os.path.join(at, name)) as file:
                    os.kill(int(file.read()), signal.SIGKILL)
            except (OSError, ValueError):
                pass
        for system in ('postgres', 'kafka', 'registry', 'cassandra', 'zookeeper'):
            if os.path.exists(os.path.join(at, system, 'kept')):
                script = os.path.join(TOP, 'test/interop/peers', system + '.sh')
                subprocess.call([script, 'kill', os.path.join(at, system)])
                subprocess.call([script, 'stop', os.path.join(at, system)])
        self.bash.stdin.close()
        self.bash.wait(20)
        if os.environ.get('KEEP'):
            print('kept %s' % self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def log_of(shell):
    try:
        with open(os.path.join(shell.dir, 'grow', 'out')) as file:
            return file.read()[-2000:]
    except OSError:
        return ''


def follow(block):
    line, how, commands, wanted = block
    shell, deadline = STATE['shell'], time.time() + AGAIN_S
    while True:
        code, shown = shell.do(commands)
        if code == 77:
            STATE['stopped'] = shown.strip().split('\n')[-1]
            raise Skip(STATE['stopped'])
        lacks = missing(wanted, shown)
        if not code and lacks is None:
            return
        if how == 'sh' or time.time() > deadline:
            raise AssertionError('%s:%d ends with %d%s\nshown:\n%s\nlog of sluice:\n%s' % (
                PAGE, line, code, '' if lacks is None else ', without the line: ' + lacks,
                shown[-3000:], log_of(shell)))
        time.sleep(0.5)


def make_case(number, heading, blocks):
    def case():
        if 'stopped' in STATE:
            raise Skip('the page was not followed so far: ' + STATE['stopped'])
        if 'shell' not in STATE:
            STATE['shell'] = Shell()
        try:
            for block in blocks:
                follow(block)
        except AssertionError:
            STATE['stopped'] = 'a block before failed'
            raise
    case.__name__ = '%d_%s' % (number, re.sub('[^a-z]+', '_', heading.lower()).strip('_'))
    return case


def close():
    if 'shell' in STATE:
        STATE['shell'].close()


if __name__ == '__main__':
    CASES = [make_case(i, heading, blocks) for i, (heading, blocks) in enumerate(sections())
             if blocks]
    run(CASES, close)
