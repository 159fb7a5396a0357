/* build.mjs - bundles ui/src into ui/dist: the files the program embeds, and the list of them.
 *
 *   index.html       the only name without a hash; %HOME% in it is filled in by the server
 *   app-HASH.js/css  named by their content, so they may be cached for ever
 *   NAME.gz          each of them, compressed once, here
 *   files.txt        `path content-type cache` a line; cache is immutable or etag
 *
 * Fails when what a first visit loads is over the budget. */
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const FIRST_LOAD_MAX = 80 * 1024;
const here = fileURLToPath(new URL('.', import.meta.url));
const dist = process.env.SLUICE_UI_DIST ?? join(here, 'dist');

const out = await build({
    entryPoints: { app: join(here, 'src/app.js') },
    bundle: true, minify: true, format: 'esm', target: 'es2022', write: false,
    outdir: dist, legalComments: 'none', logLevel: 'warning', charset: 'utf8',
});

const files = [];
function add(name, type, cache, bytes) {
    files.push({ name, type, cache, bytes, gz: gzipSync(bytes, { level: 9 }) });
}
function hashed(ext) {
    const bytes = out.outputFiles.find(f => f.path.endsWith(ext)).contents;
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 10);
    return { name: `app-${hash}${ext}`, bytes };
}

const js = hashed('.js'), css = hashed('.css');
const page = readFileSync(join(here, 'src/index.html'), 'utf8')
    .replace('%JS%', js.name).replace('%CSS%', css.name);
add('index.html', 'text/html;charset=utf-8', 'etag', Buffer.from(page));
add(js.name, 'text/javascript;charset=utf-8', 'immutable', js.bytes);
add(css.name, 'text/css;charset=utf-8', 'immutable', css.bytes);
add('icon.svg', 'image/svg+xml', 'etag', readFileSync(join(here, 'src/icon.svg')));

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
let total = 0;
for (const f of files) {
    writeFileSync(join(dist, f.name), f.bytes);
    writeFileSync(join(dist, f.name + '.gz'), f.gz);
    total += f.gz.length;
    console.log(`${f.name.padEnd(20)} ${String(f.bytes.length).padStart(7)} B ` +
                `${String(f.gz.length).padStart(6)} B compressed`);
}
writeFileSync(join(dist, 'files.txt'),
    files.map(f => `${f.name} ${f.type} ${f.cache}\n`).join(''));
console.log(`first load: ${total} of ${FIRST_LOAD_MAX} B compressed`);
if (total > FIRST_LOAD_MAX) {
    console.error('build: the first load is over its budget');
    process.exit(1);
}
