#!/usr/bin/python3
"""postgres_gaps - what capture does when the server has lost what it was to keep.

A slot that somebody dropped, one that the server gave up, a server put back from a dump into a new
cluster, a copy cut short: each time every row is on the topic in the end, no record twice, new
changes are not taken for old ones, and /health says what happened. A value stored apart (TOAST)
comes whole although an update did not touch it.
"""
import collections
import os
import signal
import subprocess
import time

from peer_support import Peer, run, wait_for
from postgres import GUEST, PEERS, PIPELINE, close, peer, psql, topic_records
from sluice_support import Sluice

LANDED = PIPELINE.replace('schedule: every 1s', 'schedule: "@yearly"')
SLOT = 'sluice_sluice'


def landed(*, capture=True, rows=0):
    """sluice that lands in the peer, with so many rows that another program made."""
    text = LANDED % 9 if capture else (LANDED % 9).split('capture:')[0]
    sluice = Sluice([text], verb='serve', conf='landing: %s\n' % peer().at['url'])
    if rows:
        fill(rows)
    return sluice


def fill(rows):
    psql('CREATE TABLE IF NOT EXISTS raw_rows(id bigint PRIMARY KEY, v bigint)')
    psql('INSERT INTO raw_rows SELECT i, 0 FROM generate_series(1, %d) i' % rows)


def clean():
    """An empty database, as no one has seen it."""
    wait_for('the slots to be free', lambda: psql(
        'SELECT count(*) FROM pg_replication_slots WHERE active', 'postgres') == '0')
    psql('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots', 'postgres')
    for name in ('sluice', 'shop'):
        psql('DROP DATABASE IF EXISTS %s WITH (FORCE)' % name, 'postgres')
        assert psql('CREATE DATABASE %s' % name, 'postgres') is not None


def health(sluice):
    return sluice.get('ui', '/health')['tiers']['capture']


def state_of(sluice, topic='rows_changed'):
    """The topic replayed by key: id -> v; no record may be there twice."""
    records, state = topic_records(sluice, topic, keys=True), {}
    ids = collections.Counter(one for one, _, _ in records)
    assert not ids or max(ids.values()) == 1, 'records twice'
    last = 0
    for one, row, key in records:
        seq = int(one.decode().split('.')[0])
        assert seq >= last, 'numbers that fall: %d after %d' % (seq, last)
        last = seq
        if row is None:
            state.pop(int(key), None)
        else:
            state[int(key)] = row['v']
    return state


def table():
    lines = psql('SELECT id, v FROM raw_rows').split('\n')
    return {int(a): int(b) for a, b in (line.split('|') for line in lines)}


def follows(sluice, more=()):
    """Does the topic say what the table has, and nothing else but `more`?"""
    got, want = state_of(sluice), table()
    for key in more:
        got.pop(key, None)
    return got == want


def rows_from_before_come_though_killed_in_the_copy():
    clean()
    sluice = landed(rows=150000)
    try:
        for _ in range(3):
            sluice.start()
            wait_for('some of the copy', lambda: len(some_records(sluice)) > 0, 60)
            sluice.stop(signal.SIGKILL)
        cut = len(state_after(sluice))
        assert 0 < cut < 150000, 'the copy was not cut short: %d' % cut
        wait_for('the whole copy', lambda: follows(sluice), 60)
        assert psql('UPDATE raw_rows SET v=1 WHERE id=5') is not None
        wait_for('a change behind it', lambda: follows(sluice), 30)
        records = len(topic_records(sluice, 'rows_changed'))
        sluice.stop()
        sluice.start()
        time.sleep(1)
        assert len(topic_records(sluice, 'rows_changed')) == records, 'copied once more'
        assert health(sluice)['state'] == 'ok', health(sluice)
        print('     killed with %d of 150000 rows copied' % cut)
    finally:
        sluice.close()


def some_records(sluice):
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({'bootstrap.servers': sluice.at['kafka'], 'group.id': 'look'})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition('rows_changed', 0), timeout=10)
        return range(end)
    except Exception:                                   # pylint: disable=broad-except
        return range(0)                                 # no topic yet
    finally:
        consumer.close()


def state_after(sluice):
    """What is on the topic right after a start."""
    sluice.start()
    return some_records(sluice)


def a_dropped_slot_is_told_and_its_gap_filled():
    clean()
    sluice = landed(rows=1000)
    try:
        sluice.start()
        wait_for('the copy', lambda: follows(sluice), 30)
        sluice.stop()
        assert psql("SELECT pg_drop_replication_slot('%s')" % SLOT) is not None
        psql('UPDATE raw_rows SET v=7 WHERE id <= 10; DELETE FROM raw_rows WHERE id=1000')
        sluice.start()
        wait_for('what the gap hid', lambda: follows(sluice, more=[1000]), 30)
        said = health(sluice)
        assert said['state'] == 'warn' and 'was dropped' in said['note'], said
        psql('UPDATE raw_rows SET v=8 WHERE id=11')
        wait_for('what comes after', lambda: follows(sluice, more=[1000]), 30)
        drop_active_slot()                                   # while it is read
        psql('UPDATE raw_rows SET v=9 WHERE id <= 20')
        wait_for('the second gap', lambda: follows(sluice, more=[1000]), 60)
        assert health(sluice)['state'] == 'warn', health(sluice)
    finally:
        sluice.close()


