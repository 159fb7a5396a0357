/* graph.js - the pipeline as a drawing: dagre places, SVG draws the edges, the nodes are buttons.
 *
 * The layout depends on the structure alone, so numbers that change each second move nothing.
 * Keyboard: one stop; arrows go up- and downstream (left, right) and within a rank (up, down). */
import { html, cls, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../dom.js';
import { Graph as DagreGraph, layout } from '@dagrejs/dagre';
import { Icon } from './icon.js';
import { Badge, tone } from './badge.js';
import { rate, short, span, percent, int } from '../fmt.js';

const NODE_W = 186,
    NODE_H = 92,
    LABEL_W = 72,
    LABEL_H = 34,
    PAD = 10,
    SCALE_MIN = 0.74;
const NARROW_PX = 860; /* below it the graph runs downwards */
export const KINDS = {
    source: ['source', 'Source'],
    task: ['code', 'Task'],
    landing: ['landing', 'Landing table'],
    topic: ['topic', 'Topic'],
    transform: ['transform', 'SQL transform'],
    table: ['table', 'CQL table'],
    quarantine: ['quarantine', 'Quarantine'],
};

function place(nodes, edges, down) {
    const g = new DagreGraph({ multigraph: true });
    g.setGraph({
        rankdir: down ? 'TB' : 'LR',
        nodesep: 26,
        ranksep: down ? 20 : 14,
        edgesep: 12,
        marginx: PAD,
        marginy: PAD,
    });
    g.setDefaultEdgeLabel(() => ({}));
    for (const n of nodes) g.setNode(n.id, { width: NODE_W, height: NODE_H });
    for (const e of edges) {
        if (!g.hasNode(e.from) || !g.hasNode(e.to)) continue;
        g.setEdge(e.from, e.to, { width: LABEL_W, height: LABEL_H, labelpos: 'c' }, e.id);
    }
    layout(g);
    const box = g.graph();
    return {
        width: box.width,
        height: box.height,
        at: Object.fromEntries(nodes.map(n => [n.id, g.node(n.id)])),
        lines: g.edges().map(key => ({ id: key.name, ...line(g, key, down) })),
    };
}
/* Out of the middle of one side, into the middle of the other, level at every point between. */
function line(g, key, down) {
    const a = g.node(key.v),
        b = g.node(key.w),
        e = g.edge(key),
        axis = down ? 1 : 0;
    const from = down ? [a.x, a.y + NODE_H / 2] : [a.x + NODE_W / 2, a.y];
    const to = down ? [b.x, b.y - NODE_H / 2 - 6] : [b.x - NODE_W / 2 - 6, b.y],
        mid = [e.x, e.y];
    const bend = (p, q) => {
        const half = (p[axis] + q[axis]) / 2;
        return down
            ? `C${p[0]},${half} ${q[0]},${half} ${q}`
            : `C${half},${p[1]} ${half},${q[1]} ${q}`;
    };
    const inner = e.points
        .slice(1, -1)
        .map(p => [p.x, p.y])
        .filter(p => p[axis] > from[axis] + 20 && p[axis] < to[axis] - 20);
    const path = inner.length > 1 ? [inner[0], inner.at(-1), to] : [mid, to];
    let d = `M${from}`,
        last = from;
    for (const p of path) {
        d += bend(last, p);
        last = p;
    }
    return { d, x: mid[0], y: mid[1] };
}

const held = bp => (bp >= 0.66 ? 'error' : bp >= 0.33 ? 'warn' : '');

function Edge({ at, edge, live }) {
    const bp = live?.bp ?? 0,
        mark = edge.kind === 'reject' ? 'reject' : '';
    return html`<g
        class=${cls('edge', mark, held(bp) && 'tone-' + held(bp), live?.rate > 0 && 'flows')}>
        <path class="edge-base" d=${at.d} stroke-width=${2 + bp * 3.5}
            marker-end=${`url(#tip${held(bp) ? '-' + held(bp) : mark ? '-reject' : ''})`} />
        ${live?.rate > 0 && html`<path class="edge-flow" d=${at.d} stroke-width=${2 + bp * 3.5} />`}
            </g>`;
}
function EdgeLabel({ at, edge, live, from, to }) {
    const bp = live?.bp ?? 0;
    const text =
        `${from} to ${to}: ${rate(live?.rate)}, ${int(live?.rows)} rows in total` +
        (bp >= 0.33 ? `, held back ${percent(bp)} of the time` : '');
    return html`<div
        class=${cls('edge-label', held(bp) && 'tone-' + held(bp), edge.kind === 'reject' && live?.rows > 0 && 'tone-warn')}
        style=${{ left: at.x + 'px', top: at.y + 'px' }} title=${text}>
        <b>${rate(live?.rate)}</b><span>${bp >= 0.33 ? `held ${percent(bp)}` : short(live?.rows)}
            </span></div>`;
}

/** The two or three numbers a node of each kind is judged by. */
function facts(node, live) {
    if (!live) return [];
    const out = [];
    if (live.age_ms !== null && live.age_ms !== undefined)
        out.push([span(live.age_ms), 'old', 'time since its newest row']);
    if (live.lag > 0) out.push([short(live.lag), 'behind', 'rows waiting in front of it']);
    if (live.bad > 0)
        out.push([
            short(live.bad),
            node.kind === 'quarantine' ? 'kept' : 'bad',
            'rows that failed a check',
        ]);
    if (!out.length && live.rows !== undefined)
        out.push([short(live.rows), 'rows', 'rows in total']);
    return out;
}

/** A dotted name is too long for the box: its keyspace goes up beside the kind. */
function titled(node) {
    const dot = node.name.indexOf('.');
    if (node.kind === 'table' && dot > 0)
        return [node.name.slice(dot + 1), node.name.slice(0, dot)];
    return [node.dataset ?? node.name, ''];
}

function Node({ node, at, live, selected, stop, onSelect, onKeyDown }) {
    const [icon, kind] = KINDS[node.kind] ?? KINDS.task;
    const state = live?.state ?? 'idle';
    const [name, space] = titled(node);
    return html`<button type="button"
        class=${cls('node', 'tone-' + tone(state), selected && 'selected')} id=${'node-' + node.id}
        style=${{ left: at.x - NODE_W / 2 + 'px', top: at.y - NODE_H / 2 + 'px' }}
        tabindex=${stop ? 0 : -1} aria-pressed=${String(selected)} title=${node.title ?? node.name}
        onClick=${() => onSelect(node.id)} onKeyDown=${onKeyDown}>
        <span class="node-kind"><${Icon} name=${icon} size="14" />${kind}${space && html`<i>${space}
            </i>`}</span>
        <span class="node-name">${name}</span>
        <span class="node-facts">${facts(node, live)
            .slice(0, 2)
            .map(
                ([value, unit, why]) => html`
            <span title=${why}
                class=${cls('fact', (unit === 'bad' || unit === 'kept') && 'tone-warn')}><b>${value}
                </b> ${unit}</span>`,
            )}</span>
        <${Badge} state=${state} plain text=${live?.note} />
    </button>`;
}

export function Graph({ nodes, edges, live, selected, onSelect }) {
    const frame = useRef(null);
    const [width, setWidth] = useState(0);
    const shape = nodes.map(n => n.id).join() + '|' + edges.map(e => e.from + e.to).join();
    const down = width > 0 && width < NARROW_PX;
    const map = useMemo(() => place(nodes, edges, down), [shape, down]);
    const names = useMemo(() => Object.fromEntries(nodes.map(n => [n.id, n.name])), [shape]);
    const [stop, setStop] = useState(selected ?? nodes[0]?.id);
    useLayoutEffect(() => {
        const watch = new ResizeObserver(() => setWidth(frame.current?.clientWidth ?? 0));
        watch.observe(frame.current);
        setWidth(frame.current.clientWidth);
        return () => watch.disconnect();
    }, []);
    useEffect(() => {
        if (selected) setStop(selected);
    }, [selected]);

    const turned = {
        ArrowDown: 'ArrowRight',
        ArrowUp: 'ArrowLeft',
        ArrowRight: 'ArrowDown',
        ArrowLeft: 'ArrowUp',
    };
    const move = node => event => {
        const next = neighbour(down ? turned[event.key] : event.key, node.id, edges, map.at, down);
        if (!next) return;
        event.preventDefault();
        setStop(next);
        document.getElementById('node-' + next)?.focus();
    };
    const scale = width ? Math.min(1, Math.max(SCALE_MIN, width / map.width)) : 1;
    const live_n = live?.nodes ?? {},
        live_e = live?.edges ?? {};
    return html`<div class="graph" ref=${frame}>
        <div class="graph-size"
            style=${{ width: map.width * scale + 'px', height: map.height * scale + 'px' }}>
        <div class="graph-inner" role="group"
            aria-label="Pipeline graph; arrow keys move between nodes"
            style=${{ width: map.width + 'px', height: map.height + 'px', transform: `scale(${scale})` }}>
            <svg width=${map.width} height=${map.height} aria-hidden="true">
                <defs>${['', '-reject', '-warn', '-error'].map(
                    kind => html`
                    <marker id=${'tip' + kind} class=${'tip' + kind} viewBox="0 0 8 8" refX="5"
                        refY="4" markerUnits="userSpaceOnUse"
                        markerWidth="9" markerHeight="9" orient="auto"><path d="M0,0L8,4L0,8z" />
                            </marker>`,
                )}</defs>
                ${map.lines.map(at => html`<${Edge} key=${at.id} at=${at} edge=${find(edges, at.id)}
                    live=${live_e[at.id]} />`)}
            </svg>
            ${map.lines.map(at => {
                const edge = find(edges, at.id);
                return html`<${EdgeLabel} key=${at.id} at=${at} edge=${edge} live=${live_e[at.id]}
                    from=${names[edge.from]} to=${names[edge.to]} />`;
            })}
            ${nodes.map(
                node => html`<${Node} key=${node.id} node=${node} at=${map.at[node.id]}
                    live=${live_n[node.id]}
                selected=${node.id === selected} stop=${node.id === (stop ?? nodes[0].id)} onSelect=${onSelect} onKeyDown=${move(node)} />`,
            )}
        </div></div></div>`;
}
const find = (list, id) => list.find(x => x.id === id);

/** The node an arrow leads to; `along` is the way of the data, `across` the other axis. */
function neighbour(key, id, edges, at, down) {
    const [along, across] = down ? ['y', 'x'] : ['x', 'y'];
    const off = (n, axis) => Math.abs(at[n][axis] - at[id][axis]);
    const near = ids => ids.sort((a, b) => off(a, across) - off(b, across))[0];
    if (key === 'ArrowRight')
        return near(edges.filter(e => e.from === id && at[e.to]).map(e => e.to));
    if (key === 'ArrowLeft')
        return near(edges.filter(e => e.to === id && at[e.from]).map(e => e.from));
    const side = key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0;
    if (!side) return null;
    const far = n => off(n, along) * 3 + off(n, across);
    return Object.keys(at)
        .filter(n => (at[n][across] - at[id][across]) * side > 1)
        .sort((a, b) => far(a) - far(b))[0];
}
