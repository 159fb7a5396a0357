"""people_support - a pipeline of made-up people that runs while another system fails, and what is
there of it: the rows that landed, the records on its topic.
"""
import itertools
import os
import sqlite3
import subprocess

from sluice_support import Sluice

PARTITIONS = 3
PIPELINE = """pipeline: people
schedule: every 300ms
fetch:
  raw_users:
    url: people:?results=20
    rows: results[*]
    key: login.uuid
capture:
  %(topic)s: {table: raw_users, partitions: %(parts)d}
transform:
  spark_streams.%(topic)s_table:
    key: id uuid
    sql: SELECT login.uuid AS id, email FROM STREAM %(topic)s
"""
NUMBERS = itertools.count(1)


def people(conf):
    """A sluice of its own, not started yet; its `topic` is no other's."""
    topic = 'users_%d' % next(NUMBERS)
    node = Sluice([PIPELINE % {'topic': topic, 'parts': PARTITIONS}], conf=conf, verb='serve')
    node.topic = topic
    return node


def landed(node):
    """The keys of the rows in the embedded landing."""
    path = os.path.join(node.data, 'landing.db')
    with sqlite3.connect('file:%s?mode=ro' % path, uri=True) as base:
        try:
            return [row[0] for row in base.execute('SELECT "login.uuid" FROM raw_users')]
        except sqlite3.OperationalError:                # nothing has landed yet
            return []


def kcat(bootstrap, *words):
    done = subprocess.run(['kcat', '-b', bootstrap] + list(words), capture_output=True, text=True,
                          timeout=120, check=False)
    return done.stdout


def on_topic(bootstrap, topic):
    """Every record's key, by another program; [] while there is no topic, which kcat would wait
    for."""
    if '"%s"' % topic not in kcat(bootstrap, '-L', '-J'):
        return []
    said = kcat(bootstrap, '-C', '-t', topic, '-e', '-q', '-o', 'beginning', '-f', '%k\n')
    return [line.strip('"') for line in said.split('\n') if line]


def appended(bootstrap, topic):
    """How many records there are: kcat would read on and on while more come."""
    asked = [word for part in range(PARTITIONS) for word in ('-t', '%s:%d:-1' % (topic, part))]
    said = kcat(bootstrap, '-Q', *asked)
    return sum(int(line.split()[-1]) for line in said.split('\n') if 'offset' in line)
