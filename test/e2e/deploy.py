#!/usr/bin/env python3
"""deploy - what deploy/ promises, as far as it can be shown without Docker and a running systemd."""
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile

from sluice_support import Skip, Sluice, TOP, run, wait_for

SERVICE = {'image', 'build', 'read_only', 'cap_drop', 'security_opt', 'tmpfs', 'volumes', 'ports',
           'mem_limit', 'restart', 'stop_grace_period', 'environment', 'depends_on', 'hostname',
           'command', 'healthcheck'}


COMPOSE = ('compose.yaml', 'deploy/compose.full.yaml', 'deploy/compose.grow.yaml')


def ask(server, path, **headers):
    conn = http.client.HTTPConnection(*server.at['ui'].split(':'), timeout=10)
    conn.request('GET', path, headers=headers)
    answer = conn.getresponse()
    answer.read()
    conn.close()
    return answer


def it_listens_beyond_loopback_only_with_its_token():
    server = Sluice([], conf='listen: 0.0.0.0\nhosts: [sluice.test]\n', verb='serve')
    try:
        server.start()
        token = server.token()
        assert ask(server, '/health').status == 200
        assert ask(server, '/metrics').status == 401
        assert ask(server, '/api/v2/dags').status == 401
        assert ask(server, '/api/v2/dags', Authorization='Bearer x').status == 401
        assert ask(server, '/api/v2/dags', Authorization='Bearer ' + token).status == 200
        assert ask(server, '/api/v2/dags?token=wrong').status == 401
        moved = ask(server, '/api/v2/dags?token=' + token)
        assert moved.status == 303 and moved.getheader('Location') == '/api/v2/dags'
        cookie = moved.getheader('Set-Cookie').split(';')[0]
        assert 'HttpOnly' in moved.getheader('Set-Cookie')
        assert ask(server, '/api/v2/dags', Cookie=cookie).status == 200
        assert ask(server, '/api/v2/dags', Cookie='a=b; ' + cookie[:-1] + 'x').status == 401
        assert ask(server, '/health', Host='sluice.test:9021').status == 200
        assert ask(server, '/health', Host='evil.example').status == 403
        assert 'does not authenticate its clients' in server.log()
        with socket.create_connection(('127.0.0.2', int(server.at['ui'].split(':')[1])), 5):
            pass
    finally:
        server.close()


def it_stays_on_loopback_unless_told():
    server = Sluice([], verb='serve')
    try:
        server.start()
        assert ask(server, '/api/v2/dags').status == 200
        try:
            socket.create_connection(('127.0.0.2', int(server.at['ui'].split(':')[1])), 5).close()
            raise AssertionError('it listens on more than 127.0.0.1')
        except ConnectionRefusedError:
            pass
    finally:
        server.close()


def listening_needs_names():
    server = Sluice([], conf='listen: 0.0.0.0\n', verb='serve')
    server.start(wait=False)
    assert server.process.wait(20) == 1 and 'needs the names' in server.log(), server.log()
    server.process = None
    server.close()


def systemd_is_told():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.settimeout(20)
        server = Sluice([], verb='serve')
        server.start(env={'NOTIFY_SOCKET': path})
        assert b'READY=1' in sock.recv(1000)
        server.stop()
        assert sock.recv(1000) == b'STOPPING=1'
        server.close()
    shutil.rmtree(folder)


def the_compose_files_hold_together():
    import yaml
    for name in COMPOSE:
        with open(os.path.join(TOP, name)) as file:
            made = yaml.safe_load(file)
        services = made['services']
        for service, what in services.items():
            assert set(what) <= SERVICE, (service, set(what) - SERVICE)
            assert 'image' in what or 'build' in what
            for volume in what.get('volumes', []):
                source = volume.split(':')[0]
                if source.startswith('.'):
                    assert os.path.exists(os.path.join(TOP, 'deploy', source)), volume
                else:
                    assert source in made['volumes'], volume
            assert set(what.get('depends_on', {})) <= set(services), service
            for port in what.get('ports', []):
                assert port.startswith('127.0.0.1:'), port
            if 'build' in what:
                at = os.path.join(TOP, os.path.dirname(name), what['build']['context'])
                assert os.path.exists(os.path.join(at, what['build']['dockerfile']))


