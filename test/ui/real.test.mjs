/* real.test.mjs - the pages against the real program, with data that it made itself. What each page
 * can do with every kind of answer is tested in pages.test.mjs. */
import { strict as assert } from 'node:assert';
import { after, before, describe, test } from 'node:test';
import { audit, begin, bothThemes, end, flaws, settled, text, until, use } from './page.mjs';
import { ask, fill, hasKcat, start } from './real.mjs';

const one = { timeout: 60_000 };
const NODE = 'transform:spark_streams.created_users';
const LOAD_MAX = 80_000; /* bytes of the first load, compressed */
const ANSWER_MAX_MS = 100;

describe('the real program', { skip: hasKcat ? false : 'no kcat' }, () => {
    let server;
    before(async () => {
        server = await start();
        await begin(server.url);
        await fill(server);
    });
    after(async () => {
        await end();
        await server?.stop();
    });
    const atRuns = () => ({ origin: server.runs });

    test('overview: the verdict, every hop, and numbers that rise', one, () =>
        use('/', {}, async page => {
            assert.match(page.url(), /\/overview$/);
            await page.locator('.verdict', { hasText: 'alert firing: users_came' }).waitFor();
            assert.equal(await page.locator('.node').count(), 9);
            assert.equal(await page.locator('.edge-label').count(), 7);
            assert.equal(await page.locator('.tier').count(), 8);
            const rows = () =>
                page
                    .locator(`[id="node-landing:raw_users"], .edge-label`)
                    .allInnerTexts()
                    .then(all => all.join('|'));
            const total = async () =>
                Number((await text(page, '.number .note')).replace(/[^\d].*$/s, ''));
            const was = [await rows(), await total()];
            await until(
                page,
                n =>
                    Number(
                        document.querySelector('.number .note').innerText.replace(/[^\d].*$/s, ''),
                    ) > n,
                was[1],
            );
            assert.notEqual(await rows(), was[0]);
            await page.locator('.chart canvas').nth(1).waitFor();
            /* the API that is down says so, at its node and at its tier */
            await page.locator('[id="node-source:raw_orders"]', { hasText: 'connect' }).waitFor();
            await page.locator('.tier', { hasText: 'last run of orders failed' }).waitFor();
        }));
    test('overview: keys reach a node, its tabs live in the address', one, () =>
        use('/overview', {}, async page => {
            await page.locator('[id="node-source:raw_users"]').focus();
            for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
            assert.equal(await page.evaluate(() => document.activeElement.id), 'node-' + NODE);
            await page.keyboard.press('Enter');
            await page.getByRole('tab', { name: 'Quality' }).click();
            const row = page.locator('tr', { hasText: 'early_name' });
            await row.getByText('rejects rows').waitFor();
            await row.getByText(/ago/).waitFor();
            await page.getByRole('tab', { name: 'Code' }).click();
            await page.getByText('FROM STREAM users_created').waitFor();
            await page.reload();
            await page.getByText('FROM STREAM users_created').waitFor();
            await page.getByRole('tab', { name: 'Metrics' }).click();
            await page.locator('.panel .chart canvas').first().waitFor();
            await page.getByLabel('Last').first().selectOption('3600');
            await page.reload();
            await page.locator('.panel .chart canvas').first().waitFor();
            await page.keyboard.press('Escape');
        }));
    test('runs: where :8080 opens; a failed try and its log', one, () =>
        use('/', atRuns(), async page => {
            assert.match(page.url(), /\/runs$/);
            await page.getByLabel('Pipeline').selectOption('orders');
            await page.locator('button.grid-cell.tone-error').last().click();
            await page.getByRole('tab', { name: /Try 2/ }).waitFor();
            await page.getByLabel('Level').selectOption('error');
            await page.getByText(/failed after .*connect/).waitFor();
            const at = page.url();
            await page.reload();
            await page.getByText(/failed after .*connect/).waitFor();
            assert.equal(page.url(), at);
        }));
    test('runs: the button really makes a run, which succeeds', one, () =>
        use('/runs?dag=user_automation', atRuns(), async page => {
            await page.getByRole('button', { name: 'Run now: user_automation' }).click();
            await page.getByRole('button', { name: 'Run now', exact: true }).click();
            await page.getByLabel('Token').fill('wrong');
            await page.getByRole('button', { name: 'Use token' }).click();
            await page.getByText('That token was refused').waitFor();
            page.wrong = page.wrong.filter(w => !/401/.test(w)); /* the browser says it itself */
            await page.getByLabel('Token').fill(server.token);
            await page.getByRole('button', { name: 'Use token' }).click();
            await page.waitForURL(/run=manual__/);
            const id = new URL(page.url()).searchParams.get('run');
            const run = await ask(
                `${server.runs}/api/v2/dags/user_automation/dagRuns/${encodeURIComponent(id)}`,
                r => r.state === 'success',
                'the run to end',
            );
            assert.equal(run.run_type, 'manual');
            await page.locator('.card', { hasText: id }).getByText('success').first().waitFor();
        }));
    test('topics: messages, one of them in full, and their schema', one, () =>
        use('/topics', {}, async page => {
            await page.getByRole('link', { name: 'users_created', exact: true }).click();
            await page.locator('.records .linkish').first().click();
            await page.locator('.record-detail').getByText('"postcode"').waitFor();
            await page.locator('.record-detail').getByText('sluice.id').waitFor();
            await page.getByLabel('From').selectOption('oldest');
            await page.locator('.records').getByRole('button', { name: '0', exact: true }).waitFor();
            await page.reload();
            await page.locator('.records').getByRole('button', { name: '0', exact: true }).waitFor();
            await page.getByRole('tab', { name: /Groups/ }).click();
            await page.getByText('reporting').waitFor();
            await page.getByRole('tab', { name: 'Schema' }).click();
            await page.getByText(/compatibility BACKWARD/).waitFor();
        }));
    test('topics: the live tail brings new records, and pauses', one, () =>
        use('/topics/users_created?live=1', {}, async page => {
            const cnt = () => page.locator('.records tbody tr').count();
            await until(page, () => document.querySelectorAll('.records tbody tr').length >= 3);
            await page.getByRole('button', { name: 'Pause' }).click();
            await page.getByText(/Paused, \d+ new/).waitFor();
            const was = await cnt();
            await page.getByRole('button', { name: 'Resume' }).click();
            await until(
                page,
                n => document.querySelectorAll('.records tbody tr').length > n,
                was,
            );
        }));
    test('groups: the one that stopped reading is behind', one, () =>
        use('/groups', {}, async page => {
            await page.getByRole('link', { name: 'reporting' }).click();
            await page.getByText('Nobody is reading right now').waitFor();
            const lag = async () =>
                Number(
                    (await page.locator('tr', { hasText: 'users_created' }).innerText())
                        .split(/\s+/)[4]
                        .replace(',', ''),
                );
            assert.ok((await lag()) > 0, String(await lag()));
            assert.equal(await page.locator('meter').count(), 1);
        }));
    test('tables: landing rows and CQL rows', one, () =>
        use('/tables', {}, async page => {
            await page.getByRole('link', { name: 'raw_users' }).click();
            await page.getByRole('button', { name: 'Open row 1', exact: true }).click();
            await page.locator('.row-detail').getByText('location').first().waitFor();
            await page.goBack();
            await page.goto(server.url + '/tables');
            await page.getByRole('link', { name: 'spark_streams.created_users' }).click();
            await page.getByRole('button', { name: 'Open row 2', exact: true }).click();
            await page.locator('.row-detail').getByText('@example.com').waitFor();
            await page.reload();
            await page.locator('.row-detail').getByText('@example.com').waitFor();
            await page.getByLabel('Search rows').fill('no such text anywhere');
            await page.getByText('No row matches').waitFor();
            await page.getByRole('tab', { name: /Columns/ }).click();
            await page.getByText('partition key').waitFor();
        }));
    test('quarantine: the reason, the way back, and replay', one, () =>
        use('/quarantine#token=' + server.token, {}, async page => {
            await page.getByRole('link', { name: 'early_name' }).click();
            await page.locator('td', { hasText: "last_name < 'S' is false" }).first().waitFor();
            await page.locator('.linkish').first().click();
            await page.getByText('Original value').waitFor();
            const back = page.locator('.record-detail a').first();
            assert.match(await back.getAttribute('href'), /topics\/users_created\?seek=offset/);
            await page.getByRole('button', { name: 'Replay early_name' }).click();
            await page.getByRole('button', { name: 'Replay', exact: true }).click();
            await page.getByText(/\d+ rows? sent through the checks again/).waitFor();
        }));
    test('alerts: the one that fires, its value, and since when', one, () =>
        use('/alerts', {}, async page => {
            const rule = page.locator('tr', { hasText: 'created_users.rows > 10' });
            await rule.getByText('firing').waitFor();
            await rule.getByText(/ago/).waitFor();
            await page.getByLabel('State').selectOption('inactive');
            await page.getByText('created_users.age > 1m').waitFor();
            assert.match(page.url(), /state=inactive/);
            await page.locator('td', { hasText: 'users_came' }).first().waitFor(); /* history */
        }));
    test('schemas: the versions that the data made', one, () =>
        use('/schemas', {}, async page => {
            await page.getByRole('link', { name: 'users_created-value' }).click();
            await page.getByText('"properties"').first().waitFor();
        }));

    const ALL = [
        '/overview',
        `/overview?node=${NODE}&tab=quality`,
        '/runs?dag=orders',
        '/topics',
        '/topics/users_created',
        '/groups/reporting',
        '/tables',
        '/tables/store/spark_streams.created_users?row=1',
        '/tables/landing/raw_users',
        '/quarantine',
        '/quarantine/created_users',
        '/alerts',
        '/schemas/users_created-value',
    ];
    for (const path of ALL)
        test(`${path} is free of faults, light and dark, and fits a telephone`, one, () =>
            use(path, {}, async page => {
                await settled(page);
                assert.deepEqual(await bothThemes(page, audit), []);
                assert.deepEqual(await flaws(page), []);
                await page.setViewportSize({ width: 390, height: 800 });
                assert.deepEqual(await flaws(page), []);
            }),
        );
    test('the first load is small, and every answer comes at once', one, () =>
        use('/overview', {}, async page => {
            await settled(page);
            const sizes = await page.evaluate(() =>
                performance
                    .getEntriesByType('resource')
                    .concat(performance.getEntriesByType('navigation'))
                    .filter(r => !/\/ui\//.test(r.name))
                    .map(r => r.encodedBodySize),
            );
            const sum = sizes.reduce((a, b) => a + b, 0);
            assert.ok(sum > 20_000 && sum < LOAD_MAX, `${sum} bytes`);
            for (const path of [
                '/overview',
                '/ui/graph',
                '/ui/history?range_s=900',
                '/ui/topics',
                '/ui/topics/users_created',
                '/ui/topics/users_created/records?limit=50',
                '/ui/groups',
                '/ui/tables',
                '/ui/tables/store/spark_streams.created_users/rows?limit=50',
                '/ui/quarantine',
                '/ui/quarantine/created_users?limit=50',
                '/ui/alerts',
                '/ui/schemas',
                '/api/v2/dags?limit=100',
                '/api/v2/dags/user_automation/dagRuns?order_by=-run_after&limit=25',
                '/metrics',
            ]) {
                let best = Infinity; /* of five: the machine may be busy with other things */
                for (let i = 0; i < 5; i++) {
                    const began = performance.now();
                    await fetch(server.url + path).then(r => r.arrayBuffer());
                    best = Math.min(best, performance.now() - began);
                }
                assert.ok(best < ANSWER_MAX_MS, `${path}: ${best.toFixed(0)} ms`);
            }
        }));
});
