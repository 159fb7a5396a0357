"""books_support - a ledger's books on real systems (test/e2e/ledger_support.py tells what they are).

    books = RealBooks(systems, 'name', seed)    # a database, topics and a table of that name
    books.begin()                               # its nodes start, both writers write
    books.goes_on()                             # what has landed comes through
    books.end()                                 # quiet, then the audit
"""
import signal
import time

import psycopg2

from peer_support import wait_for
from ledger_support import Books, PIPELINE
from sluice_support import Sluice

PARTS = 3


class RealBooks(Books):
    """A pipeline of its own, with the nodes that run it; `sluice` is the first."""

    def __init__(self, systems, name, seed, mutant=None, pause=0.05):
        super().__init__(seed, pause)
        self.name, self.systems = name, systems
        self.env = {'SLUICE_MUTANT': mutant} if mutant else {}
        self.topics = {'records': 'records_' + name, 'quarantine': name + '.quarantine'}
        self.db = None
        systems.make_base(name)
        pipeline = PIPELINE % {'name': name, 'port': self.api.port, 'parts': PARTS,
                               'topic': self.topics['records'], 'table': name}
        self.nodes = [Sluice([pipeline], verb='serve', conf=systems.conf(node, name) +
                             'allow: ["127.0.0.1:%d"]\n' % self.api.port)
                      for node in range(systems.nodes)]
        self.sluice = self.nodes[0]

    def start(self, node=0, wait=True, env=None):
        self.nodes[node].start(dict(self.env, **(env or {})), wait=wait)

    def close(self):
        super().close()
        self.drop()
        for node in self.nodes:
            node.stop(signal.SIGKILL)
            node.close()

    # ---- the other program ----

    def commit(self, changes):
        try:
            if self.db is None:
                self.db = self.systems.base(self.name, autocommit=False)
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
        return {key: (n, v) for key, n, v in self.systems.ask(self.name, 'SELECT id, n, v FROM rows')}

    def landed_yet(self):
        """The same; none while there is no table or no server."""
        try:
            return self.landed()
        except psycopg2.Error:
            return {}

    def on_topic(self, which):
        for record in self.systems.records(self.topics[which], PARTS):
            yield record.part, record.value['id'], record.value['n'], record.value['v']

    def in_table(self):
        return list(self.systems.session().execute('SELECT id, n, v FROM books.%s' % self.name))

    def acknowledge(self):
        """What has been read must be there for good; from a server that is away nothing is read."""
        try:
            super().acknowledge()
        except psycopg2.Error:
            pass

    def begin(self):
        for node in range(len(self.nodes)):
            self.start(node)
        wait_for('the first rows', lambda: len(self.landed_yet()) > 0, 90)
        self.writer.start()
        wait_for('rows of both writers', lambda: len(self.writer.version) > 40, 60)

    def in_table_yet(self):
        try:
            return {key: v for key, _, v in self.in_table()}
        except Exception:                               # pylint: disable=broad-except
            return {}

    def goes_on(self, seconds=120):
        """What is landed now comes through all of it, whatever has been done to it."""
        rows = {key: v for key, (n, v) in self.landed().items() if (n + v) % 10 != 3}

        def through():
            table = self.in_table_yet()
            return all(table.get(key, 0) >= v for key, v in rows.items())
        wait_for('what had landed to come through', through, seconds)

    def end(self, seconds=180):
        self.quiet()
        time.sleep(2.5)                                 # a fetch that is under way
        return self.settle(seconds)
