/* overview.js - is it flowing, how fast, how fresh, what is broken and where: in that order. */
import { html, cls, useMemo } from '../dom.js';
import { href, loc, query } from '../router.js';
import { useGet } from '../api.js';
import { snap } from '../live.js';
import { RANGES, useHistory } from '../history.js';
import { Card, Empty, Failed, Page, Select } from '../parts/common.js';
import { Badge, tone, word } from '../parts/badge.js';
import { Chart, Spark } from '../parts/chart.js';
import { Graph } from '../parts/graph.js';
import { NodePanel } from './node.js';
import { bytes, int, percent, rate, short, span, plural } from '../fmt.js';

/** The one sentence: the worst thing first, with the way to it. */
export function verdict(s, graph) {
    const down = graph.tiers.filter(t => ['down', 'error'].includes(s.tiers[t.id]?.state));
    if (down.length)
        return [
            'error',
            `${plural(down.length, 'tier')} down: ${down.map(t => t.name).join(', ')}`,
            s.tiers[down[0].id].note,
        ];
    const bad = graph.nodes.filter(n => ['error', 'warn'].includes(s.nodes[n.id]?.state));
    const firing = s.alerts.filter(a => a.state === 'firing');
    if (firing.length)
        return [
            'error',
            `${plural(firing.length, 'alert')} firing: ${firing.map(a => a.name).join(', ')}`,
            bad[0]
                ? `${bad[0].name}: ${s.nodes[bad[0].id].note ?? word(s.nodes[bad[0].id].state)}`
                : '',
            '/alerts',
        ];
    if (bad.length) {
        const n = bad[0],
            worst = s.nodes[n.id];
        return [
            tone(worst.state),
            `${n.name} needs a look`,
            worst.note ?? word(worst.state),
            href({ node: n.id }),
        ];
    }
    if (!graph.nodes.length) return ['idle', 'Ready, with nothing to do', ''];
    if (!s.total.in_rate && graph.nodes.every(n => s.nodes[n.id]?.state === 'paused'))
        return ['idle', 'Paused', ''];
    return [
        'ok',
        s.total.in_rate > 0 ? 'Everything is flowing' : 'All quiet, everything healthy',
        '',
    ];
}

function Verdict({ s, graph }) {
    const [how, text, why, link] = verdict(s, graph);
    const up = graph.tiers.filter(t => ['ok', 'idle'].includes(s.tiers[t.id]?.state)).length;
    return html`<div class=${'verdict tone-' + how} role="status">
        <span class="verdict-mark" aria-hidden="true">
            ${{ ok: '✓', warn: '!', error: '✕', idle: '–', run: '…' }[how]}</span>
        <p><b>${link ? html`<a href=${link}>${text}</a>` : text}</b>${why && html`<span> ${why}
            </span>`}</p>
        <p class="verdict-rest">
            ${up} of ${graph.tiers.length} tiers healthy · ${bytes(s.mem_bytes)} memory · up ${span(s.uptime_ms)}
            </p>
    </div>`;
}

const Figure = ({ label, value, note, past, mark, link }) => html`
    <a class=${cls('number', mark && 'tone-' + mark)} href=${link}>
        <span class="number-label">${label}</span><b>${value}</b><span class="note">${note}</span>
        ${past && html`<${Spark} values=${past.slice(-90)} />`}</a>`;

function Numbers({ s, past }) {
    const t = s.total, runs = s.runs;
    const share = t.bad ? t.bad / (t.out_rows + t.bad) : 0;
    const none = 'nothing has arrived';
    return html`<div class="numbers">
        <${Figure} label="Throughput" value=${rate(t.out_rate)} past=${past.series?.out_rate}
            note=${`${short(t.out_rows)} rows since start`} link="/tables" />
        <${Figure} label="Delay to table" value=${span(t.p99_ms)} past=${past.series?.p99_ms}
            note=${t.p99_ms === null ? none : `p99; half under ${span(t.p50_ms)}`}
            link="/overview#charts" />
        <${Figure} label="Newest row" value=${t.age_ms === null ? 'none yet' : span(t.age_ms)}
            note=${t.age_ms === null ? none : 'old, in the last table'} link="/tables" />
        <${Figure} label="Rejected rows" value=${short(t.bad)} mark=${t.bad ? 'warn' : ''}
            note=${t.bad ? `${percent(share)} of all, kept in quarantine` : 'all passed their checks'}
            link="/quarantine" />
        <${Figure} label="Runs, last 24 h" value=${int(runs.ok_24h + runs.failed_24h)}
            mark=${runs.failed_24h ? 'warn' : ''} link="/runs"
            note=${runs.failed_24h ? `${int(runs.failed_24h)} failed` : 'none failed'} />
    </div>`;
}

