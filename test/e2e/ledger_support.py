"""ledger_support - the books of a ledger: who wrote which version of which record, and the audit.

Two writers feed numbered records and change them again: an HTTP API that the pipeline fetches, and
another program that writes into the landing database. Each change of a record raises its version
`v` by one. A change is acknowledged when its transaction committed (the other program) or when
somebody has read it in the landing table (the API's). After quiet, of every key:

  landing      its last acknowledged version
  topic        its versions in order, each acknowledged one exactly once; the last is landing's.
               Fetching a record again that did not change adds nothing
  quarantine   its versions that the check rejects, in order, each once
  table        its last version that the check lets pass

A world - the embedded tiers, or real systems - says how to write and read: it is a Books with
commit(), landed(), on_topic() and in_table()."""
import http.server
import json
import random
import threading
import time

PIPELINE = '''pipeline: %(name)s
schedule: every 1s
retries: 3
retry_delay: 500ms
fetch:
  rows:
    url: http://127.0.0.1:%(port)d/
    rows: rows[*]
    key: id
    empty_ok: true
capture:
  %(topic)s: {table: rows, partitions: %(parts)d}
transform:
  books.%(table)s:
    key: id
    sql: SELECT id, n, v, who FROM STREAM %(topic)s
    expect:
      sound: (n + v) %% 10 <> 3
'''


def is_sound(n, v):
    return (n + v) % 10 != 3


