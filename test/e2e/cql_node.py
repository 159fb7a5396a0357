#!/usr/bin/python3
"""cql_node.py - starts a CQL server and has the Node.js driver's test run against it.

  test/e2e/cql_node.py [--address HOST:PORT]"""
import os
import shutil
import subprocess
import sys

import cql_support

HERE = os.path.dirname(os.path.abspath(__file__))
if not shutil.which('node') or not os.path.isdir(os.path.join(HERE, 'node_modules')):
    print('SKIP cql_node: no Node.js, or its modules are not installed (cd test/e2e && npm ci)')
    print('0 passed, 0 failed, 1 skipped')
    sys.exit(0)
server = cql_support.Server(sys.argv)
code = subprocess.call(['node', os.path.join(HERE, 'cql_node.mjs'),
                        '%s:%d' % (server.host, server.port)])
server.close()
sys.exit(code)
