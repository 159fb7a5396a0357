"""fault_support - a gate before a server, which can be slow, silent, shut, or talk nonsense.

    gate = Gate(5432)           # clients connect to gate.port
    gate.mode = 'noise'         # every connection there is ends; what comes now meets this
"""
import os
import socket
import threading
import time

GARBAGE = {
    'noise': lambda: os.urandom(4096),
    'zeros': lambda: bytes(65536),
    'ones': lambda: b'\xff' * 4096,
    'http': lambda: b'HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>',
    'huge': lambda: b'\x7f\xff\xff\xff' + b'R' * 64,         # a length that nobody should believe
    'json': lambda: b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[{"id":[]',
}
NONSENSE = sorted(GARBAGE) + ['endless', 'half']


class Gate:
    """modes: pass, slow (`delay` s before each piece), shut (connections end at once), hole (nothing
    is ever answered), one of NONSENSE: endless sends without end, half ends amid an answer."""

    def __init__(self, to=None):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.to, self.delay, self.now, self.open, self.met = to, 0.1, 'pass', [], 0
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def mode(self):
        return self.now

    @mode.setter
    def mode(self, mode):
        self.now = mode
        ends, self.open = self.open, []
        for end in ends:
            close(end)

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            self.met += 1
            threading.Thread(target=self.serve, args=(client, self.now), daemon=True).start()

    def serve(self, client, mode):
        self.open.append(client)
        try:
            if mode in ('pass', 'slow', 'half'):
                self.relay(client, mode)
            elif mode in GARBAGE:
                client.sendall(GARBAGE[mode]())
                while self.now == mode and client.recv(65536):
                    client.sendall(GARBAGE[mode]())
            elif mode == 'endless':
                while self.now == mode:
                    client.sendall(os.urandom(65536))
            elif mode == 'hole':
                while self.now == mode and client.recv(65536):
                    pass
        except OSError:
            pass
        close(client)

    def relay(self, client, mode):
        server = socket.create_connection(('127.0.0.1', self.to), 5)
        server.settimeout(None)
        self.open.append(server)
        back = threading.Thread(target=self.carry, args=(server, client, mode), daemon=True)
        back.start()
        self.carry(client, server, 'slow' if mode == 'slow' else 'pass')
        back.join()

    def carry(self, source, sink, mode):
        sent = 0
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if mode == 'slow':
                    time.sleep(self.delay)
                if mode == 'half':
                    data = data[:max(1, len(data) // 2)]
                sink.sendall(data)
                sent += len(data)
                if mode == 'half' and sent > 20:
                    break
        except OSError:
            pass
        close(source)
        close(sink)


def close(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
