/* mock.mjs - a stand-in for the program: ui/dist and doc/ui-api.md's answers on a free port.
 * `node mock.mjs [normal|sick|empty] [port]` serves one by hand. */
import { createReadStream, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import * as d from './data.mjs';

const DIST = new URL('../../ui/dist/', import.meta.url);
const CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
export const TOKEN = 'let-me-in';
const TASKS = ['fetch_raw_users', 'capture_users_created', 'check_created_users', 'publish_counts'];

function runsOf(dag, now) {
    /* 120 runs of ten seconds each, the newest running */
    const every = dag === 'user_automation' ? 10e3 : 60e3,
        last = Math.floor(now / every);
    return Array.from({ length: 120 }, (_, i) => {
        const k = last - i,
            at = k * every,
            iso = t => new Date(t).toISOString();
        const state =
            i === 0 && dag === 'user_automation' ? 'running' : k % 17 === 3 ? 'failed' : 'success';
        const duration = 1.8 + ((k * 7919) % 23) / 10 + (state === 'failed' ? 4 : 0);
        return {
            dag_id: dag,
            dag_run_id: `scheduled__${iso(at)}`,
            dag_display_name: dag,
            run_after: iso(at),
            run_type: 'scheduled',
            state,
            start_date: iso(at),
            end_date: state === 'running' ? null : iso(at + duration * 1e3),
            duration: state === 'running' ? null : duration,
            data_interval_start: iso(at - every),
            data_interval_end: iso(at),
            triggered_by: 'timetable',
            conf: {},
            note: null,
        };
    });
}
function tasksOf(run) {
    const names = run.dag_id === 'user_automation' ? TASKS : ['count_signups', 'publish_counts'];
    return names.map((task_id, i) => {
        const bad = run.state === 'failed',
            state =
                run.state === 'running'
                    ? ['success', 'running', 'queued', null][i]
                    : bad
                      ? ['success', 'failed', 'upstream_failed', 'upstream_failed'][i]
                      : i === 3 && run.run_after.endsWith('0.000Z') && run.run_after[17] === '3'
                        ? 'skipped'
                        : 'success';
        return {
            id: run.dag_run_id + task_id,
            dag_id: run.dag_id,
            dag_run_id: run.dag_run_id,
            task_id,
            state,
            try_number: state === 'failed' ? 3 : state ? 1 : 0,
            max_tries: 2,
            start_date: state && state !== 'queued' ? run.start_date : null,
            end_date: run.end_date,
            duration: run.duration ? run.duration * (0.5 - i / 10) : null,
            operator: ['http fetch', 'capture', 'sql check', 'trigger'][i],
            run_after: run.run_after,
        };
    });
}
function logOf(task, n, now) {
    const say = (i, level, event) => ({
        timestamp: new Date(now - 9000 + i * 61).toISOString(),
        level,
        event,
    });
    const lines = [
        say(0, 'info', `try ${n} of ${task}`),
        say(1, 'debug', 'resolved randomuser.me in 3 ms'),
        say(2, 'info', 'GET https://randomuser.me/api/?results=100 -> 200, 114 KB in 212 ms'),
    ];
    for (let i = 3; i < 140; i++)
        lines.push(
            say(
                i,
                i % 41 === 40 ? 'warning' : i % 5 ? 'debug' : 'info',
                i % 41 === 40
                    ? 'postcode is a number in 12 rows and text in 88: kept as text'
                    : `row ${i}: upserted login.uuid=${(i * 7919).toString(16)} into raw_users`,
            ),
        );
    lines.push(
        n < 3
            ? say(
                  140,
                  'error',
                  'connection reset by peer after 41 rows; nothing was written, trying again in 2 s',
              )
            : say(140, 'info', '100 rows landed, 100 new, 0 unchanged'),
    );
    return lines;
}

const topic = (name, partitions, messages, rate, more) => ({
    name,
    partitions,
    messages,
    bytes: messages * 412,
    rate,
    lag: null,
    cleanup: 'delete',
    subject: null,
    quarantine: false,
    internal: false,
    ...more,
});
const topics = now => [
    topic('users_created', 3, d.rowsAt(now), d.rateAt(now), {
        lag: 1312,
        subject: 'users_created-value',
    }),
    topic('created_users.quarantine', 3, d.badAt(now), 2.4, { quarantine: true }),
    topic('signups_by_minute', 1, 628, 0.1, {
        lag: 0,
        subject: 'signups_by_minute-value',
        cleanup: 'compact',
    }),
    topic('orders', 6, 1204411, 0, { lag: 0, subject: 'orders-value' }),
    topic('orders.refunds', 6, 20411, 0, {}),
    topic('_schemas', 1, 6, 0, { internal: true, cleanup: 'compact' }),
    topic('__consumer_offsets', 8, 4212, 0.4, { internal: true, cleanup: 'compact' }),
];
const groups = [
    ['sluice-created_users', 'Stable', 1, ['users_created'], 1312],
    ['sluice-signups_by_minute', 'Stable', 1, ['users_created'], 12],
    ['reporting', 'Stable', 3, ['orders', 'orders.refunds'], 0],
    ['nightly-export', 'Empty', 0, ['users_created'], 88123],
].map(([id, state, members, topics, lag]) => ({
    id,
    state,
    protocol: 'range',
    members,
    topics,
    lag,
}));
const tables = now => [
    {
        store: 'store',
        name: 'spark_streams.created_users',
        rows: d.rowsAt(now) - d.badAt(now),
        approx: true,
        at_least: false,
        bytes: 1.7e9,
        columns: d.COLUMNS,
        last_ms: now - 300,
    },
    {
        store: 'store',
        name: 'spark_streams.signups_by_minute',
        rows: 628,
        approx: false,
        at_least: false,
        bytes: 40960,
        columns: [
            { name: 'minute', type: 'timestamp', key: 'pk' },
            { name: 'gender', type: 'text', key: 'ck' },
            { name: 'signups', type: 'bigint', key: null },
        ],
        last_ms: now - 14200,
    },
    {
        store: 'landing',
        name: 'raw_users',
        rows: d.rowsAt(now),
        approx: false,
        at_least: false,
        bytes: 1.2e9,
        columns: [
            { name: 'key', type: 'text', key: 'key' },
            { name: 'row', type: 'json', key: null },
            { name: 'fetched_at', type: 'timestamp', key: null },
        ],
        last_ms: now - 400,
    },
];

function series(q, now) {
    const range = Number(q.get('range_s') ?? 900),
        step = Math.max(1, Math.ceil(range / 900)),
        t = [];
    for (let s = Math.floor(now / 1000) - range; s <= now / 1000; s += step) t.push(s);
    const of = f => t.map(s => (s * 1000 < d.START ? null : f(s * 1000)));
    return {
        step_s: step,
        t,
        series: q.get('node')
            ? {
                  rate: of(d.rateAt),
                  p99_ms: of(ms => d.p99At(ms) / 10),
                  lag: of(() => 20),
                  age_ms: of(() => 200),
                  bad_rate: of(() => 0),
              }
            : {
                  in_rate: of(d.rateAt),
                  out_rate: of(ms => d.rateAt(ms - 4e3) * 0.995),
                  bad_rate: of(ms => d.rateAt(ms) * 0.0046),
                  p50_ms: of(d.p50At),
                  p99_ms: of(d.p99At),
              },
    };
}

const found = (list, key, value) => {
    const x = list.find(x => x[key] === value);
    if (!x) throw { status: 404, detail: `${key} "${value}" is not known` };
    return x;
};
const listed = (q, list) =>
    list.filter(
        t => !q.get('q') || JSON.stringify(t).toLowerCase().includes(q.get('q').toLowerCase()),
    );

/* [method and pattern, answer(match, query, now, kind, body, state)] */
const ROUTES = [
    ['GET /ui/graph', (m, q, now, kind) => (kind === 'empty' ? d.emptyGraph : d.graph)],
    ['GET /ui/history', (m, q, now) => series(q, now)],
    [
        'GET /ui/logs',
        (m, q, now) => ({
            lines: logOf('node', 3, now).map(l => ({
                ts_ms: Date.parse(l.timestamp),
                level: l.level,
                text: l.event,
            })),
        }),
    ],
    [
        'GET /ui/quality',
        (m, q, now) => ({
            dataset: 'created_users',
            checks: [
                ['has_id', 'id IS NOT NULL', 3],
                ['valid_email', "email RLIKE '^[^@ ]+@[^@ ]+[.][a-z]+$'", 21400],
                ['known_gender', "gender IN ('female', 'male')", 8211],
                ['born_in_past', 'to_timestamp(dob) < current_timestamp()', 0],
            ].map(([name, rule, failed]) => ({
                name,
                rule,
                else: 'quarantine',
                passed: d.rowsAt(now) - failed,
                failed,
                last_failed_ms: failed ? now - 4200 : null,
            })),
        }),
    ],
    [
        'GET /ui/topics',
        (m, q, now, kind) => {
            const all =
                kind === 'empty'
                    ? []
                    : topics(now).filter(
                          t =>
                              (q.get('internal') || !t.internal) &&
                              t.name.includes(q.get('q') ?? ''),
                      );
            return { total: all.length, topics: all.slice(Number(q.get('offset') ?? 0)) };
        },
    ],
    [
        'GET /ui/topics/([^/]+)',
        (m, q, now) => {
            const t = found(topics(now), 'name', m[1]);
            return {
                ...t,
                partitions: Array.from({ length: t.partitions }, (_, id) => ({
                    id,
                    start: 0,
                    end: Math.floor(t.messages / t.partitions),
                    bytes: t.bytes / t.partitions,
                    last_ms: now - 300 - id * 40,
                })),
                groups: groups
                    .filter(g => g.topics.includes(t.name))
                    .map(({ id, state, lag }) => ({ id, state, lag })),
                configs: [
                    ['cleanup.policy', t.cleanup, false],
                    ['retention.ms', '604800000', true],
                    ['flush.messages', '1', true],
                    ['compression.type', 'lz4', false],
                ].map(([name, value, def]) => ({ name, value, default: def })),
            };
        },
    ],
    [
        'GET /ui/topics/([^/]+)/records',
        (m, q, now) => {
            const n = Number(q.get('limit') ?? 50),
                base = q.get('offset')
                    ? Number(q.get('offset')) + n
                    : 2871400 - Number(q.get('page') ?? 0) * n;
            const all = Array.from({ length: n }, (_, i) =>
                d.record(
                    q.get('partition') ? Number(q.get('partition')) : i % 3,
                    base - Math.floor(i / (q.get('partition') ? 1 : 3)) - 1,
                    now - i * 2,
                ),
            );
            const hits = listed(q, all);
            return { records: hits, scanned: n * 40, next: String(Number(q.get('page') ?? 0) + 1) };
        },
    ],
    [
        'GET /ui/groups',
        (m, q, now, kind) => ({
            groups: kind === 'empty' ? [] : groups.filter(g => g.id.includes(q.get('q') ?? '')),
        }),
    ],
    [
        'GET /ui/groups/([^/]+)',
        (m, q, now) => {
            const g = found(groups, 'id', m[1]);
            return {
                ...g,
                members: Array.from({ length: g.members }, (_, i) => ({
                    id: `${g.id}-${i}-5fd1`,
                    client_id: g.id,
                    host: '127.0.0.1',
                    partitions: 3,
                })),
                partitions: g.topics.flatMap(topic =>
                    [0, 1, 2].map(partition => {
                        const end = Math.floor(d.rowsAt(now) / 3),
                            lag = Math.floor(g.lag / (3 * g.topics.length));
                        return {
                            topic,
                            partition,
                            start: 0,
                            current: end - lag,
                            end,
                            lag,
                            member: g.members ? `${g.id}-${partition % g.members}` : null,
                        };
                    }),
                ),
            };
        },
    ],
    ['GET /ui/tables', (m, q, now, kind) => ({ tables: kind === 'empty' ? [] : tables(now) })],
    [
        'GET /ui/tables/(landing|store)/([^/]+)/rows',
        (m, q, now) => {
            const t = found(tables(now), 'name', m[2]);
            const rows = Array.from({ length: 50 }, (_, i) =>
                t.columns.length === 9
                    ? d.row()
                    : t.name === 'raw_users'
                      ? [`k${i}`, d.record(0, i, now).value, new Date(now - i * 900).toISOString()]
                      : [
                            new Date(now - i * 60e3).toISOString(),
                            i % 2 ? 'male' : 'female',
                            15000 + i,
                        ],
            );
            return { columns: t.columns, rows: listed(q, rows), total: t.rows, next: 'p2' };
        },
    ],
    [
        'GET /ui/quarantine',
        (m, q, now, kind) => ({
            datasets:
                kind === 'empty'
                    ? []
                    : [
                          {
                              dataset: 'created_users',
                              topic: 'created_users.quarantine',
                              count: d.badAt(now),
                              last_ms: now - 1800,
                              checks: [
                                  ['valid_email', "email RLIKE '^[^@ ]+@[^@ ]+[.][a-z]+$'", 0.72],
                                  ['known_gender', "gender IN ('female', 'male')", 0.27],
                                  ['has_id', 'id IS NOT NULL', 0.01],
                              ].map(([check, rule, s], i) => ({
                                  check,
                                  rule,
                                  count: Math.floor(d.badAt(now) * s),
                                  last_ms: now - 1800 - i * 42e3,
                              })),
                          },
                      ],
        }),
    ],
    [
        'GET /ui/quarantine/([^/]+)',
        (m, q, now) => ({
            records: listed(
                q,
                Array.from({ length: 50 }, (_, i) => d.bad(i, now)),
            ).filter(r => !q.get('check') || r.check === q.get('check')),
            next: 'p2',
        }),
    ],
    [
        'POST /ui/quarantine/([^/]+)/replay',
        (m, q, now, kind, body) => ({ replayed: body.check === 'has_id' ? 3 : 420 }),
    ],
    ['GET /ui/alerts', (m, q, now, kind) => d.alerts(now, kind)],
    [
        'GET /ui/schemas',
        (m, q, now, kind) => ({
            compatibility: 'BACKWARD',
            subjects:
                kind === 'empty'
                    ? []
                    : [
                          ['orders-value', [1, 2, 3], 7],
                          ['signups_by_minute-value', [1], 4],
                          ['users_created-value', [1, 2], 2],
                      ].map(([subject, versions, id]) => ({
                          subject,
                          versions,
                          id,
                          type: 'AVRO',
                          compatibility: subject[0] === 'o' ? 'FULL' : 'BACKWARD',
                      })),
        }),
    ],
    [
        'GET /ui/schemas/([^/]+)',
        m => ({ subject: m[1], compatibility: 'BACKWARD', versions: d.VERSIONS }),
    ],
    [
        'GET /api/v2/dags',
        (m, q, now, kind, b, state) => {
            const dags =
                kind === 'empty'
                    ? []
                    : [
                          ['user_automation', 'every 10 s', 10e3],
                          ['signups', 'every 1 min', 60e3],
                      ].map(([dag_id, timetable_summary, every]) => ({
                          dag_id,
                          timetable_summary,
                          description: '',
                          is_paused: state.paused.has(dag_id),
                          next_dagrun_run_after: new Date(
                              Math.ceil(now / every) * every,
                          ).toISOString(),
                      }));
            return { dags, total_entries: dags.length };
        },
    ],
    [
        'PATCH /api/v2/dags/([^/]+)',
        (m, q, now, k, body, state) => {
            state.paused[body.is_paused ? 'add' : 'delete'](m[1]);
            return { dag_id: m[1], is_paused: body.is_paused };
        },
    ],
    [
        'GET /api/v2/dags/([^/]+)/tasks',
        m => ({
            tasks: (m[1] === 'user_automation' ? TASKS : ['count_signups', 'publish_counts']).map(
                task_id => ({ task_id }),
            ),
        }),
    ],
    [
        'GET /api/v2/dags/([^/]+)/dagRuns',
        (m, q, now, k, b, state) => {
            const all = [
                ...state.manual.filter(r => r.dag_id === m[1]),
                ...runsOf(m[1], now),
            ].filter(r => !q.get('state') || r.state === q.get('state'));
            return { dag_runs: all.slice(0, Number(q.get('limit'))), total_entries: all.length };
        },
    ],
    [
        'POST /api/v2/dags/([^/]+)/dagRuns',
        (m, q, now, k, body, state) => {
            const at = new Date(now).toISOString(),
                run = {
                    ...runsOf(m[1], now)[0],
                    dag_run_id: `manual__${at}`,
                    run_after: at,
                    start_date: at,
                    run_type: 'manual',
                    triggered_by: 'rest_api',
                    state: 'running',
                    end_date: null,
                    duration: null,
                    conf: body.conf,
                };
            state.manual.unshift(run);
            return run;
        },
    ],
    [
        'GET /api/v2/dags/([^/]+)/dagRuns/~/taskInstances',
        (m, q, now, k, b, state) => ({
            task_instances: [...state.manual.filter(r => r.dag_id === m[1]), ...runsOf(m[1], now)]
                .slice(0, 100)
                .flatMap(tasksOf),
        }),
    ],
    [
        'GET /api/v2/dags/([^/]+)/dagRuns/([^/]+)',
        (m, q, now, k, b, state) =>
            found([...state.manual, ...runsOf(m[1], now)], 'dag_run_id', m[2]),
    ],
    [
        'GET /api/v2/dags/([^/]+)/dagRuns/([^/]+)/taskInstances',
        (m, q, now, k, b, state) => ({
            task_instances: tasksOf(
                found([...state.manual, ...runsOf(m[1], now)], 'dag_run_id', m[2]),
            ),
        }),
    ],
    [
        'GET /api/v2/dags/([^/]+)/dagRuns/([^/]+)/taskInstances/([^/]+)/tries',
        (m, q, now, k, b, state) => {
            const one = found(
                tasksOf(found([...state.manual, ...runsOf(m[1], now)], 'dag_run_id', m[2])),
                'task_id',
                m[3],
            );
            return {
                task_instances: Array.from({ length: one.try_number || 1 }, (_, i) => ({
                    ...one,
                    try_number: i + 1,
                    state: one.state === 'failed' ? 'failed' : one.state,
                    duration: one.duration,
                })),
            };
        },
    ],
    [
        'GET /api/v2/dags/([^/]+)/dagRuns/([^/]+)/taskInstances/([^/]+)/logs/(\\d+)',
        (m, q, now) => ({
            content: logOf(m[3], Number(m[4]), Math.floor(now / 60e3) * 60e3),
            continuation_token: null,
        }),
    ],
].map(([text, answer]) => {
    const [method, path] = text.split(' ');
    return { method, re: new RegExp(`^${path}$`), answer };
});

function events(req, res, q, kind) {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const say = (event, data) => res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    say('snapshot', d.snapshot(Date.now(), kind));
    const timer = setInterval(() => say('snapshot', d.snapshot(Date.now(), kind)), 1000);
    let offset = 2871500;
    const tail =
        q.get('tail') &&
        setInterval(() => say('record', d.record(offset % 3, offset++, Date.now())), 250);
    req.on('close', () => {
        clearInterval(timer);
        clearInterval(tail);
    });
}

export function serve({ kind = 'normal', home = 'overview', port = 0 } = {}) {
    const types = new Map(
        readFileSync(new URL('files.txt', DIST), 'utf8')
            .trim()
            .split('\n')
            .map(l => l.split(' '))
            .map(([p, t, c]) => ['/' + p, [t, c]]),
    );
    const state = { paused: new Set(), manual: [] };
    const server = createServer(async (req, res) => {
        const url = new URL(req.url, 'http://x'),
            path = url.pathname;
        res.setHeader('Content-Security-Policy', CSP);
        const json = (status, data) => {
            res.writeHead(status, { 'Content-Type': 'application/json' });
            res.end(JSON.stringify(data));
        };
        if (path === '/ui/events') return events(req, res, url.searchParams, kind);
        if (types.has(path) && path !== '/index.html') {
            const [type, cache] = types.get(path);
            res.writeHead(200, {
                'Content-Type': type,
                'Content-Encoding': 'gzip',
                'Cache-Control':
                    cache === 'immutable' ? 'public, max-age=31536000, immutable' : 'no-cache',
            });
            return createReadStream(new URL('.' + path + '.gz', DIST)).pipe(res);
        }
        if (!/^\/(ui|api)\//.test(path)) {
            res.writeHead(200, {
                'Content-Type': 'text/html;charset=utf-8',
                'Cache-Control': 'no-cache',
            });
            return res.end(
                readFileSync(new URL('index.html', DIST), 'utf8').replace('%HOME%', home),
            );
        }
        if (req.method !== 'GET' && req.headers.authorization !== `Bearer ${TOKEN}`)
            return json(401, { detail: 'this needs the token' });
        let body = '';
        for await (const part of req) body += part;
        for (const r of ROUTES) {
            const match = r.method === req.method && r.re.exec(path);
            if (!match) continue;
            try {
                return json(
                    200,
                    r.answer(
                        match.map(decodeURIComponent),
                        url.searchParams,
                        Date.now(),
                        kind,
                        body && JSON.parse(body),
                        state,
                    ),
                );
            } catch (err) {
                return json(err.status ?? 500, { detail: err.detail ?? String(err) });
            }
        }
        json(404, { detail: `nothing is at ${path}` });
    });
    return new Promise(done =>
        server.listen(port, '127.0.0.1', () =>
            done({
                url: `http://127.0.0.1:${server.address().port}`,
                stop: () => {
                    server.closeAllConnections();
                    return new Promise(ok => server.close(ok));
                },
            }),
        ),
    );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const { url } = await serve({ kind: process.argv[2], port: Number(process.argv[3] ?? 0) });
    console.log(url);
}
