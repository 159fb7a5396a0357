/* pages.test.mjs - what a person can do with each page, in a real browser, against the mock. What is
 * said of real data is tested in real.test.mjs. */
import { strict as assert } from 'node:assert';
import { after, before, describe, test } from 'node:test';
import { audit, begin, blank, bothThemes, end, open, settled, shut, text, until, use } from './page.mjs';
import { serve, TOKEN as token } from './mock.mjs';

const one = { timeout: 60_000 };

let mock, base;
before(async () => {
    mock = await serve();
    base = mock.url;
    await begin(base);
});
after(async () => {
    await end();
    await mock?.stop();
});

describe('overview', one, () => {
    test('says what is up, draws every hop and moves with the data', () =>
        use('/', {}, async page => {
            await page.locator('.node').first().waitFor();
            assert.match(page.url(), /\/overview$/);
            assert.match(await text(page, '.verdict'), /flowing/);
            assert.equal(await page.locator('.node').count(), 8);
            assert.equal(await page.locator('.edge-label').count(), 7);
            assert.equal(await page.locator('.tier').count(), 10);
            assert.match(await text(page, '.edge-label b'), /^[\d.,]+\/s$/);
            const rows = () => page.locator('.number b').first().innerText();
            const was = await rows();
            await until(
                page,
                old => document.querySelector('.number b').innerText !== old,
                was,
            );
            await page.locator('.chart canvas').nth(1).waitFor();
        }));
    test('a node opens its tabs, and the address brings them back', () =>
        use('/overview', {}, async page => {
            await page.locator('[id="node-transform:created_users"]').click();
            await page.getByRole('tab', { name: 'Quality' }).click();
            await page.getByText('valid_email').first().waitFor();
            await page.getByRole('tab', { name: 'Code' }).click();
            await page.getByText('FROM STREAM users_created').waitFor();
            assert.match(page.url(), /node=transform.*tab=code/);
            await page.reload();
            await page.getByText('FROM STREAM users_created').waitFor();
            await page.getByRole('tab', { name: 'Logs' }).click();
            await page.getByLabel('Search log').fill('postcode');
            await page.getByText(/^3 of 141 lines/).waitFor();
            await page.getByRole('button', { name: 'Close panel' }).click();
            assert.equal(await page.locator('.panel').count(), 0);
        }));
    test('arrows walk the graph, Enter opens, Escape closes', () =>
        use('/overview', {}, async page => {
            await page.locator('[id="node-source:raw_users"]').focus();
            await page.keyboard.press('ArrowRight');
            await page.keyboard.press('ArrowRight');
            assert.equal(
                await page.evaluate(() => document.activeElement.id),
                'node-topic:users_created',
            );
            await page.keyboard.press('Enter');
            await page.locator('.panel .records').waitFor();
            await page.locator('.panel').getByRole('tab', { name: 'Rows' }).focus();
            await page.keyboard.press('ArrowRight');
            await page.locator('.log').waitFor();
            await page.keyboard.press('Escape');
            assert.equal(await page.locator('.panel').count(), 0);
            assert.equal(
                await page.evaluate(() => document.activeElement.id),
                'node-topic:users_created',
            );
        }));
});

describe('runs', one, () => {
    test('a failed cell leads to its tries and its log', () =>
        use('/runs?dag=user_automation', {}, async page => {
            await page.locator('button.grid-cell.tone-error').last().click();
            await page.getByRole('tab', { name: /Try 3/ }).waitFor();
            await page.getByRole('tab', { name: /Try 2/ }).click();
            await page.getByText('connection reset by peer').waitFor();
            await page.getByLabel('Level').selectOption('error');
            await page.getByText('1 of 141 lines').waitFor();
            const at = page.url();
            await page.reload();
            await page.getByText('1 of 141 lines').waitFor();
            assert.equal(page.url(), at);
            const [file] = await Promise.all([
                page.waitForEvent('download'),
                page.getByRole('button', { name: 'Download' }).click(),
            ]);
            assert.match(file.suggestedFilename(), /\.2\.log$/);
        }));
    test('triggering asks for the token, refuses a wrong one, then starts a run', () =>
        use('/runs?dag=signups', {}, async page => {
            await page.getByRole('button', { name: 'Run now: signups' }).click();
            await page.getByRole('button', { name: 'Run now', exact: true }).click();
            await page.getByLabel('Token').fill('wrong');
            await page.getByRole('button', { name: 'Use token' }).click();
            await page.getByText('That token was refused').waitFor();
            await page.getByLabel('Token').fill(token);
            await page.getByRole('button', { name: 'Use token' }).click();
            await page.getByText(/^✓ Started manual__|Started manual__/).waitFor();
            await page.waitForURL(/run=manual__/);
            assert.ok(
                page.wrong.every(w => /401/.test(w)),
                page.wrong.join(),
            );
            page.wrong = []; /* the refusal is logged by the browser itself */
        }));
    test('the token in the fragment is taken off the address; pause and resume use it', () =>
        use('/runs?dag=signups#token=' + token, {}, async page => {
            assert.equal(new URL(page.url()).hash, '');
            await page.getByRole('button', { name: 'Pause signups' }).click();
            await page.getByRole('button', { name: 'Resume signups' }).click();
            await page.getByRole('button', { name: 'Pause signups' }).waitFor();
        }));
    test('arrows walk the grid', () =>
        use('/runs?dag=user_automation', {}, async page => {
            await page.locator('.grid-bar[tabindex="0"]').focus();
            await page.keyboard.press('ArrowRight');
            await page.keyboard.press('ArrowDown');
            assert.equal(await page.evaluate(() => document.activeElement.dataset.cell), '1,1');
        }));
    test('is where :8080 opens', async () => {
        const other = await serve({ home: 'runs' });
        const page = await open('/', { origin: other.url });
        assert.match(page.url(), /\/runs$/);
        await shut(page);
        await other.stop();
    });
});

