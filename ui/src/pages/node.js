/* node.js - what a node of the graph opens: Rows, Logs, Metrics, Quality, Code; those that apply. */
import { html, useEffect, useRef } from '../dom.js';
import { loc, query, to } from '../router.js';
import { useGet } from '../api.js';
import { RANGES, useHistory } from '../history.js';
import { Empty, Failed, Loaded, Select, Stat, Tabs, TabPanel } from '../parts/common.js';
import { Badge } from '../parts/badge.js';
import { Chart } from '../parts/chart.js';
import { Code } from '../parts/code.js';
import { Icon } from '../parts/icon.js';
import { KINDS } from '../parts/graph.js';
import { LogView } from '../parts/logview.js';
import { Records } from '../parts/record.js';
import { Rows } from '../parts/rows.js';
import { Table } from '../parts/table.js';
import { ago, int, percent, rate, short, span } from '../fmt.js';

const hasRows = node => ['topic', 'quarantine', 'landing', 'table'].includes(node.kind);

/** Where the node has a page of its own. */
const home = node =>
    ({
        topic: () => ['/topics/' + encodeURIComponent(node.ref), 'Open topic'],
        quarantine: () => [
            '/quarantine/' + encodeURIComponent(node.dataset ?? node.ref),
            'Open quarantine',
        ],
        landing: () => [to('tables', 'landing', node.ref), 'Open table'],
        table: () => [to('tables', 'store', node.ref), 'Open table'],
        source: () => [`/runs?dag=${encodeURIComponent(node.pipeline)}`, 'Open runs'],
        task: () => [`/runs?dag=${encodeURIComponent(node.pipeline)}`, 'Open runs'],
    })[node.kind]?.();

function TopicRows({ topic }) {
    const { open = '' } = loc.value.query;
    const got = useGet(`/ui/topics/${encodeURIComponent(topic)}/records?limit=25`, {
        every: open ? 0 : 3,
    });
    return html`<${Loaded} of=${got} isEmpty=${d => !d.records.length} empty=${html`<${Empty}
        icon="topic" title="No records yet">
        They show here as soon as one is written.</${Empty}>`}>
        ${d => html`<p
            class="note bar">The newest 25, ${open ? 'held while one is open' : 'refreshed every 3 s'}.</p>
            <${Records} records=${d.records} open=${open} onOpen=${v => query({ open: v })} />`}
                </${Loaded}>`;
}

function Logs({ node }) {
    const got = useGet(`/ui/logs?node=${encodeURIComponent(node.id)}&limit=1000`, { every: 3 });
    return html`<${Loaded} of=${got}>${d => html`<${LogView} lines=${d.lines} name=${node.name} />`}
        </${Loaded}>`;
}

function Metrics({ node, live }) {
    const { range = '900' } = loc.value.query;
    const past = useHistory(node.id, range);
    if (past.error) return html`<${Failed} error=${past.error} />`;
    if (!past.t) return html`<div class="waiting">Loading…</div>`;
    const has = name => past.series[name]?.some(v => v !== null);
    return html`<dl class="stats">
            <${Stat} label="Rows" value=${short(live?.rows)} title=${int(live?.rows)} /><${Stat}
                label="Rate" value=${rate(live?.rate)} />
            <${Stat} label="Age of newest" value=${span(live?.age_ms)} /><${Stat}
                label="Waiting in front" value=${short(live?.lag)} />
            <${Stat} label="Rejected" value=${short(live?.bad)} tone=${live?.bad ? 'warn' : ''} />
                <${Stat} label="Busy" value=${percent(live?.busy)} /></dl>
        <div class="bar"><span class="spacer"></span><${Select} label="Last" value=${range}
            options=${RANGES} onChange=${v => query({ range: v === '900' ? '' : v })} /></div>
        <div class="charts">
            <${Chart} title="Rows a second" t=${past.t} format=${rate} height=${150}
                series=${[{ name: 'rate', values: past.series.rate }]} />
            ${
                has('p99_ms')
                    ? html`<${Chart} title="Time in this node" t=${past.t} format=${span}
                        height=${150}
                        series=${[{ name: 'p99', values: past.series.p99_ms, shade: '--warn' }]} />`
                    : has('lag') &&
                      html`<${Chart} title="Rows waiting" t=${past.t} format=${short} height=${150}
                          series=${[{ name: 'lag', values: past.series.lag, shade: '--warn' }]} />`
            }
        </div>`;
}

