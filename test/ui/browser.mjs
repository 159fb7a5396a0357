/* browser.mjs - a fresh headless Chromium with nothing of its own on the network. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const need = createRequire(new URL('../../ui/package.json', import.meta.url));
const { chromium } = need('playwright-core');
const FLAGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];

export async function launch(options = {}) {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-ui-'));
    const context = await chromium.launchPersistentContext(dir, {
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        headless: true,
        args: FLAGS,
        viewport: { width: 1440, height: 900 },
        ...options,
    });
    return {
        context,
        async close() {
            await context.close();
            rmSync(dir, { recursive: true, force: true });
        },
    };
}