describe('topics', one, () => {
    test('are searched by the server and sorted in the address', () =>
        use('/topics', {}, async page => {
            await page.getByRole('link', { name: 'users_created', exact: true }).waitFor();
            await page.getByLabel('Search topics').fill('orders');
            await page.getByText('2 topics').waitFor();
            await page.getByRole('button', { name: /Messages/ }).click();
            assert.match(page.url(), /q=orders&sort=-messages/);
            await page.reload();
            await page.getByText('2 topics').waitFor();
            assert.equal(
                await page
                    .locator('th[aria-sort="descending"]')
                    .innerText()
                    .then(t => t.startsWith('Messages')),
                true,
            );
        }));
    test('a record opens to its JSON, every digit kept', () =>
        use('/topics/users_created', {}, async page => {
            await page.locator('.records .linkish').first().click();
            await page.locator('.record-detail').getByText('9007199254740993').waitFor();
            await page.getByText('sluice.run').waitFor();
            assert.match(page.url(), /open=/);
            await page.getByLabel('Partition').selectOption('1');
            await page.getByLabel('From').selectOption('offset');
            await page.getByRole('spinbutton', { name: 'Offset' }).fill('1000');
            await page.keyboard.press('Tab');
            await page
                .locator('.records')
                .getByRole('button', { name: '1000', exact: true })
                .waitFor();
        }));
    test('the live tail flows, and holds still when paused', () =>
        use('/topics/users_created?live=1', {}, async page => {
            await until(
                page,
                () => document.querySelectorAll('.records tbody tr').length >= 3,
            );
            await page.getByRole('button', { name: 'Pause' }).click();
            const n = await page.locator('.records tbody tr').count();
            await page.getByText(/Paused, \d+ new/).waitFor();
            assert.equal(await page.locator('.records tbody tr').count(), n);
            await page.getByRole('button', { name: 'Resume' }).click();
            await until(
                page,
                old => document.querySelectorAll('.records tbody tr').length > old,
                n,
            );
        }));
    test('settings, partitions, groups and schema have a tab each', () =>
        use('/topics/users_created?tab=settings', {}, async page => {
            await page.getByText('retention.ms').waitFor();
            await page.getByRole('tab', { name: /Groups/ }).click();
            await page.getByText('nightly-export').waitFor();
            await page.getByRole('tab', { name: 'Schema' }).click();
            await page.getByText(/compatibility BACKWARD/).waitFor();
        }));
    test('an unknown one says so', async () => {
        const page = await open('/topics/nope');
        await page
            .getByRole('alert')
            .getByText(/not known|unknown|no such/i)
            .waitFor();
        await page.close();
    });
});