def drop_active_slot():
    """Ends whoever reads it, again and again, until it can be dropped."""
    for _ in range(200):
        if psql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active;"
                "SELECT pg_drop_replication_slot('%s')" % SLOT) is not None:
            return
    raise AssertionError('the slot could not be dropped')


def a_slot_that_the_server_gave_up_is_made_anew():
    clean()
    sluice = landed(rows=1000)
    try:
        sluice.start()
        wait_for('the copy', lambda: follows(sluice), 30)
        sluice.stop()
        psql("ALTER SYSTEM SET max_slot_wal_keep_size='1MB'")
        psql('SELECT pg_reload_conf()')
        psql('UPDATE raw_rows SET v=3 WHERE id <= 10')
        for _ in range(6):
            psql('CREATE TABLE IF NOT EXISTS noise(x int); INSERT INTO noise VALUES (1);')
            psql('SELECT pg_switch_wal()')
            psql('CHECKPOINT')
        assert psql('SELECT wal_status FROM pg_replication_slots') == 'lost'
        sluice.start()
        wait_for('what the gap hid', lambda: follows(sluice), 30)
        said = health(sluice)
        assert said['state'] == 'warn' and 'max_slot_wal_keep_size' in said['note'], said
    finally:
        psql('ALTER SYSTEM RESET max_slot_wal_keep_size')
        psql('SELECT pg_reload_conf()')
        sluice.close()


def a_server_restored_into_a_new_cluster_is_no_old_one():
    """Its log begins low: without another origin every change would be taken for one that is
    written already."""
    clean()
    sluice = landed(rows=1000)
    try:
        for _ in range(4):
            psql('SELECT pg_switch_wal()')
        sluice.start()
        wait_for('the copy', lambda: follows(sluice), 30)
        psql('UPDATE raw_rows SET v=1 WHERE id <= 100')
        wait_for('changes', lambda: follows(sluice), 30)
        at = dict(peer().at)
        dump = subprocess.run(['pg_dump', '-h', at['socket'], '-p', at['port'], '-U', 'sluice',
                               'sluice'], capture_output=True, check=True, timeout=60).stdout
        psql('UPDATE raw_rows SET v=2 WHERE id <= 50')       # what the dump has not
        wait_for('the last changes', lambda: follows(sluice), 30)
        peer().kill()                                        # sluice goes on all the while
        PEERS[0].close()
        PEERS[0] = Peer('postgres', port=int(at['port']))
        at = PEERS[0].at
        subprocess.run(['psql', '-qX', '-h', at['socket'], '-p', at['port'], '-U', 'sluice', '-d',
                        'sluice'], input=dump, capture_output=True, check=True, timeout=60)
        psql('UPDATE raw_rows SET v=5 WHERE id=500')
        wait_for('the state of the restored server', lambda: follows(sluice), 60)
        said = health(sluice)
        assert said['state'] == 'warn' and 'restored' in said['note'], said
        sluice.stop(signal.SIGKILL)
        psql('UPDATE raw_rows SET v=6 WHERE id=501')
        sluice.start()
        wait_for('a change after it', lambda: follows(sluice), 30)
        assert health(sluice)['state'] == 'warn', health(sluice)
        records = topic_records(sluice, 'rows_changed')
        print('     %d records of 1000 rows' % len(records))
    finally:
        sluice.close()


def a_value_stored_apart_comes_whole():
    clean()
    psql('CREATE SCHEMA shop; CREATE TABLE shop.orders(id int PRIMARY KEY, n int, body text);'
         'ALTER TABLE shop.orders ALTER COLUMN body SET STORAGE EXTERNAL;'
         "INSERT INTO shop.orders SELECT i, 0, repeat(md5(i::text), 3200) FROM"
         ' generate_series(1, 20) i', 'shop')
    url = peer().at['url'].rsplit('/', 1)[0] + '/shop'
    sluice = Sluice([GUEST % url], verb='serve')
    try:
        sluice.start()
        wait_for('the copy', lambda: len(topic_records(sluice, 'orders')) == 20, 30)
        psql('UPDATE shop.orders SET n=n+1', 'shop')
        psql('UPDATE shop.orders SET n=n+1 WHERE id=3; DELETE FROM shop.orders WHERE id=3', 'shop')
        rows = wait_for('the updates', lambda: len_is(topic_records(sluice, 'orders', True), 42))
        whole = [row for _, row, _ in rows if row and len(row.get('body') or '') == 102400]
        gone = [row for _, row, key in rows if row and 'body' not in row and key == '3']
        assert len(whole) + len(gone) == 41, (len(whole), len(gone))
        assert len(whole) >= 39, len(whole)                  # what is gone has no value to read
        print('     %d rows with 100 KiB each, %d of a row that was gone' % (len(whole), len(gone)))
    finally:
        sluice.close()


def len_is(rows, cnt):
    return rows if len(rows) == cnt else None


if __name__ == '__main__':
    os.environ.setdefault('PGCONNECT_TIMEOUT', '5')
    run([rows_from_before_come_though_killed_in_the_copy, a_dropped_slot_is_told_and_its_gap_filled,
         a_slot_that_the_server_gave_up_is_made_anew,
         a_server_restored_into_a_new_cluster_is_no_old_one, a_value_stored_apart_comes_whole],
        close)
