/* real.mjs - build/sluice with pipelines that give every page something to show.
 *
 * People come every 2 s; about a fifth of them fails a check; one alert fires from the first rows
 * on; a second pipeline's API is down, so its runs fail; a consumer group stopped reading early.
 * `node real.mjs` keeps it running until Ctrl-C and prints the addresses. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('../..', import.meta.url));
const BINARY = process.env.SLUICE ?? join(TOP, 'build/sluice');
const sleep = ms => new Promise(done => setTimeout(done, ms));

const users = () =>
    readFileSync(join(TOP, 'examples/users.yml'), 'utf8')
        .replace('every 10s', 'every 2s')
        .replace('results=100', 'results=20')
        .replace(/^( *)has_id: .*$/m, "$&\n$1early_name:   last_name < 'S'")
        .replace(/^( *)users_stopped:/m, '$1users_came:     created_users.rows > 10\n$&');
const orders = `pipeline: orders
schedule: every 4s
retries: 1
retry_delay: 1s

fetch:
  raw_orders:
    url: http://127.0.0.1:1/orders
    key: id

capture:
  orders_placed: raw_orders
`;

export const hasKcat = spawnSync('kcat', ['-V']).status === 0;

/** Asks until `check` is content with the answer. */
export async function ask(url, check, what = url) {
    for (const end = Date.now() + 30000; Date.now() < end; await sleep(50)) {
        const got = await fetch(url).then(r => (r.ok ? r.json() : null));
        if (got && check(got)) return got;
    }
    throw new Error(`waited 30 s for ${what}`);
}

export async function start() {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-real-'));
    const file = (name, text) => {
        writeFileSync(join(dir, name), text);
        return join(dir, name);
    };
    const conf = file(
        'sluice.yml',
        'ports: {kafka: 0, cql: 0, registry: 0, http: 0, ui: 0}\nallow: ["127.0.0.1:1"]\n',
    );
    const data = join(dir, 'data');
    const child = spawn(
        BINARY,
        ['dev', '--offline', '--conf', conf, '--data', data]
            .concat(file('users.yml', users()), file('orders.yml', orders)),
        { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let words = '';
    for (const out of [child.stdout, child.stderr]) out.on('data', d => (words += d));
    const over = new Promise(done => child.on('exit', done));
    const addresses = join(data, 'addresses');
    for (const end = Date.now() + 20000; !existsSync(addresses); await sleep(20))
        if (child.exitCode !== null || Date.now() > end)
            throw new Error('sluice did not start:\n' + words);
    const at = JSON.parse(readFileSync(addresses, 'utf8'));
    const token = readFileSync(join(data, 'token'), 'utf8').trim();
    return {
        url: 'http://' + at.ui,
        runs: 'http://' + at.http,
        at,
        token,
        words: () => words,
        async stop() {
            child.kill('SIGTERM');
            await over;
            rmSync(dir, { recursive: true, force: true });
        },
    };
}

/** Reads five records as group `reporting`, then stops: what follows is its lag. */
export async function startGroup(server) {
    await ask(server.url + '/ui/topics/users_created', t => t.messages >= 20, 'records');
    const got = spawnSync(
        'kcat',
        ['-b', server.at.kafka, '-q', '-c', '5', '-X', 'auto.offset.reset=earliest']
            .concat('-G', 'reporting', 'users_created'),
        { timeout: 20000 },
    );
    if (got.status !== 0) throw new Error('kcat: ' + got.stderr);
}

/** Until every page has what its tests look for. */
export async function fill(server) {
    await startGroup(server);
    await ask(server.url + '/ui/quarantine', q => q.datasets.some(d => d.count > 2), 'rejects');
    await ask(
        server.runs + '/api/v2/dags/orders/dagRuns?state=failed',
        r => r.total_entries > 0,
        'a failed run',
    );
    await ask(server.url + '/ui/alerts', a => a.history.length > 0, 'an alert');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const server = await start();
    console.log(`${server.url} ${server.runs} ${server.token}`);
    process.on('SIGINT', () => server.stop().then(() => process.exit(0)));
    process.on('SIGTERM', () => server.stop().then(() => process.exit(0)));
    await fill(server);
    console.log('filled');
}
