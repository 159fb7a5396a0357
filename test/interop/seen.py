#!/usr/bin/python3
"""seen - what the pages and /metrics say of real systems, compared with what these say themselves."""
import json
import re
import time

from confluent_kafka import Consumer, TopicPartition

from peer_support import run, wait_for
from world_support import World

ROWS, BEHIND, TOLERANCE_S = 3000, 40, 3.0
PIPELINE = '''pipeline: seen
fetch:
  raw_users: {url: "people:?results=%d&seed=5", rows: "results[*]", key: login.uuid}
capture:
  users: {table: raw_users, partitions: 3}
transform:
  k.people:
    key: id uuid
    sql: SELECT login.uuid AS id, gender, email FROM STREAM users
    expect:
      women: gender = 'female'
alert:
  many_failed: people.failed > 10
''' % ROWS
STATE = {}


def world():
    if 'world' not in STATE:
        STATE['world'] = World([PIPELINE])
        STATE['world'].start()
        STATE['world'].sluice.cli('run', 'seen')
    return STATE['world']


def ask(path, door='ui', raw=False):
    """An answer of the pages' API, which must come soon."""
    began = time.time()
    got = world().sluice.get(door, path, raw)
    took = time.time() - began
    assert took < TOLERANCE_S, '%s took %.1f s' % (path, took)
    return got


def count(table):
    return world().session().execute('SELECT count(*) AS n FROM ' + table).one()['n']


def settled():
    """All rows are in the table or in quarantine."""
    def there():
        try:
            return count('k.people') + len(world().quarantined('people')) == ROWS
        except Exception:                               # pylint: disable=broad-except
            return False                                # no table yet
    if 'settled' not in STATE:
        wait_for('%d rows to be through' % ROWS, there, 300)
        STATE['settled'] = True


def rows_are_those_of_the_databases():
    settled()
    tables = {one['name']: one for one in ask('/ui/tables')['tables']}
    landed = int(world().psql('SELECT count(*) FROM raw_users')[1][0])
    assert landed == ROWS == tables['raw_users']['rows'], tables['raw_users']
    there, shown = count('k.people'), tables['k.people']
    assert 1000 < there < 2000, there
    assert shown['rows'] == there and not shown['approx'], (there, shown)
    page = ask('/ui/tables/store/k.people/rows?limit=5')
    names = [column['name'] for column in page['columns']]
    for row in page['rows']:
        mine = dict(zip(names, row))
        found = world().session().execute('SELECT email, gender FROM k.people WHERE id = %s' %
                                          mine['id']).one()
        assert found == {'email': mine['email'], 'gender': 'female'}, (found, mine)


def topics_and_records_are_those_of_kafka():
    settled()
    records = world().records('users')
    one = ask('/ui/topics/users')
    ends = {part['id']: (part['start'], part['end']) for part in one['partitions']}
    for part in range(3):
        mine = [record for record in records if record.partition == part]
        assert ends[part] == (0, len(mine)), (part, ends, len(mine))
    listed = {topic['name']: topic for topic in ask('/ui/topics')['topics']}
    assert listed['users']['messages'] == len(records) == ROWS, listed['users']
    assert listed['people.quarantine']['messages'] == len(world().quarantined('people'))
    newest = ask('/ui/topics/users/records?limit=20')['records']
    known = {(record.partition, record.offset): record for record in records}
    assert len(newest) == 20
    for shown in newest:
        record = known[shown['partition'], shown['offset']]
        assert json.loads(shown['value']) == json.loads(record.value), shown


def lag_is_what_a_group_has_left():
    settled()
    consumer = Consumer({'bootstrap.servers': world().bootstrap(), 'group.id': 'reporting',
                         'enable.auto.commit': False})
    ends = {}
    for part in range(3):
        ends[part] = consumer.get_watermark_offsets(TopicPartition('users', part), timeout=20)[1]
    consumer.commit(offsets=[TopicPartition('users', part, end - BEHIND - part)
                             for part, end in ends.items()], asynchronous=False)
    consumer.close()
    found = ask('/ui/groups/reporting')
    shown = {one['partition']: one['lag'] for one in found['partitions']}
    assert shown == {part: BEHIND + part for part in range(3)}, shown
    assert found['lag'] == 3 * BEHIND + 3, found
    listed = {one['id']: one for one in ask('/ui/groups')['groups']}
    assert listed['reporting']['lag'] == 3 * BEHIND + 3, listed
    lines = ask('/metrics', raw=True).decode()
    told = dict(re.findall(r'^sluice_group_lag\{group="reporting",topic="users",partition="(\d)"\}'
                           r' (\d+)$', lines, re.M))
    assert told == {str(part): str(BEHIND + part) for part in range(3)}, told
    ends_told = dict(re.findall(r'^sluice_topic_end_offset\{topic="users",partition="(\d)"\} (\d+)$',
                                lines, re.M))
    assert ends_told == {str(part): str(end) for part, end in ends.items()}, ends_told


def checks_and_alerts_count_what_failed():
    settled()
    bad = len(world().quarantined('people'))
    quarantine = ask('/ui/quarantine')['datasets'][0]
    assert quarantine['count'] == bad == quarantine['checks'][0]['count'], (bad, quarantine)
    assert quarantine['checks'][0]['check'] == 'women'
    def firing():
        return [rule for rule in ask('/ui/alerts')['rules']
                if rule['name'] == 'many_failed' and rule['state'] == 'firing']
    rule = wait_for('the alert about failed rows', firing, 10)[0]
    assert rule['value'] == bad, (rule, bad)


def tiers_are_named_and_healthy():
    impl = {tier['id']: tier['impl'] for tier in ask('/ui/graph')['tiers']}
    assert (impl['landing'], impl['log'], impl['store']) == ('PostgreSQL', 'Kafka', 'Cassandra'), impl
    health = ask('/health')
    assert health['status'] == 'ok', health
    runs = ask('/api/v2/dags/seen/dagRuns', door='http')['dag_runs']
    told = world().psql("SELECT state FROM _sluice_run WHERE dag = 'seen'")
    assert len(runs) == len(told) - 1 == 1, (runs, told)


def close():
    if 'world' in STATE:
        STATE['world'].close()


if __name__ == '__main__':
    run([rows_are_those_of_the_databases, topics_and_records_are_those_of_kafka,
         lag_is_what_a_group_has_left, checks_and_alerts_count_what_failed,
         tiers_are_named_and_healthy], close)
