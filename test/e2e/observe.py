"""observe - what others read of a running sluice: /metrics, strictly; and that it ends at once."""
import math
import os
import re
import socket
import threading
import time

from sluice_support import TOP, Sluice, run, wait_for

with open(os.path.join(TOP, 'examples', 'users.yml')) as example:
    USERS = example.read().replace('every 10s', 'every 1s').replace('results=100', 'results=20')
SILENT = """pipeline: silent
schedule: every 1h
fetch:
  raw_silence:
    url: http://127.0.0.1:%d/
"""

# An API that takes connections and never says a word.
listener = socket.create_server(('127.0.0.1', 0))
PORT = listener.getsockname()[1]
held = []


def hold():
    while True:
        held.append(listener.accept()[0])


threading.Thread(target=hold, daemon=True).start()
sluice = Sluice([USERS, SILENT % PORT], options=['--offline'],
                conf='allow: ["127.0.0.1:%d"]\n' % PORT)

NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
TYPES = ('counter', 'gauge', 'histogram')


def parse_sample(line):
    """name, labels, value of a line; AssertionError where the format forbids it."""
    name = NAME.match(line)
    assert name, line
    at, labels = name.end(), {}
    if line[at:at + 1] == '{':
        at += 1
        while line[at] != '}':
            label = LABEL.match(line, at)
            assert label and label[1] not in labels, line
            labels[label[1]] = label[2]
            at = label.end()
            assert line[at] in ',}', line
            if line[at] == ',':
                at += 1
                assert line[at] != '}', line
        at += 1
    assert line[at] == ' ', line
    return name[0], labels, float(line[at + 1:])


def parse(text):
    """{family: (type, help, [(name, labels, value)])}; strict where Prometheus is, and a little more."""
    families, family, seen = {}, None, set()
    assert text.endswith('\n')
    for line in text[:-1].split('\n'):
        if line.startswith('# HELP '):
            name, words = line[7:].split(' ', 1)
            assert name not in families, 'twice: ' + name
            assert NAME.fullmatch(name) and words, line
            families[name] = family = [None, words, []]
            family_name = name
        elif line.startswith('# TYPE '):
            name, kind = line[7:].split(' ')
            assert family and name == family_name and family[0] is None and not family[2], line
            assert kind in TYPES, line
            family[0] = kind
        else:
            name, labels, value = parse_sample(line)
            suffix = name[len(family_name):]
            assert name.startswith(family_name) and family[0], line
            assert suffix in (('_bucket', '_sum', '_count') if family[0] == 'histogram' else ('',)), line
            key = (name, tuple(sorted(labels.items())))
            assert key not in seen, 'twice: ' + line
            seen.add(key)
            family[2].append((name, labels, value))
    return families


def check_histogram(name, samples):
    """Buckets rise, end with +Inf, and agree with the count."""
    rows = {}
    for sample, labels, value in samples:
        key = tuple(sorted(item for item in labels.items() if item[0] != 'le'))
        row = rows.setdefault(key, {'buckets': []})
        if sample == name + '_bucket':
            row['buckets'].append((float(labels['le']), value))
        else:
            assert 'le' not in labels
            row[sample[len(name):]] = value
    for row in rows.values():
        bounds = [b for b, _ in row['buckets']]
        counts = [c for _, c in row['buckets']]
        assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf, name
        assert counts == sorted(counts) and counts[-1] == row['_count'], name
        assert '_sum' in row, name


def the_parser_refuses_what_is_no_metric():
    good = '# HELP a_total b\n# TYPE a_total counter\n'
    assert parse(good + 'a_total{x="1\\"\\\\\\n"} 2\n')['a_total'][2] == [('a_total', {'x': '1\\"\\\\\\n'}, 2)]
    for bad in ('a_total 1', good + 'b_total 1\n', good + 'a_total{x="1"\n', good + 'a_total{x="\\q"} 1\n',
                good + 'a_total{x="1",} 1\n', good + 'a_total 1\na_total 1\n', good + 'a_total x\n',
                good + good, 'a_total 1\n', good + 'a_total_sum 1\n', good + '\n'):
        try:
            parse(bad)
        except (AssertionError, ValueError, IndexError, TypeError, UnboundLocalError):
            continue
        raise AssertionError('taken: %r' % bad)


def it_starts():
    sluice.start()
    wait_for('rows', lambda: scrape()['sluice_node_rows_total'][2] and nodes().get(
        'table:spark_streams.created_users', 0) > 20)
    wait_for('the API that is silent to be asked', lambda: held)


def scrape():
    return parse(sluice.get('http', '/metrics', raw=True).decode())


def nodes():
    return {labels['node']: value for _, labels, value in scrape()['sluice_node_rows_total'][2]
            if labels['direction'] == 'out'}


def every_line_is_as_the_format_asks():
    for name, (kind, _, samples) in scrape().items():
        assert name.endswith('_total') == (kind == 'counter'), name
        assert name.startswith(('sluice_', 'process_')), name
        if kind == 'histogram':
            check_histogram(name, samples)
            assert name.endswith('_seconds'), name
        assert all(not math.isnan(value) for _, _, value in samples), name


def every_node_topic_task_check_and_alert_is_there_by_name():
    found = scrape()

    def labels(name, label):
        return {sample[1][label] for sample in found[name][2]}
    assert labels('sluice_node_rows_total', 'node') >= {
        'source:raw_users', 'landing:raw_users', 'topic:users_created',
        'transform:spark_streams.created_users', 'table:spark_streams.created_users',
        'quarantine:created_users.quarantine', 'source:raw_silence'}
    assert 'transform:spark_streams.created_users' in labels('sluice_node_lag_rows', 'node')
    for name in ('age_seconds', 'busy_ratio', 'backpressure_ratio', 'delay_p99_seconds'):
        assert found['sluice_node_' + name][2], name
    assert labels('sluice_quality_rows_total', 'check') == {'has_id', 'valid_email', 'known_gender'}
    assert labels('sluice_quality_rows_total', 'result') == {'passed', 'failed'}
    assert labels('sluice_alert_firing', 'alert') == {'users_stopped', 'users_rejected', 'users_lagging'}
    assert 'users_created' in labels('sluice_topic_end_offset', 'topic')
    assert labels('sluice_task_tries_total', 'task') == {'raw_users', 'raw_silence'}
    assert labels('sluice_run_duration_seconds', 'dag') == {'user_automation', 'silent'}
    assert found['sluice_end_to_end_latency_seconds'][2]
    assert found['sluice_build_info'][2][0][2] == 1


def numbers_agree_with_the_topic():
    def agree():
        ends = sum(v for _, l, v in scrape()['sluice_topic_end_offset'][2] if l['topic'] == 'users_created')
        return nodes()['topic:users_created'] == ends
    wait_for('the same number of records', agree)


def it_ends_within_a_second_while_an_api_hangs():
    began = time.time()
    assert sluice.stop() == 0
    took = time.time() - began
    assert took < 1, '%.2f s' % took


run([the_parser_refuses_what_is_no_metric, it_starts, every_line_is_as_the_format_asks,
     every_node_topic_task_check_and_alert_is_there_by_name, numbers_agree_with_the_topic,
     it_ends_within_a_second_while_an_api_hangs], close=sluice.close)
