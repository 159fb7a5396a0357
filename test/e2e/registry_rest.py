#!/usr/bin/python3
"""registry_rest - the registry's REST API over HTTP, as Confluent documents it, kill -9 included.

Asks build/test/registry, or what REGISTRY_URL names. With confluent_kafka's own client installed
(it needs `requests`) that is run too.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TYPE = 'application/vnd.schemaregistry.v1+json'
passed = skipped = 0


class Server:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='registry-e2e-')
        self.url = os.environ.get('REGISTRY_URL')
        self.process = None
        if not self.url:
            self.start()

    def start(self):
        program = os.environ.get('REGISTRY', os.path.join(TOP, 'build/test/registry'))
        self.process = subprocess.Popen([program, 'embedded:' + self.folder + '/log'], text=True,
                                        stdout=subprocess.PIPE)
        self.url = 'http://127.0.0.1:%d' % int(self.process.stdout.readline().split()[1])

    def restart(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(20)
            self.start()

    def close(self):
        if self.process:
            self.process.terminate()
            assert self.process.wait(20) == 0
        shutil.rmtree(self.folder, ignore_errors=True)


server = Server()


def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {'Content-Type': TYPE}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, text, kind = answer.status, answer.read(), answer.headers['Content-Type']
    except urllib.error.HTTPError as answer:
        status, text, kind = answer.code, answer.read(), answer.headers['Content-Type']
    assert kind.startswith((TYPE, 'application/json')), kind
    return status, json.loads(text)


def want(got, status, **members):
    global passed
    code, body = got
    assert code == status, got
    for name, value in members.items():
        assert body[name] == value, (name, got)
    passed += 1
    return body


def is_answer(got, value):
    global passed
    assert got == (200, value), got
    passed += 1


def schema(text, **more):
    return dict(schema=json.dumps(text), schemaType='JSON', **more)


CLOSED = {'type': 'object', 'properties': {'a': {'type': 'integer'}}, 'additionalProperties': False}
GROWN = {'type': 'object', 'additionalProperties': False,
         'properties': {'a': {'type': 'integer'}, 'b': {'type': 'string'}}}


def registers():
    is_answer(ask('GET', '/subjects'), [])
    first = want(ask('POST', '/subjects/s-value/versions', schema(CLOSED)), 200)['id']
    want(ask('POST', '/subjects/s-value/versions', schema(CLOSED)), 200, id=first)
    want(ask('POST', '/subjects/other%2Fone/versions', schema(CLOSED)), 200, id=first)
    second = want(ask('POST', '/subjects/s-value/versions', schema(GROWN)), 200)['id']
    assert second > first
    server.restart()
    is_answer(ask('GET', '/subjects'), ['other/one', 's-value'])
    is_answer(ask('GET', '/subjects?subjectPrefix=s'), ['s-value'])
    is_answer(ask('GET', '/subjects/s-value/versions'), [1, 2])
    got = want(ask('GET', '/subjects/s-value/versions/latest'), 200, subject='s-value', version=2,
               id=second, schemaType='JSON')
    assert json.loads(got['schema']) == GROWN
    want(ask('GET', '/subjects/s-value/versions/-1'), 200, version=2)
    is_answer(ask('GET', '/subjects/s-value/versions/1/schema'), CLOSED)
    want(ask('GET', '/schemas/ids/%d' % first), 200, schemaType='JSON')
    is_answer(ask('GET', '/schemas/ids/%d/schema' % first), CLOSED)
    is_answer(ask('GET', '/schemas/ids/%d/subjects' % first), ['other/one', 's-value'])
    is_answer(ask('GET', '/schemas/ids/%d/versions' % second),
              [{'subject': 's-value', 'version': 2}])
    want(ask('POST', '/subjects/s-value', schema(GROWN)), 200, id=second, version=2)
    assert len(ask('GET', '/schemas')[1]) == 3
    assert len(ask('GET', '/schemas?latestOnly=true&limit=9')[1]) == 2
    assert len(ask('GET', '/schemas?offset=2')[1]) == 1


def refuses():
    want(ask('GET', '/subjects/none/versions'), 404, error_code=40401)
    want(ask('GET', '/subjects/none/versions/1'), 404, error_code=40401)
    want(ask('GET', '/subjects/s-value/versions/9'), 404, error_code=40402)
    want(ask('GET', '/subjects/s-value/versions/x'), 422, error_code=42202)
    want(ask('GET', '/subjects/s-value/versions/0'), 422, error_code=42202)
    want(ask('GET', '/schemas/ids/999'), 404, error_code=40403)
    want(ask('POST', '/subjects/s-value', schema({'type': 'null'})), 404, error_code=40403)
    want(ask('POST', '/subjects/s-value/versions', schema({'type': 'nonsense'})), 422,
         error_code=42201)
    want(ask('POST', '/subjects/s-value/versions', {'schema': '{', 'schemaType': 'JSON'}), 422,
         error_code=42201)
    want(ask('POST', '/subjects/s-value/versions', {'schema': '{}', 'schemaType': 'XML'}), 422)
    want(ask('POST', '/subjects/s-value/versions', {}), 422, error_code=42201)
    want(ask('POST', '/subjects/s-value/versions', [1]), 400)
    got = want(ask('POST', '/subjects/s-value/versions', schema(CLOSED | {'required': ['z']})), 409)
    assert got['error_code'] in (409, 40901), got
    want(ask('GET', '/nowhere'), 404)


def compares():
    path = '/compatibility/subjects/s-value/versions'
    want(ask('POST', path + '/latest', schema(GROWN)), 200, is_compatible=True)
    got = want(ask('POST', path + '/1?verbose=true', schema({'type': 'string'})), 200,
               is_compatible=False)
    assert got['messages'], got
    want(ask('POST', path + '/9', schema(GROWN)), 404, error_code=40402)
    want(ask('POST', '/compatibility/subjects/none/versions/1', schema(GROWN)), 404,
         error_code=40401)
    want(ask('POST', path, schema({'type': 'string'})), 200, is_compatible=False)


def configures():
    want(ask('GET', '/config'), 200, compatibilityLevel='BACKWARD')
    want(ask('GET', '/config/s-value'), 404, error_code=40408)
    want(ask('GET', '/config/s-value?defaultToGlobal=true'), 200, compatibilityLevel='BACKWARD')
    want(ask('PUT', '/config/s-value', {'compatibility': 'NONE'}), 200, compatibility='NONE')
    want(ask('PUT', '/config', {'compatibility': 'FULL'}), 200, compatibility='FULL')
    want(ask('PUT', '/config', {'compatibility': 'SOME'}), 422, error_code=42203)
    server.restart()
    want(ask('GET', '/config'), 200, compatibilityLevel='FULL')
    want(ask('GET', '/config/s-value'), 200, compatibilityLevel='NONE')
    want(ask('POST', '/subjects/s-value/versions', schema({'type': 'string'})), 200)
    want(ask('DELETE', '/config/s-value'), 200, compatibilityLevel='NONE')
    want(ask('GET', '/config/s-value'), 404, error_code=40408)
    want(ask('DELETE', '/config'), 200)
    want(ask('GET', '/config'), 200, compatibilityLevel='BACKWARD')
    want(ask('GET', '/mode'), 200, mode='READWRITE')
    assert 'JSON' in ask('GET', '/schemas/types')[1]


def deletes():
    want(ask('DELETE', '/subjects/s-value/versions/1?permanent=true'), 404, error_code=40407)
    is_answer(ask('DELETE', '/subjects/s-value/versions/1'), 1)
    want(ask('DELETE', '/subjects/s-value/versions/1'), 404, error_code=40406)
    is_answer(ask('GET', '/subjects/s-value/versions'), [2, 3])
    is_answer(ask('GET', '/subjects/s-value/versions?deleted=true'), [1, 2, 3])
    want(ask('GET', '/subjects/s-value/versions/1?deleted=true'), 200, version=1)
    is_answer(ask('DELETE', '/subjects/s-value/versions/1?permanent=true'), 1)
    want(ask('DELETE', '/subjects/s-value?permanent=true'), 404, error_code=40405)
    is_answer(ask('DELETE', '/subjects/s-value'), [2, 3])
    want(ask('DELETE', '/subjects/s-value'), 404, error_code=40404)
    server.restart()
    is_answer(ask('GET', '/subjects'), ['other/one'])
    is_answer(ask('GET', '/subjects?deleted=true'), ['other/one', 's-value'])
    is_answer(ask('DELETE', '/subjects/s-value?permanent=true'), [2, 3])
    want(ask('DELETE', '/subjects/s-value'), 404, error_code=40401)
    is_answer(ask('GET', '/subjects?deleted=true'), ['other/one'])


def client():
    global passed, skipped
    try:
        from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
        from confluent_kafka.schema_registry.error import SchemaRegistryError
    except ImportError as why:
        print('SKIP client: %s' % why)
        skipped += 1
        return
    registry = SchemaRegistryClient({'url': server.url})
    number = registry.register_schema('c-value', Schema(json.dumps(CLOSED), 'JSON'))
    assert json.loads(registry.get_schema(number).schema_str) == CLOSED
    assert registry.lookup_schema('c-value', Schema(json.dumps(CLOSED), 'JSON')).version == 1
    registry.register_schema('c-value', Schema(json.dumps(GROWN), 'JSON'))
    assert registry.get_latest_version('c-value').version == 2
    assert registry.get_versions('c-value') == [1, 2]
    assert 'c-value' in registry.get_subjects()
    registry.set_compatibility('c-value', 'FULL')
    assert 'FULL' in str(registry.get_compatibility('c-value'))
    try:
        registry.register_schema('c-value', Schema('{"type":"null"}', 'JSON'))
        raise AssertionError('an incompatible schema was taken')
    except SchemaRegistryError as error:
        assert error.http_status_code == 409, error
    assert registry.delete_version('c-value', 1) == 1
    assert registry.delete_subject('c-value') == [2]
    passed += 10


try:
    for part in registers, refuses, compares, configures, deletes, client:
        part()
        print('ok %s' % part.__name__)
finally:
    server.close()
print('%d passed, 0 failed, %d skipped' % (passed, skipped))
sys.exit(0)
