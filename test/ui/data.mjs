/* data.mjs - made-up but plausible answers for every endpoint of doc/ui-api.md, from one seed. */
let seed = 42;
export const rnd = () => {
    /* mulberry32 */
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const pick = list => list[Math.floor(rnd() * list.length)];
const uuid = () =>
    'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () => Math.floor(rnd() * 16).toString(16));
export const START = Date.now() - 5 * 3600e3 - 754e3;

const SQL = `SELECT login.uuid AS id, name.first AS first_name, name.last AS last_name, gender,
  concat_ws(', ', concat(location.street.number, ' ', location.street.name),
            location.city, location.state, location.country) AS address,
  CAST(location.postcode AS STRING) AS post_code, lower(email) AS email,
  login.username AS username, dob.date AS dob   -- kept as text, as it came
FROM STREAM users_created`;
const COUNT = `SELECT window.start AS minute, gender, count(*) AS signups
FROM STREAM users_created WATERMARK registered DELAY OF INTERVAL 10 seconds
GROUP BY window(registered, '1 minute'), gender`;
const YAML = `fetch:                        # a task: HTTP into a landing table
  raw_users:
    url: https://randomuser.me/api/?results=100
    rows: results[*]          # one row per element
    key: login.uuid`;
const code = (lang, line, text) => ({ file: 'examples/users.yml', line, lang, text });

export const graph = {
    tiers: [
        ['orchestrate', 'Orchestrate', 'Airflow', '127.0.0.1:8080'],
        ['source', 'Source', 'HTTP APIs', null],
        ['landing', 'Landing', 'PostgreSQL', 'sluice.db'],
        ['capture', 'Capture', 'Debezium', null],
        ['log', 'Log', 'Kafka', '127.0.0.1:9092'],
        ['registry', 'Registry', 'Schema Registry', '127.0.0.1:8081'],
        ['stream', 'Stream', 'Spark', null],
        ['store', 'Store', 'Cassandra', '127.0.0.1:9042'],
        ['quality', 'Quality', 'Great Expectations', null],
        ['observe', 'Observe', 'Control Center', '127.0.0.1:9021'],
    ].map(([id, name, role, address]) => ({ id, name, role, impl: 'embedded', address })),
    pipelines: [
        { id: 'user_automation', file: 'examples/users.yml' },
        { id: 'signups', file: 'examples/signups.yml' },
    ],
    nodes: [
        {
            id: 'source:raw_users',
            kind: 'source',
            name: 'randomuser.me',
            title: 'https://randomuser.me/api/',
            pipeline: 'user_automation',
            ref: 'raw_users',
            code: code('yaml', 8, YAML),
        },
        {
            id: 'landing:raw_users',
            kind: 'landing',
            name: 'raw_users',
            pipeline: 'user_automation',
            ref: 'raw_users',
            code: code('yaml', 8, YAML),
        },
        {
            id: 'topic:users_created',
            kind: 'topic',
            name: 'users_created',
            pipeline: 'user_automation',
            ref: 'users_created',
            code: code('yaml', 15, 'capture:\n  users_created: raw_users'),
        },
        {
            id: 'transform:created_users',
            kind: 'transform',
            name: 'created_users',
            pipeline: 'user_automation',
            ref: 'spark_streams.created_users',
            code: code('sql', 21, SQL),
        },
        {
            id: 'table:spark_streams.created_users',
            kind: 'table',
            name: 'spark_streams.created_users',
            pipeline: 'user_automation',
            ref: 'spark_streams.created_users',
        },
        {
            id: 'quarantine:created_users',
            kind: 'quarantine',
            name: 'created_users.quarantine',
            pipeline: 'user_automation',
            ref: 'created_users.quarantine',
            dataset: 'created_users',
        },
        {
            id: 'transform:signups_by_minute',
            kind: 'transform',
            name: 'signups_by_minute',
            pipeline: 'signups',
            ref: 'spark_streams.signups_by_minute',
            code: { ...code('sql', 6, COUNT), file: 'examples/signups.yml' },
        },
        {
            id: 'table:spark_streams.signups_by_minute',
            kind: 'table',
            name: 'spark_streams.signups_by_minute',
            pipeline: 'signups',
            ref: 'spark_streams.signups_by_minute',
        },
    ],
    edges: [
        ['e1', 'source:raw_users', 'landing:raw_users'],
        ['e2', 'landing:raw_users', 'topic:users_created'],
        ['e3', 'topic:users_created', 'transform:created_users'],
        ['e4', 'transform:created_users', 'table:spark_streams.created_users'],
        ['e5', 'transform:created_users', 'quarantine:created_users', 'reject'],
        ['e6', 'topic:users_created', 'transform:signups_by_minute'],
        ['e7', 'transform:signups_by_minute', 'table:spark_streams.signups_by_minute'],
    ].map(([id, from, to, kind = 'flow']) => ({ id, from, to, kind })),
};
export const emptyGraph = { ...graph, pipelines: [], nodes: [], edges: [] };

const wave = (s, size) =>
    size * (1 + 0.12 * Math.sin(s / 23) + 0.07 * Math.sin(s / 7.3) + 0.012 * Math.sin(s * 1.7));
export const rateAt = ms => wave(ms / 1000, 512);
export const p50At = ms => wave(ms / 1000 + 11, 4.2);
export const p99At = ms => wave(ms / 1000 + 5, 11.8) + (Math.floor(ms / 60000) % 9 === 4 ? 3 : 0);
export const rowsAt = ms => Math.floor(((ms - START) / 1000) * 512);
export const badAt = ms => Math.floor(rowsAt(ms) * 0.0046);

export function snapshot(now, kind) {
    const rate = rateAt(now),
        rows = rowsAt(now),
        bad = badAt(now),
        badRate = rate * 0.0046;
    const sick = kind === 'sick',
        none = kind === 'empty';
    const n = (state, rows, rate, age_ms, more) => ({
        state,
        rows,
        rate,
        age_ms,
        lag: 0,
        bad: 0,
        busy: 0.12,
        p99_ms: null,
        ...more,
    });
    const tier = (note, state = 'ok') => ({ state, note });
    return {
        ts_ms: now,
        version: '0.1.0',
        uptime_ms: now - START,
        mem_bytes: 43.6e6,
        seq: {
            graph: 1,
            runs: Math.floor(now / 10000),
            alerts: Math.floor(now / 30000),
            schemas: 3,
        },
        total: none
            ? {
                  in_rate: 0,
                  out_rate: 0,
                  bad_rate: 0,
                  in_rows: 0,
                  out_rows: 0,
                  bad: 0,
                  p50_ms: null,
                  p99_ms: null,
                  age_ms: null,
              }
            : {
                  in_rate: rate,
                  out_rate: rate * 0.995,
                  bad_rate: badRate,
                  in_rows: rows,
                  out_rows: rows - bad,
                  bad,
                  p50_ms: p50At(now),
                  p99_ms: p99At(now),
                  age_ms: 180 + (now % 700),
              },
        runs: none
            ? { running: 0, ok_24h: 0, failed_24h: 0 }
            : { running: 1, ok_24h: 1838, failed_24h: 3 },
        tiers: Object.fromEntries(
            graph.tiers.map(t => [
                t.id,
                none
                    ? tier('nothing to do', 'idle')
                    : tier(
                          {
                              orchestrate: '2 pipelines on schedule',
                              source: '512 rows a fetch',
                              landing: '1.2 GB',
                              capture: '0 changes waiting',
                              log: '6 topics, 2.4 GB',
                              registry: '4 subjects',
                              stream: '2 queries, 31 % busy',
                              store: '2 tables, 1.8 GB',
                              quality: '4 checks',
                              observe: '3 rules',
                          }[t.id],
                      ),
            ]),
        ),
        nodes: none
            ? {}
            : {
                  'source:raw_users': n('ok', rows, rate, 310, { note: 'every 10 s' }),
                  'landing:raw_users': n('ok', rows, rate, 300, { p99_ms: 2.1 }),
                  'topic:users_created': n('ok', rows, rate, 290, { p99_ms: 1.2 }),
                  'transform:created_users': n(sick ? 'warn' : 'ok', rows, rate, 240, {
                      lag: sick ? 48211 : Math.floor(rnd() * 90),
                      bad,
                      busy: sick ? 0.98 : 0.31,
                      p99_ms: p99At(now) - 5,
                      note: sick ? 'bottleneck: 98 % busy' : undefined,
                  }),
                  'table:spark_streams.created_users': n(
                      'ok',
                      rows - bad,
                      rate * 0.995,
                      180 + (now % 700),
                      { p99_ms: 3.4 },
                  ),
                  'quarantine:created_users': n('ok', bad, badRate, 1700 + (now % 3000), {
                      bad,
                      note: 'keeps every row',
                  }),
                  'transform:signups_by_minute': n('ok', rows, rate, 250, {
                      busy: 0.08,
                      p99_ms: 4,
                  }),
                  'table:spark_streams.signups_by_minute': n('ok', 628, 0.1, 14200, {
                      p99_ms: 2.8,
                  }),
              },
        edges: none
            ? {}
            : {
                  e1: { rate, rows, bp: 0 },
                  e2: { rate, rows, bp: sick ? 0.38 : 0.02 },
                  e3: { rate: sick ? rate * 0.6 : rate, rows, bp: sick ? 0.81 : 0.06 },
                  e4: { rate: rate * 0.995, rows: rows - bad, bp: 0 },
                  e5: { rate: badRate, rows: bad, bp: 0 },
                  e6: { rate, rows, bp: 0.01 },
                  e7: { rate: 0.1, rows: 628, bp: 0 },
              },
        alerts: none
            ? []
            : rules(now, sick).map(({ id, name, state, value }) => ({ id, name, state, value })),
    };
}

const rules = (now, sick) => [
    {
        id: 'user_automation.users_stopped',
        name: 'users_stopped',
        pipeline: 'user_automation',
        expr: 'created_users.age > 1m',
        for_ms: 0,
        state: 'inactive',
        value: 180 + (now % 700),
        threshold: 60000,
        unit: 'ms',
        since_ms: START,
    },
    {
        id: 'user_automation.users_rejected',
        name: 'users_rejected',
        pipeline: 'user_automation',
        expr: 'created_users.quarantined_ratio > 0.01',
        for_ms: 300e3,
        state: 'inactive',
        value: 0.0046,
        threshold: 0.01,
        unit: 'ratio',
        since_ms: now - 4140e3,
    },
    {
        id: 'user_automation.users_lagging',
        name: 'users_lagging',
        pipeline: 'user_automation',
        expr: 'users_created.lag > 1000',
        for_ms: 60e3,
        state: sick ? 'firing' : 'pending',
        value: sick ? 48211 : 1312,
        threshold: 1000,
        unit: 'rows',
        since_ms: now - 42e3,
    },
];
export const alerts = (now, kind) =>
    kind === 'empty'
        ? { rules: [], receivers: [], history: [] }
        : {
              rules: rules(now, kind === 'sick'),
              receivers: [
                  {
                      name: 'ops',
                      kind: 'alertmanager',
                      target: 'http://alerts:9093',
                      last: { ts_ms: now - 4140e3, ok: true, detail: '200 OK in 14 ms' },
                  },
                  {
                      name: 'chat',
                      kind: 'webhook',
                      target: 'http://chat.local/hook/sluice',
                      last: {
                          ts_ms: now - 4140e3,
                          ok: false,
                          detail: 'connection refused, tried 5 times',
                      },
                  },
              ],
              history: [
                  ['users_lagging', 'pending', 1312, 42e3, null],
                  ['users_rejected', 'resolved', 0.0061, 4140e3, 1320e3],
                  ['users_rejected', 'firing', 0.0184, 5460e3, 1320e3],
                  ['users_rejected', 'pending', 0.0122, 5760e3, 300e3],
              ].map(([name, state, value, ago, lasted_ms]) => ({
                  id: 'user_automation.' + name,
                  name,
                  state,
                  value,
                  ts_ms: now - ago,
                  lasted_ms,
              })),
          };

const FIRST = ['Ida', 'Noah', 'Mina', 'Leo', 'Aiko', 'Omar', 'Freja', 'Luca', 'Zofia', 'Amir'];
const LAST = [
    'Lind',
    'Okafor',
    'Marin',
    'Sato',
    'Berg',
    'Costa',
    'Novak',
    'Haddad',
    'Silva',
    'Weber',
];
const CITY = [
    ['Lund', 'Sweden'],
    ['Porto', 'Portugal'],
    ['Graz', 'Austria'],
    ['Sapporo', 'Japan'],
    ['Split', 'Croatia'],
];
const person = () => {
    const first = pick(FIRST),
        last = pick(LAST),
        [city, country] = pick(CITY);
    return {
        id: uuid(),
        first,
        last,
        city,
        country,
        gender: pick(['female', 'male']),
        n: Math.floor(rnd() * 900) + 1,
        email: `${first}.${last}@example.com`.toLowerCase(),
    };
};
const change = p =>
    JSON.stringify({
        gender: p.gender,
        name: { first: p.first, last: p.last },
        location: {
            street: { number: p.n, name: 'Mill Lane' },
            city: p.city,
            state: p.city,
            country: p.country,
            postcode: 10000 + p.n,
        },
        email: p.email,
        login: { uuid: p.id, username: p.first.toLowerCase() + p.n },
        seq: 9007199254740993,
    }).replace('9007199254740992', '9007199254740993');
export function record(partition, offset, ts_ms) {
    const p = person(),
        value = change(p);
    return {
        partition,
        offset,
        ts_ms,
        key: p.id,
        value,
        headers: [
            ['sluice.id', p.id],
            ['sluice.run', 'scheduled__2026-11-22T14:00:00+00:00'],
        ],
        bytes: value.length + 110,
        format: 'avro',
        schema_id: 2,
    };
}
export const bad = (i, now) => {
    const p = person(),
        [check, rule, reason] = pick([
            [
                'valid_email',
                "email RLIKE '^[^@ ]+@[^@ ]+[.][a-z]+$'",
                `email is '${p.first.toLowerCase()} at example.com'`,
            ],
            ['valid_email', "email RLIKE '^[^@ ]+@[^@ ]+[.][a-z]+$'", "email is ''"],
            ['known_gender', "gender IN ('female', 'male')", "gender is 'n/a'"],
            ['has_id', 'id IS NOT NULL', 'id is null'],
        ]);
    return {
        partition: i % 3,
        offset: 26000 - i,
        ts_ms: now - i * 9400,
        check,
        rule,
        reason,
        source: { topic: 'users_created', partition: i % 3, offset: 2871114 - i * 211 },
        key: p.id,
        value: change(p),
        headers: [
            ['__connect.errors.topic', 'users_created'],
            ['__connect.errors.exception.message', reason],
            ['sluice.check', check],
        ],
    };
};
export const row = () => {
    const p = person();
    return [
        p.id,
        p.first,
        p.last,
        p.gender,
        `${p.n} Mill Lane, ${p.city}, ${p.country}`,
        String(10000 + p.n),
        p.email,
        p.first.toLowerCase() + p.n,
        '1984-03-11T04:20:11.120Z',
    ];
};
export const COLUMNS = [
    ['id', 'uuid', 'pk'],
    ['first_name', 'text'],
    ['last_name', 'text'],
    ['gender', 'text'],
    ['address', 'text'],
    ['post_code', 'text'],
    ['email', 'text'],
    ['username', 'text'],
    ['dob', 'text'],
].map(([name, type, key = null]) => ({ name, type, key }));
const schema = more =>
    JSON.stringify({
        type: 'record',
        name: 'users_created',
        fields: [
            { name: 'gender', type: 'string' },
            { name: 'email', type: ['null', 'string'], default: null },
            ...more,
        ],
    });
export const VERSIONS = [
    [1, 1, schema([])],
    [2, 2, schema([{ name: 'nat', type: ['null', 'string'], default: null }])],
].map(([version, id, text]) => ({
    version,
    id,
    type: 'AVRO',
    schema: text,
    ts_ms: START + version * 1000,
}));