test('groups: lag by group and by partition', one, () =>
    use('/groups', {}, async page => {
        await page.getByRole('link', { name: 'nightly-export' }).click();
        await page.getByText('Nobody is reading right now').waitFor();
        assert.equal(await page.locator('meter').count(), 3);
        assert.match(await text(page, '.stats'), /88,123/);
    }),
);
test('tables: both kinds, rows, a row, columns', one, () =>
    use('/tables', {}, async page => {
        await page.getByRole('link', { name: 'raw_users' }).waitFor();
        await page.getByRole('link', { name: 'spark_streams.created_users' }).click();
        await page.getByRole('button', { name: 'Open row 2', exact: true }).click();
        await page.locator('.row-detail').getByText('example.com').waitFor();
        await page.reload();
        await page.locator('.row-detail').waitFor();
        await page.getByRole('button', { name: 'Next' }).click();
        assert.match(page.url(), /page=p2/);
        await page.getByRole('tab', { name: /Columns/ }).click();
        await page.getByText('partition key').waitFor();
    }),
);
test('quarantine: by check, the reason, the way back, replay', one, () =>
    use('/quarantine#token=' + token, {}, async page => {
        await page.getByRole('link', { name: 'known_gender' }).click();
        await page.locator('td', { hasText: "gender is 'n/a'" }).first().waitFor();
        await page.locator('.linkish').first().click();
        await page.getByText('Original value').waitFor();
        assert.match(
            await page.locator('.record-detail a').first().getAttribute('href'),
            /topics\/users_created\?seek=offset/,
        );
        await page.getByRole('button', { name: 'Replay known_gender' }).click();
        await page.getByRole('button', { name: 'Replay', exact: true }).click();
        await page.getByText('420 rows sent through the checks again').waitFor();
    }),
);
test('alerts: rules, history, receivers with their last delivery', one, () =>
    use('/alerts', {}, async page => {
        await page.locator('.badge', { hasText: 'pending' }).first().waitFor();
        await page.getByText('connection refused, tried 5 times').waitFor();
        await page.getByText('users_created.lag > 1000').waitFor();
        await page.getByLabel('State').selectOption('inactive');
        assert.match(page.url(), /state=inactive/);
    }),
);
test('schemas: versions and what changed', one, () =>
    use('/schemas', {}, async page => {
        await page.getByRole('link', { name: 'users_created-value' }).click();
        await page.getByLabel('Compare with').selectOption('1');
        await page.locator('.diff .add', { hasText: 'nat' }).waitFor();
        await page.goBack();
        await page.goForward();
        await page.locator('.diff').waitFor({ timeout: 5000 });
    }),
);

describe('everywhere', { timeout: 300_000 }, () => {
    const ALL = [
        '/overview',
        '/overview?node=transform:created_users&tab=metrics',
        '/runs?dag=user_automation',
        '/topics',
        '/topics/users_created',
        '/groups',
        '/groups/sluice-created_users',
        '/tables',
        '/tables/store/spark_streams.created_users?row=1',
        '/quarantine',
        '/quarantine/created_users',
        '/alerts',
        '/schemas',
        '/schemas/users_created-value?against=1',
    ];
    for (const path of ALL)
        test(`${path} has no accessibility fault, light and dark`, one, () =>
            use(path, {}, async page => {
                await settled(page);
                await page.waitForTimeout(200);
                assert.deepEqual(await bothThemes(page, audit), []);
            }),
        );
    test('the theme is chosen by hand and kept', () =>
        use('/alerts', {}, async page => {
            await page.getByRole('button', { name: /^System theme/ }).click();
            await page.getByRole('button', { name: /^Light theme/ }).click();
            await page.reload();
            await page.getByRole('button', { name: /^Dark theme/ }).click();
        }));
    test('the first Tab is the skip link, and it skips', () =>
        use('/topics', {}, async page => {
            await page.keyboard.press('Tab');
            assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
            await page.keyboard.press('Enter');
            assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
        }));
    test('there is one event stream, and a lost one is said and found again', async () => {
        let server = await serve();
        const page = await open('/overview', { origin: server.url });
        await page.locator('.conn.tone-ok').waitFor();
        await server.stop();
        await page.getByText('Connection lost.').waitFor();
        server = await serve({ port: Number(new URL(server.url).port) });
        await page.locator('.conn.tone-ok').waitFor({ timeout: 15_000 });
        await page.close();
        await server.stop();
    });
    test('nothing there yet: each page says what fills it', async () => {
        const server = await serve({ kind: 'empty' });
        for (const [path, say] of [
            ['/overview', 'No pipeline yet'],
            ['/runs', 'No pipeline with a schedule yet'],
            ['/topics', 'No topics yet'],
            ['/groups', 'No groups yet'],
            ['/tables', 'No CQL table yet'],
            ['/quarantine', 'Nothing is in quarantine'],
            ['/alerts', 'No alert rules yet'],
            ['/schemas', 'No schemas yet'],
            ['/nowhere', 'There is no page at /nowhere'],
        ]) {
            const page = await open(path, { origin: server.url });
            await page.getByText(say).waitFor();
            await shut(page);
        }
        await server.stop();
    });
    test('text from the server stays text', async () => {
        const page = await blank();
        await page.route('**/ui/topics?*', r =>
            r.fulfill({
                json: {
                    total: 1,
                    topics: [
                        {
                            name: '<img src=x onerror=alert(1)>',
                            partitions: 1,
                            messages: 0,
                            bytes: 0,
                            rate: 0,
                            lag: null,
                            cleanup: '',
                            subject: null,
                        },
                    ],
                },
            }),
        );
        await page.goto(base + '/topics');
        await page.getByText('<img src=x onerror=alert(1)>').waitFor();
        assert.equal(await page.locator('main img').count(), 0);
        await page.close();
    });
});
