#!/usr/bin/env python3
"""plan - sluice plan: the same answer with a server on the data folder and without, nothing made
by looking, and every way in which a file does not fit what is there."""
import json
import os
import re

from sluice_support import Sluice, TOP, run, wait_for

USERS = open(os.path.join(TOP, 'examples/users.yml')).read()
SLUICE = Sluice([USERS], options=['--offline'])


def plan(text, *options):
    path = os.path.join(SLUICE.dir, 'asked.yml')
    with open(path, 'w') as file:
        file.write(text)
    done = SLUICE.cli('plan', path, '--format', 'json', *options)
    if done.returncode in (2, 3) or not done.stdout:
        raise AssertionError('%d %s' % (done.returncode, done.stderr))
    answer = json.loads(done.stdout)
    states = {'%(kind)s %(name)s' % o: (o['state'], o['note'])
              for o in answer['pipelines'][0]['objects']}
    return done.returncode, answer, states


def changed(old, new):
    assert old in USERS
    return USERS.replace(old, new)


def of_no_data_makes_all_and_leaves_no_trace():
    code, answer, states = plan(USERS)
    assert code == 0 and answer['make'] == len(states) == 6, states
    assert plan(USERS, '--exit-code')[0] == 4
    assert not os.path.exists(SLUICE.data)


def of_what_runs_is_all_there():
    SLUICE.start()
    wait_for('rows', lambda: plan(USERS)[2]['landing table raw_users'][1].endswith(' 100 rows'))
    wait_for('the table', lambda: plan(USERS)[1]['exists'] == 6)
    assert plan(USERS, '--exit-code')[0] == 0


FILES = {
    'key': (changed('key: login.uuid', 'key: email'), 1, 'landing table raw_users', 'conflict',
            'its key is login.uuid, the file says email'),
    'table key': (changed('key: id uuid', 'key: id text'), 1,
                  'table spark_streams.created_users', 'conflict', 'is there with another key'),
    'column': (changed('phone, picture', 'cell, nat, phone, picture'), 0,
               'table spark_streams.created_users', 'widen', 'by cell, nat'),
    'no column': (changed('phone, picture', 'phon, picture'), 1,
                  'table spark_streams.created_users', 'conflict', "there is no column 'phon'"),
    'topic': (changed('users_created: raw_users', 'people: raw_users')
              .replace('STREAM users_created', 'STREAM people')
              .replace('users_created.lag', 'people.lag'), 0,
              'subject people-value', 'make', 'with the first record'),
    'partitions': (changed('users_created: raw_users',
                           'users_created: {table: raw_users, partitions: 3}'), 0,
                   'topic users_created', 'exists', 'it has 1 partitions and keeps them'),
}


def check_all():
    answers = {}
    for name, (text, code, thing, state, note) in FILES.items():
        got, answers[name], states = plan(text)
        assert states[thing][0] == state and note in states[thing][1], (name, states[thing])
        assert got == code, (name, got)
    return json.dumps(answers)


ANSWERS = []


def says_what_does_not_fit_with_a_server():
    ANSWERS.append(check_all())


def says_the_same_without_one():
    SLUICE.stop()
    ANSWERS.append(check_all())
    count = re.compile(r'\d+ rows')
    assert count.sub('rows', ANSWERS[0]) == count.sub('rows', ANSWERS[1])


def of_a_file_with_mistakes_reports_them():
    path = os.path.join(SLUICE.dir, 'bad.yml')
    with open(path, 'w') as file:
        file.write('pipeline: x\nfech: {}\n')
    done = SLUICE.cli('plan', path)
    assert done.returncode == 1 and "did you mean 'fetch'?" in done.stdout, done


run([of_no_data_makes_all_and_leaves_no_trace, of_what_runs_is_all_there,
     says_what_does_not_fit_with_a_server, says_the_same_without_one,
     of_a_file_with_mistakes_reports_them], SLUICE.close)