const ELSE = {
    quarantine: 'put aside',
    drop: 'dropped',
    warn: 'kept, with a warning',
    stop: 'stops the pipeline',
};
function Quality({ node }) {
    const got = useGet(`/ui/quality?node=${encodeURIComponent(node.id)}`, { every: 3 });
    return html`<${Loaded} of=${got} isEmpty=${d => !d.checks.length} empty=${html`<${Empty}
        icon="quarantine" title="No checks on this node">
        Add some under expect: in the pipeline file, as name: SQL condition.</${Empty}>`}>
        ${d =>
            html`<${Table} label="Checks" rows=${d.checks} keyOf=${c => c.name} sortParam=""
                cols=${[
                {
                    key: 'name',
                    label: 'Check',
                    render: c => html`<span class="mono">${c.name}</span>`,
                },
                {
                    key: 'rule',
                    label: 'Rule',
                    grow: true,
                    render: c => html`<code>${c.rule}</code>`,
                },
                {
                    key: 'state',
                    label: 'State',
                    render: c =>
                        html`<${Badge} state=${c.failed ? 'warn' : 'ok'}
                            text=${c.failed ? 'rejects rows' : 'all pass'} />`,
                },
                { key: 'passed', label: 'Passed', num: true, render: c => int(c.passed) },
                {
                    key: 'failed',
                    label: 'Failed',
                    num: true,
                    render: c =>
                        c.failed
                            ? html`<a
                                href=${`/quarantine/${encodeURIComponent(d.dataset)}?check=${encodeURIComponent(c.name)}`}>
                                ${int(c.failed)}</a>`
                            : '0',
                },
                {
                    key: 'ratio',
                    label: 'Share',
                    num: true,
                    render: c =>
                        percent(c.passed + c.failed ? c.failed / (c.passed + c.failed) : 0),
                },
                { key: 'else', label: 'A failing row is', render: c => ELSE[c.else] ?? c.else },
                { key: 'last', label: 'Last failure', render: c => ago(c.last_failed_ms) },
            ]} />`}</${Loaded}>`;
}

export function NodePanel({ node, live, close }) {
    const box = useRef(null);
    const tabs = [
        hasRows(node) && ['rows', 'Rows'],
        ['logs', 'Logs'],
        ['metrics', 'Metrics'],
        node.kind === 'transform' && ['quality', 'Quality'],
        node.code && ['code', 'Code'],
    ].filter(Boolean);
    const asked = loc.value.query.tab;
    const tab = tabs.some(t => t[0] === asked) ? asked : tabs[0][0];
    useEffect(() => {
        box.current.scrollIntoView({ block: 'start', behavior: 'instant' });
    }, []);
    const [link, text] = home(node) ?? [];
    return html`<section class="card panel" ref=${box}
        aria-label=${`${KINDS[node.kind]?.[1]} ${node.name}`}
        onKeyDown=${e => {
            if (e.key === 'Escape') {
                close();
                document.getElementById('node-' + node.id)?.focus();
            }
        }}>
        <div class="card-head"><${Icon} name=${KINDS[node.kind]?.[0]} /><h2>
            ${node.title ?? node.name}</h2>
            <${Badge} state=${live?.state ?? 'idle'} text=${live?.note} />
            <div class="actions">${link && html`<a class="btn small" href=${link}>${text}</a>`}
                <button class="btn small ghost" onClick=${close} aria-label="Close panel"><${Icon}
                    name="close" size="14" /></button></div></div>
        <${Tabs} id="node" label="Views of this node" tabs=${tabs} active=${tab}
            onSelect=${v => query({ tab: v, q: '', level: '', page: '', row: '', open: '' })} />
        <${TabPanel} id="node" active=${tab}>
            ${
                tab === 'rows' &&
                (node.kind === 'landing' || node.kind === 'table'
                    ? html`<${Rows} store=${node.kind === 'table' ? 'store' : 'landing'}
                        name=${node.ref} />`
                    : html`<${TopicRows} topic=${node.ref} />`)
            }
            ${tab === 'logs' && html`<${Logs} node=${node} />`}
            ${tab === 'metrics' && html`<${Metrics} node=${node} live=${live} />`}
            ${tab === 'quality' && html`<${Quality} node=${node} />`}
            ${tab === 'code' && html`<p class="note bar">
                ${node.code.file}${node.code.line ? `:${node.code.line}` : ''}</p><${Code}
                text=${node.code.text} lang=${node.code.lang} />`}
        </${TabPanel}></section>`;
}
