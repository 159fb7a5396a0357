#!/usr/bin/env python3
"""cql_expect - runs test/sql/cql/*.test on a real Cassandra and compares the answers.

  cql_expect.py                     all of them, on one that peers/cassandra.sh starts
  cql_expect.py [--write] HOST PORT file.test ...

--write puts what Cassandra answered into the files. A block is a statement that ends with ';' at
the end of a line, the lines of its answer, and an empty line. Answers: "ok", "error CODE sentence",
or the columns' names and one line a row, values as CQL literals. A block whose answer begins with
"ours:" is where we differ on purpose: it is passed over here.
"""
import datetime
import decimal
import glob
import os
import re
import sys

from peer_support import Peer, TOP, run

from cassandra.cluster import Cluster, EXEC_PROFILE_DEFAULT, ExecutionProfile
from cassandra.query import SimpleStatement, tuple_factory
from cassandra.util import (Date, Duration, OrderedMapSerializedKey, SortedSet, Time)


def java_double(value, single):
    import struct
    if value != value:
        return 'NaN'
    if value in (float('inf'), float('-inf')):
        return 'Infinity' if value > 0 else '-Infinity'
    text = None
    for digits in range(1, 18):
        text = '%.*e' % (digits - 1, value)
        same = (struct.pack('>f', float(text)) == struct.pack('>f', value)) if single \
            else float(text) == value
        if same:
            break
    mantissa, exp = text.split('e')
    sign = '-' if mantissa.startswith('-') else ''
    digits, exp = mantissa.replace('.', '').lstrip('-'), int(exp)
    if value == 0:
        return sign + '0.0'
    if exp >= 7 or exp < -3:
        return '%s%s.%sE%d' % (sign, digits[0], digits[1:] or '0', exp)
    if exp < 0:
        return sign + '0.' + '0' * (-exp - 1) + digits
    digits = digits.ljust(exp + 1, '0')
    return sign + digits[:exp + 1] + '.' + (digits[exp + 1:] or '0')


def stamp(value):
    ms = round((value - datetime.datetime(1970, 1, 1)) / datetime.timedelta(milliseconds=1))
    return "'%s.%03dZ'" % (value.strftime('%Y-%m-%d %H:%M:%S'), ms % 1000)


