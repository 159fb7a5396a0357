"""proxy_support - stands between a client and a real system: passes bytes, cuts, holds back.

    proxy = Proxy()                 # clients connect to proxy.port
    proxy.to = 9092                 # None: nobody is there
    proxy.cut()                     # every connection ends at once
    proxy.hold_answers()            # what the server says is kept back, until let_go()
    proxy.hold()                    # what clients say is: they get answers to what they said before
"""
import socket
import threading


class Proxy:
    def __init__(self, to=None):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.to, self.cuts = to, 0
        self.pairs = set()
        self.lock = threading.Lock()
        self.asks, self.answers = threading.Event(), threading.Event()
        self.let_go()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(('127.0.0.1', self.to), 2)
                server.settimeout(None)
            except (OSError, TypeError):
                client.close()
                continue
            pair = (client, server)
            for end in pair:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.pairs.add(pair)
            for source, target, gate in ((client, server, self.asks),
                                         (server, client, self.answers)):
                threading.Thread(target=self.carry, args=(source, target, gate, pair),
                                 daemon=True).start()

    def carry(self, source, target, gate, pair):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                gate.wait()
                target.sendall(data)
        except OSError:
            pass
        gate.wait()                                     # the end comes behind what is held back
        self.end(pair)

    def end(self, pair):
        with self.lock:
            known = pair in self.pairs
            self.pairs.discard(pair)
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if known:                                       # by the first of the two
            return
        for end in pair:
            end.close()

    def cut(self):
        with self.lock:
            pairs = list(self.pairs)
        self.cuts += len(pairs)
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def hold(self):
        self.asks.clear()

    def hold_answers(self):
        self.answers.clear()

    def let_go(self):
        self.asks.set()
        self.answers.set()

    def close(self):
        self.listener.close()
        self.let_go()
        self.cut()
