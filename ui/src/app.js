/* app.js - the frame around every page: navigation with live counts, the connection, the theme. */
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { html, cls, render, signal, useEffect, useRef } from './dom.js';
import { go, loc } from './router.js';
import { takeToken } from './api.js';
import { conn, snap, startLive } from './live.js';
import { setTheme, theme } from './theme.js';
import { Icon } from './parts/icon.js';
import { TokenDialog, Toasts } from './parts/dialog.js';
import { Empty, Failed, Page } from './parts/common.js';
import { short, span } from './fmt.js';
import { Overview } from './pages/overview.js';
import { Runs } from './pages/runs.js';

/* -- pages that come in a second script -- */
const more = signal(null);
async function loadMore() {
    try {
        more.value ??= await import('./pages/more.js');
    } catch {
        more.value = { failed: true };
    }
}
const later = name =>
    function Later() {
        useEffect(() => {
            loadMore();
        }, []);
        if (more.value?.failed)
            return html`<${Failed} error=${{ message: 'This page could not be loaded.' }}
                retry=${() => location.reload()} />`;
        return more.value
            ? html`<${more.value[name]} />`
            : html`<div class="waiting" role="status">Loading…</div>`;
    };

/* path, text, icon, page, live count in the navigation: [number, tone, what it counts] */
const PAGES = [
    ['overview', 'Overview', 'overview', Overview],
    ['runs', 'Runs', 'runs', Runs, s => [s.runs.running, 'run', 'running now']],
    ['topics', 'Topics', 'topic', later('Topics')],
    ['groups', 'Groups', 'group', later('Groups')],
    ['tables', 'Tables', 'table', later('Tables')],
    [
        'quarantine',
        'Quarantine',
        'quarantine',
        later('Quarantine'),
        s => [s.total.bad, 'warn', 'rows kept'],
    ],
    [
        'alerts',
        'Alerts',
        'alert',
        later('Alerts'),
        s => [s.alerts.filter(a => a.state === 'firing').length, 'error', 'firing'],
    ],
    ['schemas', 'Schemas', 'schema', later('Schemas')],
];

function NavItem({ page: [path, text, icon, , live], on }) {
    const [n, tone, what] = (snap.value && live?.(snap.value)) ?? [0];
    return html`<a href=${'/' + path} class=${cls('nav-item', on && 'on')}
        aria-current=${on ? 'page' : null}>
        <${Icon} name=${icon} /><span class="nav-text">${text}</span>
        ${n > 0 && html`<span class=${'count tone-' + tone} title=${`${n} ${what}`}>${short(n)}<span
            class="sr"> ${what}</span></span>`}</a>`;
}

const CONN = {
    live: ['ok', 'Live'],
    connecting: ['run', 'Connecting'],
    lost: ['error', 'Connection lost'],
};
const THEMES = { auto: 'System theme', light: 'Light theme', dark: 'Dark theme' };
function Foot() {
    const s = snap.value,
        [tone, text] = CONN[conn.value];
    const modes = { auto: 'light', light: 'dark', dark: 'auto' };
    const { mode } = theme.value;
    return html`<div class="nav-foot">
        <div class=${'conn tone-' + tone} role="status"><i class="dot"></i><span class="nav-text">
            ${text}</span></div>
        <p class="note nav-text">${s ? html`up ${span(s.uptime_ms)}<br />sluice ${s.version}` : ' '}
            </p>
        <button class="btn small ghost" onClick=${() => setTheme(modes[mode])}
            title=${`Switch to ${THEMES[modes[mode]]}`}
            aria-label=${`${THEMES[mode]}, switch to ${THEMES[modes[mode]]}`}>
            <${Icon} name=${{ auto: 'auto', light: 'sun', dark: 'moon' }[mode]} /><span
                class="nav-text">${THEMES[mode]}</span></button>
    </div>`;
}

const Missing = () => html`<${Page} title="Nothing here">
    <${Empty} title=${`There is no page at ${loc.value.path}`}><a
        href="/overview">Go to the overview</a></${Empty}></${Page}>`;

function App() {
    const main = useRef(null),
        first = useRef(true);
    const name = loc.value.parts[0];
    const page = PAGES.find(p => p[0] === name);
    useEffect(() => {
        /* a new page is read from its head, not from the link */
        if (!first.current) {
            main.current.focus();
            scrollTo(0, 0);
        }
        first.current = false;
    }, [loc.value.path]);
    return html`
        <a class="skip" href="#main" onClick=${e => {
            e.preventDefault();
            main.current.focus();
        }}>Skip to content</a>
        <aside class="nav">
            <a class="brand" href="/overview" aria-label="sluice, to the overview"><img
                src="/icon.svg" alt="" width="26" height="26" /><span class="nav-text">sluice</span>
                </a>
            <nav aria-label="Pages">${PAGES.map(p => html`<${NavItem} key=${p[0]} page=${p}
                on=${p === page} />`)}</nav>
            <${Foot} />
        </aside>
        <main id="main" ref=${main} tabindex="-1">
            ${
                conn.value === 'lost' &&
                html`<div class="lost" role="alert"><b>Connection lost.</b> Numbers below are from
                ${' '}${snap.value ? new Date(snap.value.ts_ms).toLocaleTimeString() : 'before'}; trying again.</div>`
            }
            <${page ? page[3] : Missing} key=${name} /></main>
        <${TokenDialog} /><${Toasts} />`;
}

takeToken();
if (loc.value.path === '/' || loc.value.path === '/index.html') {
    const home = document.querySelector('meta[name="sluice-home"]')?.content;
    go('/' + (home === 'runs' ? 'runs' : 'overview') + location.search, { replace: true });
}
startLive();
render(html`<${App} />`, document.getElementById('app'));
