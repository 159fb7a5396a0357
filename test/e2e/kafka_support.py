"""kafka_support - starts build/test/kafka_server for the e2e tests, and speaks raw frames."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVER = os.environ.get('KAFKA_SERVER', os.path.join(TOP, 'build/test/kafka_server'))


class Server:
    """A server over a log in a folder of its own; stop() and start() keep the data."""

    def __init__(self, url=None):
        self.folder = tempfile.mkdtemp(prefix='kafka-e2e-')
        self.url = url or os.environ.get('KAFKA_URL') or 'embedded:' + self.folder + '/log'
        self.port = 0
        self.start()

    def start(self):
        self.process = subprocess.Popen([SERVER, self.url, str(self.port)], text=True,
                                        stdout=subprocess.PIPE,
                                        stderr=open(self.folder + '/stderr', 'a'))
        line = self.process.stdout.readline()
        if not line.startswith('port '):
            sys.exit('kafka_server did not start: ' + open(self.folder + '/stderr').read())
        self.port = int(line.split()[1])
        self.address = '127.0.0.1:%d' % self.port

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(20)
        assert code == (0 if number == signal.SIGTERM else -number), 'exit status %d' % code

    def rss_kib(self):
        for line in open('/proc/%d/status' % self.process.pid):
            if line.startswith('VmRSS:'):
                return int(line.split()[1])
        return 0

    def close(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def connect(server):
    sock = socket.create_connection(('127.0.0.1', server.port), 5)
    sock.settimeout(10)
    return sock


def send(sock, key, version, body, correlation=1):
    head = struct.pack('>hhih', key, version, correlation, 1) + b'x'
    sock.sendall(struct.pack('>i', len(head) + len(body)) + head + body)


def recv_exactly(sock, count):
    data = b''
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def recv(sock):
    """The next answer's correlation id and body; EOFError when the server closed."""
    size, = struct.unpack('>i', recv_exactly(sock, 4))
    body = recv_exactly(sock, size)
    return struct.unpack('>i', body[:4])[0], body[4:]


def is_closed(sock):
    try:
        return sock.recv(1) == b''
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False
