#!/usr/bin/env node
/* cql_node.mjs - the Node.js driver against the CQL server.
 *
 *   test/e2e/cql_node.mjs HOST:PORT
 *
 * test/e2e/cql_node starts the server and calls this. */
import assert from 'node:assert/strict';

let cassandra;
try {
  ({ default: cassandra } = await import('cassandra-driver'));
} catch {
  console.log('SKIP cql_node: no cassandra-driver here (cd test/e2e && npm ci)');
  console.log('0 passed, 0 failed, 1 skipped');
  process.exit(0);
}

const KS = 'e2e_node';
const { types } = cassandra;
const client = new cassandra.Client({
  contactPoints: [process.argv[2]],
  localDataCenter: 'datacenter1',
  queryOptions: { prepare: true },
});

const cases = {
  async connects() {
    await client.connect();
    assert.equal(client.hosts.length, 1);
    const { rows } = await client.execute('SELECT cluster_name, host_id FROM system.local');
    assert.ok(rows[0].host_id);
  },
  async makesAKeyspace() {
    await client.execute(`DROP KEYSPACE IF EXISTS ${KS}`);
    await client.execute(`CREATE KEYSPACE ${KS} WITH replication =
      {'class': 'SimpleStrategy', 'replication_factor': 1}`);
    await client.execute(`CREATE TABLE ${KS}.t (id uuid, at timestamp, n bigint, tags set<text>,
      m map<text, int>, price decimal, big varint, ip inet, day date, hour time, d duration,
      PRIMARY KEY (id, at)) WITH CLUSTERING ORDER BY (at DESC)`);
  },
  async valuesComeBack() {
    const id = types.Uuid.random();
    const row = {
      id, at: new Date(1700000000123), n: types.Long.fromString('-9223372036854775808'),
      tags: ['a', 'b'], m: { x: 1, y: 2 }, price: types.BigDecimal.fromString('-12.3400'),
      big: types.Integer.fromString('-123456789012345678901234567890'),
      ip: types.InetAddress.fromString('10.1.2.3'), day: types.LocalDate.fromString('2024-02-29'),
      hour: types.LocalTime.fromString('01:02:03.000000004'),
      d: new types.Duration(1, 2, types.Long.fromNumber(3)),
    };
    const names = Object.keys(row);
    await client.execute(`INSERT INTO ${KS}.t (${names}) VALUES (${names.map(() => '?')})`,
      Object.values(row));
    const { rows } = await client.execute(`SELECT * FROM ${KS}.t WHERE id = ?`, [id]);
    assert.equal(rows.length, 1);
    for (const name of names) {
      const got = rows[0][name];
      if (typeof row[name].equals === 'function') assert.ok(row[name].equals(got), name);
      else assert.deepEqual(got, row[name], name);
    }
  },
  async pages() {
    const insert = `INSERT INTO ${KS}.p (p, c) VALUES (?, ?)`;
    await client.execute(`CREATE TABLE ${KS}.p (p int, c int, PRIMARY KEY (p, c))`);
    await cassandra.concurrent.executeConcurrent(client, insert,
      Array.from({ length: 2500 }, (_, i) => [1, i]), { concurrencyLevel: 32 });
    let seen = 0;
    const query = `SELECT c FROM ${KS}.p WHERE p = ?`;
    for await (const row of client.stream(query, [1], { fetchSize: 300, autoPage: true })) {
      assert.equal(row.c, seen++);
    }
    assert.equal(seen, 2500);
    const page = await client.execute(query, [1], { fetchSize: 100 });
    assert.equal(page.rowLength, 100);
    const next = await client.execute(query, [1], { fetchSize: 100, pageState: page.pageState });
    assert.equal(next.rows[0].c, 100);
  },
  async batches() {
    const query = `INSERT INTO ${KS}.p (p, c) VALUES (?, ?)`;
    await client.batch([{ query, params: [2, 1] }, { query, params: [2, 2] }], { prepare: true });
    const { rows } = await client.execute(`SELECT c FROM ${KS}.p WHERE p = 2`);
    assert.deepEqual(rows.map((row) => row.c), [1, 2]);
  },
  async metadataIsWhole() {
    const table = await client.metadata.getTable(KS, 't');
    assert.deepEqual(table.partitionKeys.map((column) => column.name), ['id']);
    assert.deepEqual(table.clusteringKeys.map((column) => column.name), ['at']);
    assert.deepEqual(table.clusteringOrder, ['DESC']);
    assert.equal(client.getReplicas(KS, Buffer.alloc(4)).length, 1);
  },
  async mistakesHaveTheirCode() {
    const code = async (text) => {
      try {
        await client.execute(text, [], { prepare: false });
      } catch (err) {
        return err.code;
      }
      return null;
    };
    const { responseErrorCodes: codes } = types;
    assert.equal(await code('SELEC 1'), codes.syntaxError);
    assert.equal(await code(`SELECT * FROM ${KS}.nope`), codes.invalid);
    assert.equal(await code(`CREATE TABLE ${KS}.t (id int PRIMARY KEY)`), codes.alreadyExists);
  },
  async cleansUp() {
    await client.execute(`DROP KEYSPACE ${KS}`);
    await client.shutdown();
  },
};

let passed = 0;
let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    passed += 1;
    console.log(`ok   ${name}`);
  } catch (err) {
    failed += 1;
    console.log(`FAIL ${name}: ${err.stack}`);
  }
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed ? 1 : 0);
