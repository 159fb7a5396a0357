/* topics.js - the list of topics; one topic's records, live tail, partitions, settings, schema. */
import { html, cls, useEffect, useRef, useState } from '../dom.js';
import { href, loc, query, to } from '../router.js';
import { useGet } from '../api.js';
import { startTail } from '../live.js';
import {
    Card,
    Check,
    Empty,
    Loaded,
    Page,
    Pager,
    Search,
    Select,
    Stat,
    Tabs,
    TabPanel,
} from '../parts/common.js';
import { Badge } from '../parts/badge.js';
import { Icon } from '../parts/icon.js';
import { Records } from '../parts/record.js';
import { Table } from '../parts/table.js';
import { Versions } from './schemas.js';
import { bytes, int, rate, short, time } from '../fmt.js';

const PAGE = 100,
    TAIL_MAX = 200;

function List() {
    const { q = '', internal = '', from = '' } = loc.value.query;
    const args = new URLSearchParams({ limit: PAGE, offset: from || '0' });
    if (q) args.set('q', q);
    if (internal) args.set('internal', '1');
    const got = useGet('/ui/topics?' + args, { every: 2 });
    const cols = [
        {
            key: 'name',
            label: 'Topic',
            grow: true,
            link: t => to('topics', t.name),
            render: t =>
                html`${t.name}${t.quarantine && html`<span
                    class="pill tone-warn">quarantine</span>`}${t.internal && html`<span
                    class="pill">internal</span>`}`,
        },
        { key: 'partitions', label: 'Partitions', num: true },
        { key: 'messages', label: 'Messages', num: true, render: t => int(t.messages) },
        { key: 'bytes', label: 'Size', num: true, render: t => bytes(t.bytes) },
        { key: 'rate', label: 'Rate', num: true, render: t => rate(t.rate) },
        {
            key: 'lag',
            label: 'Most behind',
            num: true,
            render: t =>
                t.lag === null
                    ? html`<span class="note">no group</span>`
                    : html`<span class=${t.lag > 1000 ? 'tone-warn' : ''}>${int(t.lag)}</span>`,
        },
        { key: 'cleanup', label: 'Cleanup' },
        {
            key: 'subject',
            label: 'Schema',
            sort: false,
            render: t =>
                t.subject
                    ? html`<a href=${to('schemas', t.subject)}>${t.subject}</a>`
                    : html`<span class="note">none</span>`,
        },
    ];
    return html`<${Page} title="Topics"
        help="Every stream of records, with who is behind on it. Any Kafka client on :9092 sees the same.">
        <div class="bar"><${Search} label="Search topics" value=${q}
            onInput=${v => query({ q: v, from: '' })} />
            <${Check} label="Internal topics" checked=${Boolean(internal)}
                onChange=${on => query({ internal: on ? '1' : '' })} />
            <span class="note">${got.data ? `${int(got.data.total)} topics` : ''}</span></div>
        <${Card} flush><${Loaded} of=${got} isEmpty=${d => !d.topics.length} empty=${html`<${Empty}
            icon="topic" title=${q ? 'No topic matches' : 'No topics yet'}
            command=${q ? null : 'echo hello | kcat -b 127.0.0.1:9092 -P -t demo'}>
                ${q ? 'The search looks at names.' : 'A capture: line in a pipeline makes one; so does any Kafka client that writes.'}
                </${Empty}>`}>
            ${d => html`<${Table} label="Topics" cols=${cols} rows=${d.topics} keyOf=${t => t.name}
                sort="name" />
                ${
                    d.total > PAGE &&
                    html`<${Pager}
                        note=${`${Number(from) + 1} to ${Number(from) + d.topics.length} of ${int(d.total)}`}
                        olderText="Next" newerText="First"
                    older=${Number(from) + PAGE < d.total && (() => query({ from: Number(from) + PAGE }, false))}
                        newer=${from && (() => query({ from: '' }, false))} />`
                }`}
        </${Loaded}></${Card}></${Page}>`;
}

/* -- records -- */