def compose_itself_reads_the_files():
    for command in (['docker', 'compose'], ['docker-compose']):
        if shutil.which(command[0]) and not subprocess.call(
                command + ['version'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            break
    else:
        raise Skip('no docker compose, nor the Debian package docker-compose')
    for name in COMPOSE:
        done = subprocess.run(command + ['-f', name, 'config', '-q'], cwd=TOP, text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, name + ': ' + done.stderr


def the_tutorial_and_its_compose_file_have_the_same_ports():
    with open(os.path.join(TOP, 'doc/grow.md')) as page:
        told = set(re.findall(r'([A-Z_]+PORT)=\$\{\1:-(\d+)\}', page.read()))
    with open(os.path.join(TOP, 'deploy/compose.grow.yaml')) as file:
        used = set(re.findall(r'127\.0\.0\.1:\$\{([A-Z_]+):-(\d+)\}', file.read()))
    assert len(told) == 5 and told == used, (told, used)


def the_image_is_built_and_runs():
    if os.environ.get('SLUICE_TEST_IMAGE') != '1':
        raise Skip('SLUICE_TEST_IMAGE=1 builds it, which takes 3 to 7 minutes')
    folder = tempfile.mkdtemp(prefix='sluice-image-')
    try:
        done = subprocess.run([os.path.join(TOP, 'test/support/image.sh'), folder], text=True,
                              capture_output=True, timeout=1800)
        if done.returncode == 77:
            raise Skip(done.stderr.strip().split('\n')[-1])
        assert done.returncode == 0, done.stdout + done.stderr[-3000:]
        said = dict(line.split('=', 1) for line in done.stdout.splitlines() if '=' in line)
        print('# %s MB, %s MB of them the base' % (said['image_mb'], said['base_mb']))
        assert int(said['image_mb']) - int(said['base_mb']) < 80, said
        assert said['user'] == '10001:10001' and said['uid'] == '10001', said
        assert int(said['capabilities'], 16) == 0 and said['root'] == 'readonly', said
        assert said['healthy'] == 'yes' and said['ended'] == '0', said
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def the_settings_are_settings():
    for name, env in (('sluice.yml', {}), ('sluice.full.yml', {'SLUICE_SECRET_PG_PASSWORD': 'change-me-1'})):
        done = subprocess.run([os.path.join(TOP, 'build/sluice'), 'check', '--conf',
                               os.path.join(TOP, 'deploy', name)], capture_output=True, text=True,
                              env=dict(os.environ, **env), timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr


def the_unit_is_sound():
    if not shutil.which('systemd-analyze'):
        raise Skip('no systemd-analyze')
    folder = tempfile.mkdtemp()
    unit = os.path.join(folder, 'sluice.service')
    with open(os.path.join(TOP, 'deploy/sluice.service')) as file, open(unit, 'w') as copy:
        copy.write(file.read().replace('/usr/local/bin/sluice', '/bin/true'))
    done = subprocess.run(['systemd-analyze', 'verify', unit], capture_output=True, text=True)
    assert done.returncode == 0 and 'sluice.service' not in done.stderr, done.stderr
    done = subprocess.run(['systemd-analyze', 'security', '--offline=true', '--json=short',
                           '--threshold=20', unit], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:]
    done = subprocess.run(['systemd-analyze', 'security', '--offline=true', unit],
                          capture_output=True, text=True)
    print('# ' + done.stdout.strip().split('\n')[-1].strip('→ ').encode('ascii', 'ignore').decode())
    shutil.rmtree(folder)


run([it_listens_beyond_loopback_only_with_its_token, it_stays_on_loopback_unless_told,
     listening_needs_names, systemd_is_told, the_compose_files_hold_together,
     compose_itself_reads_the_files, the_tutorial_and_its_compose_file_have_the_same_ports,
     the_settings_are_settings, the_unit_is_sound, the_image_is_built_and_runs])
