#!/usr/bin/python3
"""kafka_clients - the cases of test/e2e/kafka_clients.py on a real Kafka.

What they expect of our server is thereby what the real one does. Those that need the server's own
process (restarts) are skipped there, and counted."""
import os
import subprocess
import sys

from peer_support import Peer, Skip, TOP

CASES = os.path.join(TOP, 'test/e2e/kafka_clients.py')


def main():
    try:
        peer = Peer('kafka')
    except Skip as why:
        print('SKIP kafka_clients: %s\n0 passed, 0 failed, 1 skipped' % why)
        return 0
    try:
        return subprocess.call(['/usr/bin/python3', CASES, '--address', peer.at['bootstrap']] +
                               sys.argv[1:])
    finally:
        peer.close()


sys.exit(main())