def span(value):
    sign = '-' if value.months < 0 or value.days < 0 or value.nanoseconds < 0 else ''
    months, days, nanos = abs(value.months), abs(value.days), abs(value.nanoseconds)
    out = ''
    for left, units in ((months, ((12, 'y'), (1, 'mo'))), (days, ((1, 'd'),)),
                        (nanos, ((3600 * 10**9, 'h'), (60 * 10**9, 'm'), (10**9, 's'),
                                 (10**6, 'ms'), (1000, 'us'), (1, 'ns')))):
        for size, name in units:
            if left >= size:
                out += '%d%s' % (left // size, name)
                left %= size
    return sign + (out or '0s')


def vector(value, kind):
    """An older driver does not know the type: bytes of elements of one size."""
    element, count = kind.subtypes[0], int(kind.subtypes[1].cassname)
    size = len(value) // count
    return '[%s]' % ', '.join(show(element.from_binary(value[i:i + size], 4), element)
                              for i in range(0, len(value), size))


def show(value, kind):
    name = kind.typename if kind else ''
    if 'VectorType' in name and isinstance(value, bytes):
        return vector(value, kind)
    if name == 'frozen':
        return show(value, kind.subtypes[0])
    if value is None:
        return 'null'
    if name in ('list', 'set', 'vector') or isinstance(value, (SortedSet, list, set)):
        sub = getattr(kind, 'subtype', None)
        sub = kind.subtypes[0] if getattr(kind, 'subtypes', None) else sub
        items = ', '.join(show(item, sub) for item in value)
        return '{%s}' % items if name == 'set' else '[%s]' % items
    if name == 'map':
        keys, values = kind.subtypes
        return '{%s}' % ', '.join('%s: %s' % (show(k, keys), show(v, values))
                                  for k, v in value.items())
    if name == 'tuple':
        return '(%s)' % ', '.join(show(v, t) for v, t in zip(value, kind.subtypes))
    if hasattr(kind, 'fieldnames'):
        return '{%s}' % ', '.join('%s: %s' % (f, show(getattr(value, f), t))
                                  for f, t in zip(kind.fieldnames, kind.subtypes))
    if name in ('double', 'float'):
        return java_double(value, name == 'float')
    if name == 'inet' or name in ('text', 'ascii', 'varchar'):
        return "'%s'" % value.replace("'", "''")
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, bytes):
        return '0x' + value.hex()
    if isinstance(value, datetime.datetime):
        return stamp(value)
    if isinstance(value, Date):
        return "'%s'" % value
    if isinstance(value, Time):
        nanos = value.nanosecond_time
        return "'%02d:%02d:%02d.%09d'" % (nanos // (3600 * 10**9), nanos // (60 * 10**9) % 60,
                                          nanos // 10**9 % 60, nanos % 10**9)
    if isinstance(value, Duration):
        return span(value)
    if isinstance(value, decimal.Decimal):
        return str(value)
    return str(value)


def in_order(sentence):
    """Cassandra lists a function's signatures in the order of a hash, each start another one."""
    head, mark, tail = sentence.partition('known type signatures: ')
    if not mark:
        return sentence
    return head + mark + ', '.join(sorted(re.findall(r'[^ ]+ : .*? -> \w+', tail)))


def answer(session, text):
    try:
        result = session.execute(SimpleStatement(text, fetch_size=None))
    except Exception as error:  # the driver has a class for each kind of answer
        found = re.search(r'code=([0-9a-f]{4}) \[[^]]*\] message="(.*)"', str(error), re.S)
        if found:
            return ['error %s %s' % (found.group(1).upper(), found.group(2).replace('\n', ' '))]
        if hasattr(error, 'keyspace'):
            return ['error 2400 %s %s' % (error.keyspace, error.table or '')]
        return ['error ???? %r' % error]
    if result.column_names is None:
        return ['ok']
    lines = [' | '.join(result.column_names)]
    for row in result.current_rows:
        lines.append(' | '.join(show(v, t) for v, t in zip(row, result.column_types)))
    return lines


def blocks(path):
    """(lines before, statement lines, answer lines) of a file."""
    out, before, statement, expected, state = [], [], [], [], 0
    for line in open(path).read().split('\n') + ['']:
        if state == 0 and (not line or line.startswith('#')):
            before.append(line)
        elif state == 2 and not line:
            out.append((before, statement, expected))
            before, statement, expected, state = [''], [], [], 0
        elif state == 2:
            expected.append(line)
        else:
            statement.append(line)
            state = 2 if line.rstrip().endswith(';') else 1
    return out, before


def connect(host, port):
    profile = ExecutionProfile(row_factory=tuple_factory, request_timeout=60)
    return Cluster([host], port=int(port), execution_profiles={EXEC_PROFILE_DEFAULT: profile})


def compare(session, path, write):
    """How many statements of a file are answered otherwise; with `write`, the file is mended."""
    found, rest = blocks(path)
    wrong, out = 0, []
    session.execute('DROP KEYSPACE IF EXISTS ks')
    session.execute("CREATE KEYSPACE ks WITH replication = "
                    "{'class': 'SimpleStrategy', 'replication_factor': 1}")
    session.execute('USE ks')
    for before, statement, expected in found:
        ours = expected and expected[0].startswith('ours:')
        got = answer(session, '\n'.join(statement).rstrip()[:-1])
        if list(map(in_order, got)) != list(map(in_order, expected)) and not ours:
            wrong += 1
            if not write:
                print('%s: %s\n  expected %s\n  got      %s'
                      % (path, ' '.join(statement), expected, got))
        out += before[1 if not out else 0:] if before[:1] == [''] and not out else before
        out += statement + (expected if ours else got)
    if write:
        with open(path, 'w') as file:
            file.write('\n'.join(out + rest).strip('\n') + '\n')
    return wrong


def suite():
    peer = None
    try:
        peer = Peer('cassandra')
        cluster = connect(peer.at['contact'], peer.at['port'])
        session = cluster.connect()
    except Exception as err:                            # every case says why it cannot run
        start = err

        def session_of():
            raise start
    else:
        def session_of():
            return session

    def case(path):
        def check():
            wrong = compare(session_of(), path, False)
            assert not wrong, '%d statements are answered otherwise' % wrong
        check.__name__ = os.path.basename(path)[:-len('.test')]
        return check

    def close():
        if peer:
            peer.close()
    run([case(path) for path in sorted(glob.glob(os.path.join(TOP, 'test/sql/cql/*.test')))], close)


def main():
    args = [arg for arg in sys.argv[1:] if arg != '--write']
    if len(args) < 3:
        suite()
    cluster = connect(*args[:2])
    session = cluster.connect()
    wrong = sum(compare(session, path, '--write' in sys.argv) for path in args[2:])
    print('%d differ' % wrong)
    cluster.shutdown()
    return 1 if wrong and '--write' not in sys.argv else 0


sys.exit(main())
