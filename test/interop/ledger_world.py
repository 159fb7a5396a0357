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

from peer_support import Skip, run
from books_support import RealBooks
from systems_support import Systems

EVENTS = int(os.environ.get('WORLD_EVENTS', '24'))
SEED = int(os.environ.get('WORLD_SEED', '1'))
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
    books = RealBooks(systems(), 'ledger', SEED)
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
            if i % 50 == 49:
                print('     %d events in %.0f s' % (i + 1, time.time() - began), flush=True)
        systems().wait()
        audited = books.end()
        print('     %d events in %.0f s, seed %d: %s' % (
            sum(count.values()), time.time() - began, SEED,
            ', '.join('%s %d' % pair for pair in sorted(count.items()))))
        print('     audited %d records, %d changes, at most %d of a record' % audited)
    finally:
        books.close()


# ---- broken builds ----

def stays_wrong(books, words, seconds=20, patience=150):
    """What the audit says in one of these words, again and again: what only lags is mended soon."""
    deadline, since = time.time() + patience, None
    while time.time() < deadline:
        try:
            books.audit()
            said = ''
        except AssertionError as why:
            said = str(why)
        if not any(word in said for word in words):
            since = None
        elif since is None:
            since = time.time()
        elif time.time() - since > seconds:
            return said
        time.sleep(1)
    return None


def caught(mutant, fault, *words, pause=0.02):
    """The audit finds what is wrong with this build, in one of these words."""
    books = RealBooks(systems(), 'm_' + mutant.replace('-', '_'), SEED, mutant, pause)
    try:
        books.begin()
        books.goes_on()
        fault(books)
        systems().wait()
        if books.sluice.process is None or books.sluice.process.poll() is not None:
            books.start()
        books.quiet()
        said = stays_wrong(books, words)
        assert said, 'the broken build %s was not caught' % mutant
        print('     caught: %s' % said[:150])
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
    """The server forgets changes that no topic has: Kafka does not hear, and sluice dies."""
    def fault(books):
        for _ in range(3):
            systems().way('kafka').hold()
            time.sleep(1)
            books.sluice.stop(signal.SIGKILL)
            systems().way('kafka').cut()
            systems().way('kafka').let_go()
            books.start()
            time.sleep(5)
    caught('capture-confirms-early', fault, 'not on the topic', 'topic ends with',
           pause=0.2)                                   # the server is told ten times a second


def what_was_written_is_forgotten():
    """It dies between the broker's answer and the confirmation, and writes again."""
    def fault(books):
        for _ in range(4):
            time.sleep(5)
            books.sluice.stop(signal.SIGKILL)
            books.start()
    caught('capture-forgets-what-it-wrote', fault, 'twice on the topic', 'out of order')


def a_producer_without_numbers():
    """Answers are lost on their way, so what was written is sent again."""
    def fault(_):
        for _ in range(4):
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
