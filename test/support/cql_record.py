#!/usr/bin/python3
"""cql_record - writes down the frames a driver sends, for test/wire/cql/*.hex.

  test/support/cql_record.py LISTEN_PORT SERVER_PORT FILE.hex 'what is recorded'

Stands between a driver and a server until it is interrupted. Of each kind of request (version,
flags, opcode) a few are kept, no two of the same length."""
import select
import signal
import socket
import struct
import sys

KEEP = 6        # frames of a kind
LONGEST = 2000  # bytes of a frame that is kept
NAMES = {1: 'STARTUP', 5: 'OPTIONS', 7: 'QUERY', 9: 'PREPARE', 10: 'EXECUTE', 11: 'REGISTER',
         13: 'BATCH', 15: 'AUTH_RESPONSE'}


def take_frames(data, kept):
    while len(data) >= 9:
        version, flags, _, opcode, length = struct.unpack('>BBhBi', data[:9])
        if len(data) < 9 + length:
            break
        frame, data = data[:9 + length], data[9 + length:]
        same = kept.setdefault((version, flags, opcode), {})
        if len(same) < KEEP and len(frame) <= LONGEST:
            same.setdefault(len(frame), frame)
    return data


def main():
    listen, port, path, what = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    kept, pairs = {}, {}
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(('127.0.0.1', listen))
    door.listen()
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        while True:
            for sock in select.select([door] + list(pairs), [], [])[0]:
                if sock is door:
                    client, server = door.accept()[0], socket.create_connection(('127.0.0.1', port))
                    pairs[client], pairs[server] = [server, b''], [client, None]
                    continue
                if sock not in pairs:
                    continue
                other, waiting = pairs[sock]
                try:
                    data = sock.recv(65536)
                    other.sendall(data)
                except OSError:
                    data = b''
                if not data:
                    for end in (sock, other):
                        pairs.pop(end, None)
                        end.close()
                elif waiting is not None:
                    pairs[sock][1] = take_frames(waiting + data, kept)
    except KeyboardInterrupt:
        pass
    with open(path, 'w') as out:
        out.write('# %s\n' % what)
        for (version, flags, opcode), frames in sorted(kept.items()):
            for frame in frames.values():
                out.write('# %s, version %d, flags %#x\n' %
                          (NAMES.get(opcode, opcode), version, flags))
                out.write('\n'.join(frame[i:i + 48].hex() for i in range(0, len(frame), 48)))
                out.write('\n\n')


main()
