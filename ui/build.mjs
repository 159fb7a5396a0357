/* build.mjs - bundles ui/src into ui/dist: the files the program embeds, and the list of them.
 *
 *   index.html         the only page; %HOME% in it is filled in by the server
 *   NAME-HASH.js/css   named by their content, so they may be cached for ever
 *   FILE.gz            each of them, compressed once, here
 *   files.txt          `path content-type cache` a line; cache is immutable or etag
 *
 * Fails when what a first visit loads is over the budget: the page, its style, its icon, and the
 * scripts the start pages need. The other pages are one more script, loaded when first opened. */
import { build } from 'esbuild';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const FIRST_LOAD_MAX = 80_000;
const TYPES = { '.js': 'text/javascript;charset=utf-8', '.css': 'text/css;charset=utf-8' };
const here = fileURLToPath(new URL('.', import.meta.url));
const dist = process.env.SLUICE_UI_DIST ?? join(here, 'dist');

/* Indentation inside templates is no part of what they say, and nobody reads it in the bundle. */
const flatten = {
    name: 'flatten',
    setup(b) {
        b.onLoad({ filter: /[/\\]ui[/\\]src[/\\].*\.js$/ }, args => ({
            contents: readFileSync(args.path, 'utf8').replace(/\n\s+/g, '\n'),
            loader: 'js',
        }));
    },
};
const out = await build({
    entryPoints: { app: join(here, 'src/app.js') },
    absWorkingDir: here,
    outdir: dist,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    metafile: true,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    legalComments: 'none',
    logLevel: 'warning',
    charset: 'utf8',
    plugins: [flatten],
});

/* -- which of the files a first visit loads -- */
const made = Object.entries(out.metafile.outputs).map(([path, info]) => ({
    name: basename(path),
    ...info,
}));
const app = made.find(f => f.entryPoint?.endsWith('app.js'));
const first = new Set([app.name, basename(app.cssBundle)]);
for (const name of first) {
    for (const i of made.find(f => f.name === name).imports) {
        if (i.kind === 'import-statement') first.add(basename(i.path));
    }
}
const preload = [...first].filter(name => name.endsWith('.js') && name !== app.name);

const files = [];
function add(name, type, cache, bytes, early) {
    files.push({ name, type, cache, bytes, early, gz: gzipSync(bytes, { level: 9 }) });
}
const page = readFileSync(join(here, 'src/index.html'), 'utf8')
    .replace('%JS%', app.name)
    .replace('%CSS%', basename(app.cssBundle))
    .replace('%PRELOAD%\n', preload.map(p => `<link rel="modulepreload" href="/${p}">\n`).join(''));
add('index.html', 'text/html;charset=utf-8', 'etag', Buffer.from(page), true);
add('icon.svg', 'image/svg+xml', 'etag', readFileSync(join(here, 'src/icon.svg')), true);
for (const f of out.outputFiles) {
    const name = basename(f.path);
    add(name, TYPES[name.slice(name.lastIndexOf('.'))], 'immutable', f.contents, first.has(name));
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
let total = 0;
for (const f of files) {
    writeFileSync(join(dist, f.name), f.bytes);
    writeFileSync(join(dist, f.name + '.gz'), f.gz);
    total += f.early ? f.gz.length : 0;
    console.log(
        `${f.name.padEnd(20)} ${String(f.bytes.length).padStart(7)} B ` +
            `${String(f.gz.length).padStart(6)} B compressed${f.early ? '' : ', later'}`,
    );
}
writeFileSync(join(dist, 'files.txt'), files.map(f => `${f.name} ${f.type} ${f.cache}\n`).join(''));
console.log(`first load: ${total} of ${FIRST_LOAD_MAX} B compressed`);
if (total > FIRST_LOAD_MAX) {
    console.error('build: the first load is over its budget');
    process.exit(1);
}
