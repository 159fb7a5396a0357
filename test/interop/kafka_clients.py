#!/usr/bin/python3
"""kafka_clients - the cases of test/e2e/kafka_clients.py on real Kafkas: 4 (KRaft), 3 (ZooKeeper).

What they expect of our server is thereby what the real ones do. Those that need the server's own
process (restarts) are skipped there, and counted."""
import os
import re
import subprocess
import sys

from peer_support import Peer, Skip, TOP

CASES = os.path.join(TOP, 'test/e2e/kafka_clients.py')


def counts_on(name):
    """Passed, failed, skipped on one of them."""
    print('-- %s' % name, flush=True)
    try:
        peer = Peer(name)
    except Skip as why:
        print('SKIP %s: %s' % (name, why))
        return 0, 0, 1
    try:
        done = subprocess.run(['/usr/bin/python3', CASES, '--address', peer.at['bootstrap']] +
                              sys.argv[1:], stdout=subprocess.PIPE, text=True, check=False)
    finally:
        peer.close()
    lines = done.stdout.strip().split('\n')
    print('\n'.join(lines[:-1]), flush=True)
    total = re.match(r'(\d+) passed, (\d+) failed, (\d+) skipped$', lines[-1])
    return tuple(map(int, total.groups())) if total else (0, 1, 0)


def main():
    sums = [sum(column) for column in zip(counts_on('kafka'), counts_on('kafka3'))]
    print('%d passed, %d failed, %d skipped' % tuple(sums))
    return 1 if sums[1] else 0


sys.exit(main())