function Tail({ topic, q }) {
    const [records, set] = useState([]),
        [paused, pause] = useState(false),
        [waiting, setWaiting] = useState(0);
    const hold = useRef([]),
        stopped = useRef(false);
    const { open = '' } = loc.value.query;
    stopped.current = paused;
    useEffect(() => {
        set([]);
        let frame = 0;
        const flush = () => {
            /* records come in bursts: drawn once per frame */
            frame = 0;
            if (stopped.current) return setWaiting(hold.current.length);
            const got = hold.current.reverse();
            hold.current = [];
            set(old => [...got, ...old].slice(0, TAIL_MAX));
        };
        const stop = startTail(topic, q, record => {
            hold.current.push(record);
            if (hold.current.length > TAIL_MAX) hold.current.shift();
            frame ||= requestAnimationFrame(flush);
        });
        return () => {
            stop();
            cancelAnimationFrame(frame);
        };
    }, [topic, q]);
    useEffect(() => {
        if (paused) return;
        const got = hold.current.reverse();
        hold.current = [];
        setWaiting(0);
        if (got.length) set(old => [...got, ...old].slice(0, TAIL_MAX));
    }, [paused]);
    return html`<div class="bar tail-bar">
            <span class=${cls('conn', paused ? 'tone-idle' : 'tone-ok')}><i class="dot"></i>
                ${paused ? `Paused${waiting ? `, ${waiting} new` : ''}` : 'Live'}</span>
            <button class="btn small" onClick=${() => pause(!paused)}><${Icon}
                name=${paused ? 'play' : 'pause'} size="14" />${paused ? 'Resume' : 'Pause'}
                </button>
            <span class="note">newest first, the last ${TAIL_MAX}; at high rates a sample</span>
                </div>
        ${
            records.length
                ? html`<${Records} records=${records} open=${open} onOpen=${v => {
                      query({ open: v });
                      if (v) pause(true);
                  }} label="Live records" />`
                : html`<${Empty} icon="topic"
                    title="Waiting for the next record">Nothing has been written ${q ? 'that matches ' : ''}since the tail was opened.</${Empty}>`
        }`;
}

const SEEKS = [
    ['', 'newest'],
    ['oldest', 'oldest'],
    ['offset', 'offset'],
    ['time', 'time'],
];

function Browse({ topic, q, detail }) {
    const {
        partition = '',
        seek = '',
        offset = '',
        at = '',
        limit = '50',
        page = '',
        open = '',
    } = loc.value.query;
    const args = new URLSearchParams({ limit });
    if (partition) args.set('partition', partition);
    if (q) args.set('q', q);
    if (page) args.set('page', page);
    else if (seek === 'oldest') args.set('from', 'oldest');
    else if (seek === 'offset' && offset) args.set('offset', offset);
    else if (seek === 'time' && at) args.set('at_ms', Date.parse(at));
    const got = useGet(`/ui/topics/${encodeURIComponent(topic)}/records?${args}`);
    const set = change => query({ page: '', open: '', ...change });
    return html`<div class="bar">
            <${Select} label="Partition" value=${partition} onChange=${v => set({ partition: v })}
                options=${[['', 'all'], ...detail.partitions.map(p => [String(p.id), String(p.id)])]} />
            <${Select} label="From" value=${seek}
                onChange=${v => set({ seek: v, offset: '', at: '' })} options=${SEEKS} />
            ${
                seek === 'offset' &&
                html`<label class="field"><span>Offset</span><input type="number" min="0"
                    value=${offset}
                onChange=${e => set({ offset: e.target.value })} /></label>`
            }
            ${
                seek === 'time' &&
                html`<label class="field"><span>Time</span><input type="datetime-local" step="1"
                    value=${at}
                onChange=${e => set({ at: e.target.value })} /></label>`
            }
            <${Select} label="Show" value=${limit}
                onChange=${v => set({ limit: v === '50' ? '' : v })}
                options=${['25', '50', '100', '200'].map(n => [n, n])} />
            <span class="spacer"></span>
            <button class="btn small" onClick=${() => {
                query({ page: '', open: '' });
                got.reload();
            }}><${Icon} name="retry" size="14" />Reload</button></div>
        <${Loaded} of=${got} isEmpty=${d => !d.records.length} empty=${html`<${Empty} icon="topic"
            title=${q ? 'No record matches' : 'No records here'}>
            ${q ? `${int(got.data?.scanned)} records were looked at; the search covers key, value and headers.` : 'Write one with any Kafka client, or let the pipeline run.'}
                </${Empty}>`}>
            ${d => html`<${Records} records=${d.records} open=${open}
                onOpen=${v => query({ open: v })} />
                <${Pager}
                    note=${`${d.records.length} shown${q ? ` of ${int(d.scanned)} looked at` : ''}`}
                    older=${d.next && (() => query({ page: d.next, open: '' }, false))}
                    olderText=${seek ? 'Newer' : 'Older'} newerText="Back"
                        newer=${page && (() => query({ page: '', open: '' }, false))} />`}
                        </${Loaded}>`;
}

