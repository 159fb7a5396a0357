#!/usr/bin/python3
"""ledger_world - the ledger with every tier in a real system: PostgreSQL, Kafka, Cassandra,
ZooKeeper.

The books are told in test/e2e/ledger_support.py. sluice and each of the systems die by `kill -9`
in turn, are started again, often while another is still down, and connections are cut by proxies.
Then broken builds are tried, each with the fault that brings it to light: the books must not
balance.

  WORLD_EVENTS=300      how many (24); WORLD_SEED replays their order
"""
import collections
import os
import random
import signal
import time

import psycopg2

from peer_support import Skip, run, wait_for
from ledger_support import Books, PIPELINE
from systems_support import Systems
from sluice_support import Sluice

EVENTS = int(os.environ.get('WORLD_EVENTS', '24'))
SEED = int(os.environ.get('WORLD_SEED', '1'))
PARTS = 3
# How often each event comes, of 24: a kill of a system that takes long to start comes seldom.
EVENT = {'kill sluice': 6, 'kill postgres': 4, 'kill kafka': 3, 'kill cassandra': 2,
         'kill zookeeper': 3, 'cut kafka': 2, 'cut postgres': 2, 'cut cassandra': 1,
         'cut zookeeper': 1}
WORLD = []


def systems():
    """All cases' systems, started by the first; if they cannot be had, all cases are skipped."""
    if not WORLD:
        try:
            WORLD.append(Systems())
        except Skip as why:
            WORLD.append(why)
    if isinstance(WORLD[0], Skip):
        raise WORLD[0]
    return WORLD[0]


class Real(Books):
    """A pipeline of its own, with the program that runs it."""

    def __init__(self, name, mutant=None, pause=0.05):
        super().__init__(SEED, pause)
        self.name = name
        self.env = {'SLUICE_MUTANT': mutant} if mutant else {}
        self.topics = {'records': 'records_' + name, 'quarantine': name + '.quarantine'}
        self.db = None
        systems().make_base(name)
        pipeline = PIPELINE % {'name': name, 'port': self.api.port, 'parts': PARTS,
                               'topic': self.topics['records'], 'table': name}
        self.sluice = Sluice([pipeline], verb='serve', conf=systems().conf(0, name) +
                             'allow: ["127.0.0.1:%d"]\n' % self.api.port)

    def start(self, wait=True, env=None):
        self.sluice.start(dict(self.env, **(env or {})), wait=wait)

    def close(self):
        super().close()
        self.sluice.stop(signal.SIGKILL)
        self.sluice.close()

    # ---- the other program ----

    def commit(self, changes):
        try:
            if self.db is None:
                self.db = systems().base(self.name, autocommit=False)
                if self.was_committed(changes):
                    return True
            with self.db.cursor() as cursor:
                for key, n, v in changes:
                    if v == 1:
                        cursor.execute("INSERT INTO rows (id, n, v, who) VALUES (%s, %s, 1, 'own')",
                                       (key, n))
                    else:
                        cursor.execute('UPDATE rows SET v = %s WHERE id = %s', (v, key))
            self.db.commit()
            return True
        except psycopg2.Error:
            self.drop()
            return False

    def was_committed(self, changes):
        """After a connection was lost nobody knows whether its last commit happened."""
        with self.db.cursor() as cursor:
            cursor.execute('SELECT 1 FROM rows WHERE id = %s', (changes[0][0],))
            found = cursor.fetchone()
        self.db.commit()
        return bool(found)

    def drop(self):
        if self.db is not None:
            try:
                self.db.close()
            except psycopg2.Error:
                pass
        self.db = None

    # ---- the world's answers ----

    def landed(self):
        return {key: (n, v) for key, n, v in systems().ask(self.name, 'SELECT id, n, v FROM rows')}

    def landed_yet(self):
        """The same; none while there is no table or no server."""
        try:
            return self.landed()
        except psycopg2.Error:
            return {}

    def on_topic(self, which):
        for record in systems().records(self.topics[which], PARTS):
            yield record.part, record.value['id'], record.value['n'], record.value['v']

    def in_table(self):
        return list(systems().session().execute('SELECT id, n, v FROM books.%s' % self.name))

    def acknowledge(self):
        """What has been read must be there for good; from a server that is away nothing is read."""
        try:
            super().acknowledge()
        except psycopg2.Error:
            pass

    def begin(self, env=None):
        self.start(env=env)
        wait_for('the first rows', lambda: len(self.landed_yet()) > 0, 90)
        self.writer.start()
        wait_for('rows of both writers', lambda: len(self.writer.version) > 40, 60)

    def in_table_yet(self):
        try:
            return {key: v for key, _, v in self.in_table()}
        except Exception:                               # pylint: disable=broad-except
            return {}

    def goes_on(self, seconds=90):
        """What is landed now comes through all of it, whatever has been done to it."""
        rows = {key: v for key, (n, v) in self.landed().items() if (n + v) % 10 != 3}

        def through():
            table = self.in_table_yet()
            return all(table.get(key, 0) >= v for key, v in rows.items())
        wait_for('what had landed to come through', through, seconds)

    def end(self, seconds=90):
        self.quiet()
        time.sleep(2.5)                                 # a fetch that is under way
        return self.settle(seconds)


