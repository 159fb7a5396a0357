/* tables.js - landing tables and CQL tables side by side: columns, and rows a page at a time. */
import { html } from '../dom.js';
import { loc, query, to } from '../router.js';
import { useGet } from '../api.js';
import { Card, Empty, Loaded, Page, Search, Stat, Tabs, TabPanel } from '../parts/common.js';
import { Rows } from '../parts/rows.js';
import { Table } from '../parts/table.js';
import { ago, bytes, int, short } from '../fmt.js';

const about = t => (t.at_least ? '> ' : t.approx ? '≈ ' : '');
const COLS = [
    { key: 'name', label: 'Table', grow: true, link: t => to('tables', t.store, t.name) },
    {
        key: 'rows',
        label: 'Rows',
        num: true,
        render: t => about(t) + int(t.rows),
    },
    { key: 'bytes', label: 'Size', num: true, render: t => bytes(t.bytes) },
    {
        key: 'columns',
        label: 'Columns',
        num: true,
        sort: t => t.columns.length,
        render: t => t.columns.length,
    },
    {
        key: 'pk',
        label: 'Key',
        sort: false,
        render: t =>
            html`<span class="mono">${
                t.columns
                    .filter(c => c.key)
                    .map(c => c.name)
                    .join(', ') || '–'
            }</span>`,
    },
    { key: 'last_ms', label: 'Last write', num: true, render: t => ago(t.last_ms) },
];
const EMPTY = {
    landing: ['No landing table yet', 'A fetch: in a pipeline makes one from the first answer.'],
    store: [
        'No CQL table yet',
        'A transform: makes one from its SELECT; so does CREATE TABLE on :9042.',
    ],
};

function Part({ title, note, store, tables }) {
    return html`<${Card} flush title=${title} note=${note}>${
        tables.length
            ? html`<${Table} label=${title} cols=${COLS} rows=${tables} keyOf=${t => t.name}
                sort="name" />`
            : html`<${Empty} icon="table" title=${EMPTY[store][0]}>${EMPTY[store][1]}</${Empty}>`
    }</${Card}>`;
}

function List() {
    const { q = '' } = loc.value.query;
    const got = useGet('/ui/tables', { every: 3 });
    return html`<${Page} title="Tables"
        help="What was landed and what came out, ready to query. Rows are read only here.">
        <div class="bar"><${Search} label="Search tables" value=${q}
            onInput=${v => query({ q: v })} /></div>
        <${Loaded} of=${got}>${d => {
            const match = d.tables.filter(t => t.name.toLowerCase().includes(q.toLowerCase()));
            return html`<${Part} title="CQL tables" note="what people query, on :9042" store="store"
                tables=${match.filter(t => t.store === 'store')} />
                <${Part} title="Landing tables" note="raw rows, as they came" store="landing"
                    tables=${match.filter(t => t.store === 'landing')} />`;
        }}</${Loaded}></${Page}>`;
}

const KEYS = { pk: 'partition key', ck: 'clustering key', key: 'key' };
function One({ store, name }) {
    const { tab = 'rows' } = loc.value.query;
    const got = useGet('/ui/tables', { every: 5 });
    const found = got.data?.tables.find(t => t.store === store && t.name === name);
    const sql = `sluice table ${name} --limit 10`;
    return html`<${Page} title=${name} crumbs=${html`<a href="/tables">Tables</a>`}>
        <${Loaded} of=${got} isEmpty=${() => !found} empty=${html`<${Empty} icon="table"
            title=${`There is no table ${name}`}><a href="/tables">Show all tables</a></${Empty}>`}>
        ${() => html`<dl class="stats"><${Stat} label="Kind"
            value=${store === 'store' ? 'CQL table' : 'Landing table'} />
                <${Stat} label="Rows" value=${about(found) + short(found.rows)}
                    title=${int(found.rows)} />
                <${Stat} label="Size" value=${bytes(found.bytes)} /><${Stat} label="Last write"
                    value=${ago(found.last_ms)} /></dl>
            <${Card} flush><${Tabs} id="table" label="Views of this table" active=${tab} tabs=${[
                ['rows', 'Rows'],
                ['columns', 'Columns', found.columns.length],
            ]}
                onSelect=${v => query({ tab: v === 'rows' ? '' : v, row: '' })} />
                <${TabPanel} id="table" active=${tab}>${
                    tab === 'columns'
                        ? html`<${Table} label="Columns" sortParam="" rows=${found.columns}
                            keyOf=${c => c.name} cols=${[
                              {
                                  key: 'name',
                                  label: 'Column',
                                  render: c => html`<span class="mono">${c.name}</span>`,
                              },
                              {
                                  key: 'type',
                                  label: 'Type',
                                  render: c => html`<span class="mono">${c.type}</span>`,
                              },
                              {
                                  key: 'key',
                                  label: 'Part of key',
                                  grow: true,
                                  render: c => KEYS[c.key] ?? '',
                              },
                          ]} />`
                        : html`<${Rows} store=${store} name=${name} />`
                }</${TabPanel}></${Card}>
            <p class="note">In a terminal: <code>${sql}</code></p>`}</${Loaded}></${Page}>`;
}
export const Tables = () => {
    const [, store, name] = loc.value.parts;
    return name
        ? html`<${One} key=${store + name} store=${store} name=${name} />`
        : html`<${List} />`;
};
