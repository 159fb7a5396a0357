/* page.mjs - pages that must stay free of errors, and what the tests of both servers ask of them. */
import { readFileSync } from 'node:fs';
import { strict as assert } from 'node:assert';
import { launch, need } from './browser.mjs';

const AXE = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');
let base, browser;

/** Pages are opened at `url` from now on. */
export async function begin(url) {
    base = url;
    browser = await launch({ colorScheme: 'light' });
}
export const end = () => browser?.close();
export const blank = () => browser.context.newPage();

/** Opens a page that must stay free of errors and of requests to anywhere else. */
export async function open(path, { origin = base } = {}) {
    const page = await blank();
    page.wrong = [];
    page.on('console', m => m.type() === 'error' && page.wrong.push(m.text()));
    page.on('pageerror', e => page.wrong.push(e.message));
    page.on(
        'request',
        r => !r.url().startsWith(origin + '/') && page.wrong.push('request to ' + r.url()),
    );
    await page.goto(origin + path);
    await page.locator('main h1').waitFor();
    return page;
}
export async function shut(page) {
    assert.deepEqual(page.wrong, []);
    await page.close();
}
export async function use(path, opts, steps) {
    const page = await open(path, opts);
    try {
        await steps(page);
        assert.deepEqual(page.wrong, []);
    } finally {
        /* a page left open would keep its event stream */
        await page.close();
    }
}
export const text = (page, sel) => page.locator(sel).first().innerText();
/* Until `check` is true in the page; by evaluate(), since the page's CSP forbids eval(). */
export async function until(page, check, arg) {
    for (const end = Date.now() + 20000; Date.now() < end; await page.waitForTimeout(50))
        if (await page.evaluate(check, arg)) return;
    throw new Error(`waited 20 s for ${check}`);
}
export const settled = page => until(page, () => !document.querySelector('.waiting'));

export async function audit(page) {
    await page.evaluate(AXE + '\n;0');
    const found = await page.evaluate(() =>
        globalThis.axe.run(document, { resultTypes: ['violations'] }),
    );
    return found.violations.map(
        v =>
            `${v.id}: ${v.nodes
                .slice(0, 3)
                .map(n => n.html.slice(0, 120))
                .join(' | ')}`,
    );
}
/** What `look` finds in the light page, and then in the dark one. */
export async function bothThemes(page, look) {
    const found = [];
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await page.waitForTimeout(100);
        const bg = await page.evaluate(
            () => getComputedStyle(document.documentElement).backgroundColor,
        );
        assert.equal(Number(/\d+/.exec(bg)[0]) < 100, colorScheme === 'dark');
        found.push(...(await look(page)).map(fault => `${colorScheme}: ${fault}`));
    }
    return found;
}
/** What no page may ever show, and what sticks out of it. */
export const flaws = page =>
    page.evaluate(() => {
        const words = document.querySelector('main').innerText;
        const found = (words.match(/.*\b(undefined|NaN|\[object|Invalid Date).*/g) ?? []).slice();
        const wide = document.documentElement.scrollWidth - innerWidth;
        if (wide > 0) found.push(`${wide} px wider than the window`);
        return found;
    });