function RecordsTab({ topic, detail }) {
    const { q = '', live = '' } = loc.value.query;
    return html`<div class="bar">
            <div class="segment" role="group" aria-label="How to read">
                <button aria-pressed=${String(!live)}
                    onClick=${() => query({ live: '', open: '' })}>Browse</button>
                <button aria-pressed=${String(Boolean(live))}
                    onClick=${() => query({ live: '1', page: '', open: '' })}>Live tail</button>
                    </div>
            <${Search} label="Search records" placeholder="Text in key, value or headers" value=${q}
                onInput=${v => query({ q: v, page: '', open: '' })} /></div>
        ${live ? html`<${Tail} topic=${topic} q=${q} />` : html`<${Browse} topic=${topic} q=${q}
            detail=${detail} />`}`;
}

/* -- one topic -- */

const Partitions = ({ d }) =>
    html`<${Table} label="Partitions" sortParam="" rows=${d.partitions} keyOf=${p => p.id} cols=${[
        { key: 'id', label: 'Partition', link: p => href({ tab: '', partition: p.id }) },
        { key: 'start', label: 'First offset', num: true, render: p => int(p.start) },
        { key: 'end', label: 'Next offset', num: true, render: p => int(p.end) },
        { key: 'n', label: 'Messages', num: true, render: p => int(p.end - p.start) },
        { key: 'bytes', label: 'Size', num: true, render: p => bytes(p.bytes) },
        { key: 'last_ms', label: 'Newest record', grow: true, render: p => time(p.last_ms) },
    ]} />`;
const Configs = ({ d }) =>
    html`<${Table} label="Settings" sortParam="" rows=${d.configs} keyOf=${c => c.name} cols=${[
        { key: 'name', label: 'Setting', render: c => html`<span class="mono">${c.name}</span>` },
        {
            key: 'value',
            label: 'Value',
            grow: true,
            render: c => html`<span class="mono">${c.value}</span>`,
        },
        {
            key: 'default',
            label: 'Set by',
            render: c =>
                c.default
                    ? html`<span class="note">default</span>`
                    : html`<span class="pill">this topic</span>`,
        },
    ]} />`;
const Readers = ({ d }) =>
    d.groups.length
        ? html`<${Table} label="Groups" sortParam="" rows=${d.groups} keyOf=${g => g.id} cols=${[
              { key: 'id', label: 'Group', grow: true, link: g => to('groups', g.id) },
              { key: 'state', label: 'State', render: g => html`<${Badge} state=${g.state} />` },
              { key: 'lag', label: 'Behind', num: true, render: g => int(g.lag) },
          ]} />`
        : html`<${Empty} icon="group"
            title="No group reads this topic">A consumer with a group id shows here once it commits.</${Empty}>`;
const SchemaTab = ({ d }) =>
    d.subject
        ? html`<${Versions} subject=${d.subject} />`
        : html`<${Empty} icon="schema"
            title="No schema for this topic">Records are read as JSON or text. A schema named ${d.name}-value would show here.</${Empty}>`;

function One({ name }) {
    const { tab = 'records' } = loc.value.query;
    const got = useGet('/ui/topics/' + encodeURIComponent(name), { every: 2 });
    const tabs = [
        ['records', 'Records'],
        ['partitions', 'Partitions', got.data?.partitions.length],
        ['groups', 'Groups', got.data?.groups.length],
        ['schema', 'Schema'],
        ['settings', 'Settings'],
    ];
    const Body =
        {
            records: RecordsTab,
            partitions: Partitions,
            groups: Readers,
            settings: Configs,
            schema: SchemaTab,
        }[tab] ?? RecordsTab;
    return html`<${Page} title=${name} crumbs=${html`<a href="/topics">Topics</a>`}>
        <${Loaded} of=${got}>${d => html`
            <dl class="stats"><${Stat} label="Messages" value=${short(d.messages)}
                title=${int(d.messages)} /><${Stat} label="Size" value=${bytes(d.bytes)} />
                <${Stat} label="Rate" value=${rate(d.rate)} /><${Stat} label="Partitions"
                    value=${int(d.partitions.length)} />
                <${Stat} label="Most behind" value=${d.lag === null ? 'no group' : int(d.lag)}
                    tone=${d.lag > 1000 ? 'warn' : ''} /></dl>
            <${Card} flush><${Tabs} id="topic" label="Views of this topic" tabs=${tabs}
                active=${tab}
                onSelect=${v => query({ tab: v === 'records' ? '' : v, open: '', page: '' })} />
                <${TabPanel} id="topic" active=${tab}><${Body} topic=${name} d=${d} detail=${d} />
                    </${TabPanel}></${Card}>`}</${Loaded}></${Page}>`;
}

export const Topics = () =>
    loc.value.parts[1]
        ? html`<${One} key=${loc.value.parts[1]} name=${loc.value.parts[1]} />`
        : html`<${List} />`;