# ---- the events ----

def draw_events(rng):
    """In the proportions above, in an order of the seed's."""
    deck = []
    while len(deck) < EVENTS:
        hand = [event for event, count in EVENT.items() for _ in range(count)]
        rng.shuffle(hand)
        deck += hand
    return deck[:EVENTS]


def do_event(books, event, rng):
    what, whom = event.split()
    if whom == 'sluice':
        books.sluice.stop(signal.SIGKILL)
        books.start(wait=False)
    elif what == 'cut':
        systems().way(whom).cut()
    else:
        systems().kill(whom)
        systems().again_soon(whom, rng.choice((0, 0, 0.5, 2)))
        if rng.random() < 0.5:                          # the next event meets it while it is away
            systems().wait()


def every_committed_row_is_there_once_through_all_of_it():
    rng, count, began = random.Random(SEED), collections.Counter(), time.time()
    books = Real('ledger')
    try:
        books.begin()
        books.goes_on()
        for i, event in enumerate(draw_events(rng)):
            time.sleep(rng.uniform(0.1, 1.5))
            books.acknowledge()
            do_event(books, event, rng)
            count[event] += 1
            if i % 8 == 7:
                systems().wait()
                books.goes_on()
        systems().wait()
        audited = books.end()
        print('     %d events in %.0f s, seed %d: %s' % (
            sum(count.values()), time.time() - began, SEED,
            ', '.join('%s %d' % pair for pair in sorted(count.items()))))
        print('     audited %d records, %d changes, at most %d of a record' % audited)
    finally:
        books.close()


# ---- broken builds ----

def caught(mutant, fault, *words):
    """The audit finds what is wrong with this build, in one of these words."""
    books = Real('m_' + mutant.replace('-', '_'), mutant, pause=0.02)
    try:
        books.begin()
        books.goes_on()
        fault(books)
        systems().wait()
        if books.sluice.process is None or books.sluice.process.poll() is not None:
            books.start()
        try:
            books.end(15)
        except AssertionError as why:
            assert any(word in str(why) for word in words), 'caught by something else: %s' % why
            print('     caught: %s' % str(why)[:150])
            return
        raise AssertionError('the broken build %s was not caught' % mutant)
    finally:
        books.close()


def offsets_before_their_rows():
    """It dies between the two."""
    def fault(books):
        for i in range(12):
            books.sluice.stop(signal.SIGKILL)
            books.start(wait=False, env={'SLUICE_FAULT': 'die@%d:point' % (3 + i)})
            deadline = time.time() + 12
            while books.sluice.process.poll() is None and time.time() < deadline:
                time.sleep(0.02)
            if books.sluice.log().count('pass store.commit') == 4:
                break
        books.sluice.stop(signal.SIGKILL)
    caught('offset-before-effect', fault, 'table has', 'quarantine has')


def changes_confirmed_before_the_brokers_answer():
    """The server forgets changes that no topic has: Kafka is away, and sluice dies."""
    def fault(books):
        systems().kill('kafka')
        time.sleep(2)
        books.sluice.stop(signal.SIGKILL)
        systems().again('kafka')
    caught('capture-confirms-early', fault, 'not on the topic', 'topic ends with')


def what_was_written_is_forgotten():
    """It dies between the broker's answer and the confirmation, and writes again."""
    def fault(books):
        for _ in range(8):
            time.sleep(1)
            books.sluice.stop(signal.SIGKILL)
            books.start()
            time.sleep(2)
    caught('capture-forgets-what-it-wrote', fault, 'twice on the topic', 'out of order')


def a_producer_without_numbers():
    """Answers are lost on their way, so what was written is sent again."""
    def fault(_):
        for _ in range(5):
            time.sleep(1)
            systems().way('kafka').hold_answers()
            time.sleep(0.5)
            systems().way('kafka').cut()
            systems().way('kafka').let_go()
    caught('kafka-plain-producer', fault, 'twice on the topic', 'out of order', 'quarantine has')


def close():
    if WORLD and isinstance(WORLD[0], Systems):
        WORLD[0].close()


if __name__ == '__main__':
    run([every_committed_row_is_there_once_through_all_of_it, offsets_before_their_rows,
         changes_confirmed_before_the_brokers_answer, what_was_written_is_forgotten,
         a_producer_without_numbers], close)