class Api:
    """Each call makes 20 new records, changes 20 of the last 200, and serves these, most of them
    again as they were, as real APIs do. While quiet, nothing changes."""

    def __init__(self, seed, new=20, changed=20, window=200):
        self.version = {}                               # number -> v
        self.draw = random.Random(seed)
        self.new, self.changed, self.window = new, changed, window
        self.quiet, self.calls = False, []              # when it was asked
        self.lock = threading.Lock()
        books = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):                           # pylint: disable=invalid-name
                body = json.dumps({'rows': books.rows()}).encode()
                self.send_response(200)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):               # pylint: disable=arguments-differ
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass                                    # who asked was killed

        self.server = Server(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def rows(self):
        with self.lock:
            self.calls.append(time.time())
            have = len(self.version)
            end = have + 1 + (0 if self.quiet else self.new)
            for n in range(have + 1, end):
                self.version[n] = 1
            window = range(max(1, end - self.window), end)
            if not self.quiet:
                for n in self.draw.sample(window, min(self.changed, have)):
                    self.version[n] += 1
            return [{'id': 'api-%06d' % n, 'n': n, 'v': self.version[n], 'who': 'api'}
                    for n in window]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Writer(threading.Thread):
    """Another program. A transaction makes two records and changes four, the first of them twice."""

    def __init__(self, books, seed, pause):
        super().__init__(daemon=True)
        self.books, self.pause = books, pause
        self.version, self.draw = {}, random.Random(seed)
        self.stopping = threading.Event()

    def changes(self):
        """What the next transaction writes: (id, number, version), in order."""
        have = len(self.version)
        old = self.draw.sample(range(max(1, have - 300), have + 1), 4) if have > 10 else []
        some = [(n, 1) for n in (have + 1, have + 2)] + [(n, self.version[n] + 1) for n in old]
        some += [(n, self.version[n] + 2) for n in old[:1]]
        return [('own-%06d' % n, n, v) for n, v in some]

    def run(self):
        changes = self.changes()
        while not self.stopping.is_set():
            if self.books.commit(changes):
                for key, n, v in changes:
                    self.version[n] = v
                    self.books.acked.setdefault(key, set()).add(v)
                changes = self.changes()
            time.sleep(self.pause)


class Books:
    """What a world must answer for. commit() has written all or nothing, and says which."""

    def __init__(self, seed, pause):
        self.acked = {}                                 # id -> versions somebody was told of
        self.seed = seed
        self.api = Api(seed + 1)
        self.writer = Writer(self, seed + 2, pause)

    def commit(self, changes):
        raise NotImplementedError

    def landed(self):
        """id -> (n, v)"""
        raise NotImplementedError

    def on_topic(self, which):
        """('records' or 'quarantine') every record's (partition, id, n, v), oldest first."""
        raise NotImplementedError

    def in_table(self):
        """Every row's (id, n, v)."""
        raise NotImplementedError

    def acknowledge(self):
        """What can be read now was told to somebody: it must not go away."""
        for key, (_, v) in self.landed().items():
            if key.startswith('api'):
                self.acked.setdefault(key, set()).add(v)

    def quiet(self):
        """Both writers end."""
        self.writer.stopping.set()
        if self.writer.ident:
            self.writer.join()
        self.api.quiet = True

    def close(self):
        self.quiet()
        self.api.close()

    # ---- the audit ----

    def keys_of(self, which):
        parts, keys = {}, {}
        for part, key, n, v in self.on_topic(which):
            parts.setdefault(key, set()).add(part)
            keys.setdefault(key, []).append((n, v))
        strayed = [key for key, where in parts.items() if len(where) > 1]
        assert not strayed, 'on two partitions: %s' % strayed[:5]
        return keys

    def audit_landing(self, rows):
        for key, versions in self.acked.items():
            assert key in rows, 'acknowledged, not landed: %s' % key
            assert rows[key][1] >= max(versions), '%s: %d acknowledged, %d landed' % (
                key, max(versions), rows[key][1])
        for n, v in self.writer.version.items():
            assert rows['own-%06d' % n] == (n, v), '%s of record %d' % (rows['own-%06d' % n], n)

    def audit_topic(self, rows, topic):
        for key, changes in topic.items():
            versions = [v for _, v in changes]
            assert len(versions) == len(set(versions)), '%s: twice on the topic: %s' % (
                key, versions)
            assert versions == sorted(versions), '%s: out of order: %s' % (key, versions)
            lost = self.acked.get(key, set()) - set(versions)
            assert not lost, '%s: acknowledged, not on the topic: %s of %s' % (key, lost, versions)
            assert key in rows and changes[-1] == rows[key], (
                '%s: topic ends with %s, landed is %s' % (key, changes[-1], rows.get(key)))
        lost = sorted(set(rows) - set(topic))
        assert not lost, 'landed, not on the topic: %s' % lost[:5]
        for n, v in self.api.version.items():
            assert topic.get('api-%06d' % n, [(n, 0)])[-1][1] <= v, 'a version nobody sent: %d' % n

    def audit_ends(self, topic):
        table, aside = {}, self.keys_of('quarantine')
        for key, n, v in self.in_table():
            assert key not in table, 'twice in the table: %s' % key
            table[key] = (n, v)
        for key, changes in topic.items():
            good = [c for c in changes if is_sound(*c)]
            bad = [c for c in changes if not is_sound(*c)]
            assert table.get(key) == (good[-1] if good else None), '%s: table has %s, topic %s' % (
                key, table.get(key), changes)
            assert aside.get(key, []) == bad, '%s: quarantine has %s, topic %s' % (
                key, aside.get(key), changes)
        assert set(table) | set(aside) <= set(topic)

    def audit(self):
        """The whole ledger; raises what is wrong. How many records, changes, most of a record."""
        rows = self.landed()
        topic = self.keys_of('records')
        self.audit_landing(rows)
        self.audit_topic(rows, topic)
        self.audit_ends(topic)
        return len(rows), sum(map(len, topic.values())), max(map(len, topic.values()))

    def settle(self, seconds):
        """Audits until the books balance; what is still wrong after a while is wrong. They stay
        balanced."""
        deadline = time.time() + seconds
        while True:
            try:
                first = self.audit()
                break
            except AssertionError:
                if time.time() > deadline:
                    raise
            time.sleep(1)
        time.sleep(1)
        assert self.audit() == first, 'something was added to balanced books'
        return first
