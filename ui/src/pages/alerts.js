/* alerts.js - rules with their state and value, what changed when, and whether the news got out. */
import { html } from '../dom.js';
import { loc, query } from '../router.js';
import { useGet } from '../api.js';
import { snap } from '../live.js';
import { Card, Empty, Loaded, Page, Select } from '../parts/common.js';
import { Badge } from '../parts/badge.js';
import { Table } from '../parts/table.js';
import { ago, bytes, percent, short, span, time } from '../fmt.js';

const UNITS = { ms: span, ratio: percent, bytes };
const value = (n, unit) => (UNITS[unit] ?? short)(n);
const ORDER = { firing: 0, pending: 1, inactive: 2 };

function Rules({ rules }) {
    const live = Object.fromEntries((snap.value?.alerts ?? []).map(a => [a.id, a]));
    const rows = rules
        .map(r => ({ ...r, ...live[r.id] }))
        .sort((a, b) => ORDER[a.state] - ORDER[b.state]);
    return html`<${Table} label="Rules" rows=${rows} keyOf=${r => r.id} cols=${[
        {
            key: 'state',
            label: 'State',
            sort: r => ORDER[r.state],
            render: r => html`<${Badge} state=${r.state} />`,
        },
        { key: 'name', label: 'Rule', render: r => html`<b class="nowrap">${r.name}</b>` },
        {
            key: 'expr',
            label: 'Fires when',
            grow: true,
            sort: false,
            render: r =>
                html`<code>${r.expr}</code>${r.for_ms > 0 && html` <span
                    class="note">for ${span(r.for_ms)}</span>`}`,
        },
        {
            key: 'value',
            label: 'Now',
            num: true,
            render: r =>
                html`<span class=${{ firing: 'tone-error', pending: 'tone-warn' }[r.state]}>
                    ${value(r.value, r.unit)}</span>`,
        },
        { key: 'threshold', label: 'Limit', num: true, render: r => value(r.threshold, r.unit) },
        {
            key: 'since_ms',
            label: 'Since',
            num: true,
            render: r => ago(r.since_ms, snap.value?.ts_ms),
        },
        { key: 'pipeline', label: 'Pipeline' },
    ]} />`;
}

const History = ({ history, rules }) =>
    html`<${Table} label="History" sortParam="" dense rows=${history} keyOf=${h => h.ts_ms + h.id}
        cols=${[
        {
            key: 'ts_ms',
            label: 'When',
            render: h => html`<span class="nowrap">${time(h.ts_ms)}</span>`,
        },
        { key: 'name', label: 'Rule', render: h => html`<b>${h.name}</b>` },
        { key: 'state', label: 'Became', render: h => html`<${Badge} state=${h.state} />` },
        {
            key: 'value',
            label: 'At',
            num: true,
            render: h => value(h.value, rules.find(r => r.id === h.id)?.unit),
        },
        {
            key: 'note',
            label: 'Lasted',
            grow: true,
            render: h => (h.lasted_ms === null ? '' : span(h.lasted_ms)),
        },
    ]} />`;

const Receivers = ({ receivers }) =>
    html`<${Table} label="Receivers" sortParam="" rows=${receivers} keyOf=${r => r.name} cols=${[
        { key: 'name', label: 'Receiver', render: r => html`<b>${r.name}</b>` },
        { key: 'kind', label: 'Kind' },
        {
            key: 'target',
            label: 'Goes to',
            grow: true,
            render: r => html`<span class="mono">${r.target}</span>`,
        },
        {
            key: 'last',
            label: 'Last delivery',
            render: r =>
                r.last
                    ? html`<${Badge} state=${r.last.ok ? 'ok' : 'error'}
                        text=${r.last.ok ? 'delivered' : 'failed'} /> <span class="note">
                        ${r.last.detail}</span>`
                    : html`<span class="note">nothing sent yet</span>`,
        },
        { key: 'when', label: 'When', num: true, render: r => ago(r.last?.ts_ms) },
    ]} />`;

export function Alerts() {
    const { state = '' } = loc.value.query;
    const got = useGet('/ui/alerts', { seq: 'alerts' });
    return html`<${Page} title="Alerts"
        help="A rule is pending while its condition holds, and fires when it has held for the time it names.">
        <${Loaded} of=${got} isEmpty=${d => !d.rules.length} empty=${html`<${Empty} icon="alert"
            title="No alert rules yet">
            Add them under alert: in a pipeline file, one line each: <code>users_stopped: created_users.age > 1m</code>
                </${Empty}>`}>
        ${d => html`<${Card} flush title="Rules" actions=${html`<${Select} label="State"
            value=${state} onChange=${v => query({ state: v })}
                options=${[
                    ['', 'all'],
                    ['firing', 'firing'],
                    ['pending', 'pending'],
                    ['inactive', 'inactive'],
                ]} />`}>
                ${
                    d.rules.some(r => !state || r.state === state)
                        ? html`<${Rules}
                            rules=${d.rules.filter(r => !state || r.state === state)} />`
                        : html`<${Empty} icon="alert" title=${`No rule is ${state}`}><a
                            href="/alerts">Show all</a></${Empty}>`
                }</${Card}>
            <${Card} flush title="Receivers">${
                d.receivers.length
                    ? html`<${Receivers} receivers=${d.receivers} />`
                    : html`<${Empty} icon="alert"
                        title="Nobody is told">Name a receiver in sluice.yml: <code>receivers: {ops: {webhook: http://...}}
                        </code></${Empty}>`
            }</${Card}>
            <${Card} flush title="History" note="newest first">${
                d.history.length
                    ? html`<${History} history=${d.history} rules=${d.rules} />`
                    : html`<${Empty} icon="alert" title="No rule has changed state yet" />`
            }</${Card}>`}
        </${Loaded}></${Page}>`;
}