const Tiers = ({ s, tiers }) =>
    html`<ul class="tiers" aria-label="Health of every tier">${tiers.map(t => {
        const live = s.tiers[t.id] ?? { state: 'off' };
        return html`<li class=${'tier tone-' + tone(live.state)}
            title=${`${t.role}: ${live.note ?? word(live.state)}`}>
        <span class="tier-name"><${Badge} state=${live.state} plain text=${html`<b>${t.name}</b>
            ${['ok', 'idle'].includes(live.state) || live.note ? html`<span class="sr">
            ${' ' + word(live.state)}</span>` : ` ${word(live.state)}`}`} /></span>
        <span class="note">${live.note ?? t.impl}</span>
        <span class="tier-addr">${t.address?.replace(/^127\.0\.0\.1:/, 'port ') ?? t.impl}</span>
            </li>`;
    })}</ul>`;

const Charts = ({ past, range }) => html`<${Card} title="Rate and delay" id="charts"
    actions=${html`<${Select} label="Last" value=${range} options=${RANGES}
        onChange=${v => query({ range: v === '900' ? '' : v })} />`}>
    ${
        past.error
            ? html`<${Failed} error=${past.error} />`
            : !past.t
              ? html`<div class="waiting">Loading…</div>`
              : html`<div class="charts">
        <${Chart} title="Rows a second" t=${past.t} format=${rate} series=${[
            { name: 'in', values: past.series.in_rate, shade: '--accent' },
            { name: 'out', values: past.series.out_rate, shade: '--run' },
            { name: 'rejected', values: past.series.bad_rate, shade: '--warn' },
        ]} />
        <${Chart} title="Delay, landing to table" t=${past.t} format=${span} series=${[
            { name: 'half under', values: past.series.p50_ms, shade: '--accent' },
            { name: 'p99', values: past.series.p99_ms, shade: '--warn' },
        ]} /></div>`
    }
</${Card}>`;

/** The nodes of one pipeline and what they touch. */
function subset(graph, id) {
    if (!id) return graph;
    const own = new Set(graph.nodes.filter(n => n.pipeline === id).map(n => n.id));
    const edges = graph.edges.filter(e => own.has(e.from) || own.has(e.to));
    for (const e of edges) {
        own.add(e.from);
        own.add(e.to);
    }
    return { ...graph, edges, nodes: graph.nodes.filter(n => own.has(n.id)) };
}

export function Overview() {
    const { node = '', pipeline = '', range = '900' } = loc.value.query;
    const got = useGet('/ui/graph', { seq: 'graph' });
    const past = useHistory('', range);
    const s = snap.value,
        graph = got.data;
    const shown = useMemo(() => graph && subset(graph, pipeline), [graph, pipeline]);
    const picked = graph?.nodes.find(n => n.id === node);
    const select = id =>
        query({ node: id === node ? '' : id, tab: '', q: '', level: '', page: '', row: '' }, false);
    return html`<${Page} title="Overview"
        help="Every hop from source to table. Select a node for its rows, logs, numbers, checks and code.">
        ${got.error && html`<${Failed} error=${got.error} retry=${got.reload} />`}
        ${
            !graph || !s
                ? !got.error &&
                  html`<div class="waiting" role="status">Waiting for the first numbers…</div>`
                : html`
        <${Verdict} s=${s} graph=${graph} />
        ${graph.nodes.length > 0 && html`<${Numbers} s=${s} past=${past} />`}
        <${Card} flush title="Pipelines" note=${plural(graph.pipelines.length, 'pipeline')}
            actions=${
                graph.pipelines.length > 1 &&
                html`<${Select} label="Show" value=${pipeline}
                    onChange=${v => query({ pipeline: v, node: '' })}
                options=${[['', 'all'], ...graph.pipelines.map(p => [p.id, p.id])]} />`
            }>
            ${
                shown.nodes.length
                    ? html`<${Graph} nodes=${shown.nodes} edges=${shown.edges} live=${s}
                        selected=${node} onSelect=${select} />`
                    : html`<${Empty} title="No pipeline yet"
                        command="sluice dev examples/users.yml">A pipeline is one YAML file: what to fetch,
                    capture, transform and check. Start with the example, and it is drawn here.</${Empty}>`
            }
        </${Card}>
        ${picked && html`<${NodePanel} key=${node} node=${picked} live=${s.nodes[node]}
            close=${() => select(node)} />`}
        <${Tiers} s=${s} tiers=${graph.tiers} />
        ${graph.nodes.length > 0 && html`<${Charts} past=${past} range=${range} />`}`
        }
    </${Page}>`;
}
