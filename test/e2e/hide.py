#!/usr/bin/env python3
"""hide - what a capture hides is nowhere but in the landing table: no topic, no quarantine, no CQL
table, no answer of the pages about them, no file of the log or the store, no schema."""
import glob
import json
import os
import sqlite3

from sluice_support import Sluice, run, wait_for

PIPELINE = '''
pipeline: hidden
schedule: every 1s
fetch:
  raw:
    url: "people:?results=50&seed=hide"
    rows: results[*]
    key: login.uuid
capture:
  plain: {table: raw, hide: [login.password, login.sha256, "['email']"]}
  framed: {table: raw, format: json_schema, hide: [login.password, login.sha256, email]}
  changes: {table: raw, format: debezium, partitions: 3, hide: [login.password, login.sha256, email]}
transform:
  ks.people:
    key: uid
    sql: SELECT login.uuid AS uid, login, name, gender, nat FROM STREAM plain
    expect:
      only_women: gender = 'female'
'''
SLUICE = Sluice([PIPELINE])
SECRETS = []


def secrets():
    """Every value that must not be seen, from the landing table."""
    if not SECRETS:
        db = sqlite3.connect(os.path.join(SLUICE.data, 'landing.db'))
        for login, email in db.execute('SELECT login, email FROM raw'):
            login = json.loads(login)
            SECRETS.extend([login['sha256'], email])
            if len(login['password']) > 7:              # short ones are words that occur anyway
                SECRETS.append('"%s"' % login['password'])
        assert len(SECRETS) >= 100
    return SECRETS


def clean(where, text):
    for secret in secrets():
        found = text.find(secret.encode() if isinstance(text, bytes) else secret)
        assert found < 0, '%s shows %s: %r' % (where, secret, text[max(found - 40, 0):found + 80])


def flows():
    SLUICE.start()
    wait_for('rows in the table and the quarantine', lambda: SLUICE.get(
        'ui', '/ui/quarantine')['datasets'] and
        sum(d['count'] for d in SLUICE.get('ui', '/ui/quarantine')['datasets']) > 5)
    db = sqlite3.connect(os.path.join(SLUICE.data, 'landing.db'), timeout=10)
    db.execute("UPDATE raw SET nat = 'XX'")             # as another program: rows made of columns
    db.execute("DELETE FROM raw WHERE gender = 'male' AND nat = 'XX' AND rowid % 2 = 0")
    secrets()
    db.commit()
    db.close()
    wait_for('their changes', lambda: SLUICE.get('ui', '/ui/topics/changes')
             ['partitions'] and 'XX' in SLUICE.get('ui', '/ui/topics/changes/records?limit=200',
                                                   raw=True).decode())


def topics_show_nothing():
    for topic in ('plain', 'framed', 'changes', 'people.quarantine', '_schemas'):
        answer = SLUICE.get('ui', '/ui/topics/%s/records?limit=200' % topic, raw=True).decode()
        assert json.loads(answer)['records'], topic
        clean(topic, answer)
    clean('quarantine', SLUICE.get('ui', '/ui/quarantine/people?limit=200', raw=True).decode())


def schemas_name_nothing():
    for subject in ('plain-value', 'framed-value', 'changes-value'):
        text = SLUICE.get('registry', '/subjects/%s/versions/latest' % subject)['schema']
        assert 'username' in text, text[:200]
        for name in ('password', 'sha256', 'email'):
            assert '"%s"' % name not in text, (subject, name)


def tables_show_nothing():
    answer = SLUICE.get('ui', '/ui/tables/store/ks.people/rows?limit=200', raw=True).decode()
    clean('ks.people', answer)
    assert 'username' in answer


def files_hold_nothing():
    SLUICE.stop()
    files = [name for part in ('log', 'store') for name in
             glob.glob(os.path.join(SLUICE.data, part, '**'), recursive=True)
             if os.path.isfile(name)]
    assert len(files) > 10
    for name in files:
        with open(name, 'rb') as file:
            clean(name, file.read())
    clean('the words for people', SLUICE.log())


run([flows, topics_show_nothing, schemas_name_nothing, tables_show_nothing, files_hold_nothing],
    SLUICE.close)
