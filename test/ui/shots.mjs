/* shots.mjs - a picture of each page, light and dark, wide and narrow: `node shots.mjs DIR [NAME...]`.
 * Of the mock, or of what runs at SLUICE_UI_URL (real.mjs). */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from './browser.mjs';
import { serve } from './mock.mjs';

const [dir = 'shots', ...only] = process.argv.slice(2);
const real = process.env.SLUICE_UI_URL;
const FAILING = real ? 'orders' : 'user_automation';
const TRANSFORM = real ? 'spark_streams.created_users' : 'created_users';
const failed = async page => {
    /* the newest failed run, and its failed task */
    await page.locator('.grid-bar.tone-error').last().click();
    await page.locator('.panel, .card h2').nth(1).waitFor();
};
const PAGES = {
    overview: ['/overview'],
    'overview-node': [`/overview?node=transform:${TRANSFORM}&tab=quality`],
    'overview-code': [`/overview?node=transform:${TRANSFORM}&tab=code`],
    'overview-rows': ['/overview?node=table:spark_streams.created_users'],
    'overview-metrics': ['/overview?node=topic:users_created&tab=metrics'],
    runs: ['/runs'],
    'runs-failed': [`/runs?dag=${FAILING}`, failed],
    'runs-log': [
        `/runs?dag=${FAILING}`,
        async page => {
            await page.locator('button.grid-cell.tone-error').last().click();
        },
    ],
    topics: ['/topics'],
    topic: [
        '/topics/users_created',
        async page => page.locator('.records .linkish').nth(1).click(),
    ],
    tail: ['/topics/users_created?live=1'],
    groups: ['/groups'],
    group: ['/groups/' + (real ? 'reporting' : 'sluice-created_users')],
    tables: ['/tables'],
    table: ['/tables/store/spark_streams.created_users?row=1'],
    quarantine: ['/quarantine'],
    'quarantine-row': [
        '/quarantine/created_users',
        async page => page.locator('.linkish').first().click(),
    ],
    alerts: ['/alerts'],
    schemas: ['/schemas'],
    schema: ['/schemas/users_created-value?against=1'],
};
mkdirSync(dir, { recursive: true });
const modes = (process.env.MODES ?? 'light,dark').split(',');
const width = Number(process.env.WIDTH ?? 1440),
    kind = process.env.KIND ?? 'normal';
const mock = real ? { url: real, stop() {} } : await serve({ kind });
for (const mode of modes) {
    const { context, close } = await launch({
        colorScheme: mode,
        viewport: { width, height: 900 },
    });
    const page = await context.newPage();
    page.on('console', m => m.type() === 'error' && console.log('console:', m.text()));
    page.on('pageerror', e => console.log('error:', e.message));
    for (const [name, [path, act]] of Object.entries(PAGES)) {
        if (only.length && !only.includes(name)) continue;
        await page.goto(mock.url + path);
        await page.locator('main h1').waitFor();
        await page.waitForTimeout(700);
        try {
            await act?.(page);
        } catch (e) {
            console.log(name, e.message.split('\n')[0]);
        }
        await page.waitForTimeout(act ? 500 : 300);
        await page.screenshot({
            path: join(
                dir,
                `${name}-${mode}${width === 1440 ? '' : '-' + width}${kind === 'normal' ? '' : '-' + kind}.png`,
            ),
        });
    }
    await close();
}
await mock.stop();
