#!/usr/bin/env python3
"""cli - the command without a server: help, options, exit codes, and JSON that is JSON."""
import json
import os
import shutil
import subprocess
import tempfile

from sluice_support import SLUICE, TOP, run

FOLDER = tempfile.mkdtemp(prefix='sluice-cli-')
VERBS = ['dev', 'serve', 'check', 'plan', 'run', 'dag', 'task', 'topic', 'tap', 'group', 'table',
         'quarantine', 'version']
NEED_SERVER = [['dag'], ['dag', 'x'], ['task'], ['topic'], ['topic', 'x'], ['group'], ['table'],
               ['quarantine'], ['run', 'x'], ['tap', 'x'], ['dag', 'x', '--pause']]
USERS = os.path.join(TOP, 'examples/users.yml')


def sluice(*words, code=0, env=None):
    done = subprocess.run([SLUICE] + list(words), capture_output=True, text=True, timeout=30,
                          cwd=FOLDER, env=dict(os.environ, **(env or {})))
    assert done.returncode == code, '%s: exit code %d, not %d: %s%s' % (
        words, done.returncode, code, done.stdout, done.stderr)
    return done


def help_of_every_verb_begins_with_what_it_does():
    everything = sluice('--help').stdout
    assert sluice('help').stdout == everything == sluice('-h').stdout
    assert sluice(code=2).stdout == everything
    for verb in VERBS:
        assert '\n  %-12s ' % verb in everything, verb
        text = sluice(verb, '--help').stdout
        summary, blank, examples = text.split('\n')[:3]
        assert summary and not blank and examples == 'Examples:', text
        assert '\n  sluice %s' % verb in text and '\nUsage: sluice %s ' % verb in text, text
        for option in ('--data DIR', '--format text|json', '--help'):
            assert option in text, (verb, option)
        assert all(len(line) <= 100 for line in text.split('\n')), verb


def wrong_use_is_2_and_names_the_nearest():
    assert "unknown verb 'chek'; did you mean 'check'?" in sluice('chek', code=2).stderr
    assert 'did you mean --conf?' in sluice('check', '--cnf', 'x', code=2).stderr
    assert '--conf needs a value: FILE' in sluice('check', '--conf', code=2).stderr
    assert "--format is text or json, not 'xml'" in sluice('topic', '--format', 'xml',
                                                           code=2).stderr
    for words in (['check'], ['plan'], ['run'], ['tap'], ['tap', 'a', 'b'], ['run', 'a', 'b'],
                  ['tap', 'x', '--count', '0'], ['tap', 'x', '--count', 'many']):
        said = sluice(*words, code=2)
        assert said.stderr.startswith('sluice %s: ' % words[0]) and not said.stdout, (words, said)


def without_a_server_is_3_and_says_how_to_start_one():
    for words in NEED_SERVER:
        said = sluice(*words, code=3)
        assert "no server has run in 'data'; start one with `sluice dev`" in said.stderr, said
    other = sluice('topic', '--data', 'elsewhere', code=3)
    assert "'elsewhere'" in other.stderr
    assert "'by-env'" in sluice('topic', code=3, env={'SLUICE_DATA': 'by-env'}).stderr
    assert not os.listdir(FOLDER)


def a_server_that_is_gone_is_3():
    os.mkdir(os.path.join(FOLDER, 'gone'))
    with open(os.path.join(FOLDER, 'gone/addresses'), 'w') as file:
        file.write('{"http":"127.0.0.1:1"}\n')
    said = sluice('topic', '--data=gone', code=3)
    assert 'is it running?' in said.stderr, said


def version_and_check_as_json():
    version = json.loads(sluice('version', '--format', 'json').stdout)['version']
    assert sluice('version').stdout == 'sluice %s\n' % version == sluice('--version').stdout
    assert json.loads(sluice('check', '--format=json', USERS).stdout) == []
    assert sluice('check', USERS).stdout == '1 file, no mistakes\n'
    with open(os.path.join(FOLDER, 'bad.yml'), 'w') as file:
        file.write('pipeline: "a \\" b"\nfech: {}\n')
    mistakes = json.loads(sluice('check', 'bad.yml', '--format', 'json', code=1).stdout)
    assert [(m['file'], m['line'], m['col']) for m in mistakes] == [('bad.yml', 1, 11),
                                                                    ('bad.yml', 2, 1)], mistakes
    assert sluice('check', 'bad.yml', code=1).stdout.endswith('2 mistakes\n')


def a_file_that_is_not_there_is_1_and_named():
    for verb in ('check', 'plan', 'dev', 'serve'):
        said = sluice(verb, 'none.yml', code=1)
        assert 'none.yml' in said.stderr, said
    assert 'none.yml' in sluice('check', '--conf', 'none.yml', code=1).stderr


def two_files_that_make_the_same_are_a_mistake():
    other = os.path.join(FOLDER, 'same.yml')
    shutil.copy(USERS, other)
    said = sluice('check', USERS, other, code=1).stdout
    assert "landing table 'raw_users' is made already, by " + USERS in said, said
    assert "topic 'users_created' is made already" in said, said


run([help_of_every_verb_begins_with_what_it_does, wrong_use_is_2_and_names_the_nearest,
     without_a_server_is_3_and_says_how_to_start_one, a_server_that_is_gone_is_3,
     version_and_check_as_json, a_file_that_is_not_there_is_1_and_named,
     two_files_that_make_the_same_are_a_mistake],
    lambda: shutil.rmtree(FOLDER))
