/* schemas.js - subjects of the registry, each version's text, and what changed between two. */
import { html } from '../dom.js';
import { href, loc, query, to } from '../router.js';
import { useGet } from '../api.js';
import { Card, Empty, Loaded, Page, Search, Select, Stat } from '../parts/common.js';
import { Code, indentJson } from '../parts/code.js';
import { Table } from '../parts/table.js';
import { plural, time } from '../fmt.js';

/** Line by line, longest common subsequence: schemas are short. Null when they are not. */
function diff(a, b) {
    const x = a.split('\n'),
        y = b.split('\n');
    if (x.length * y.length > 1e6) return null;
    const w = y.length + 1,
        len = new Uint16Array((x.length + 1) * w);
    for (let i = x.length - 1; i >= 0; i--)
        for (let j = y.length - 1; j >= 0; j--) {
            len[i * w + j] =
                x[i] === y[j]
                    ? len[(i + 1) * w + j + 1] + 1
                    : Math.max(len[(i + 1) * w + j], len[i * w + j + 1]);
        }
    const out = [];
    let i = 0,
        j = 0;
    while (i < x.length || j < y.length) {
        if (i < x.length && j < y.length && x[i] === y[j]) {
            out.push([' ', x[i]]);
            i++;
            j++;
        } else if (i < x.length && (j >= y.length || len[(i + 1) * w + j] >= len[i * w + j + 1]))
            out.push(['-', x[i++]]);
        else out.push(['+', y[j++]]);
    }
    return out;
}

function Diff({ from, to: next }) {
    const pretty = v => indentJson(v.schema) ?? v.schema;
    const lines = diff(pretty(from), pretty(next));
    if (!lines) return html`<${Empty} icon="schema" title="Too long to compare here" />`;
    return html`<pre class="code diff" tabindex="0" role="region"
        aria-label=${`Changes from version ${from.version} to ${next.version}`}><code>${lines.map(
        ([mark, text]) =>
            html`<span class=${mark === '+' ? 'add' : mark === '-' ? 'del' : ''}>
                ${mark} ${text}\n</span>`,
    )}</code></pre>`;
}

export function Versions({ subject }) {
    const { version = '', against = '' } = loc.value.query;
    const got = useGet('/ui/schemas/' + encodeURIComponent(subject), { seq: 'schemas' });
    return html`<${Loaded} of=${got}>${d => {
        const list = [...d.versions].sort((a, b) => b.version - a.version);
        const shown = list.find(v => String(v.version) === version) ?? list[0];
        const other = list.find(v => String(v.version) === against && v !== shown);
        return html`<div class="bar">
                <${Select} label="Version" value=${String(shown.version)}
                    onChange=${v => query({ version: v === String(list[0].version) ? '' : v, against: '' })}
                    options=${list.map(v => [String(v.version), `${v.version}${v === list[0] ? ' (latest)' : ''}`])} />
                ${
                    list.length > 1 &&
                    html`<${Select} label="Compare with" value=${other ? against : ''}
                        onChange=${v => query({ against: v })}
                    options=${[['', 'nothing'], ...list.filter(v => v !== shown).map(v => [String(v.version), String(v.version)])]} />`
                }
                <span class="note">id ${shown.id} · ${shown.type} · compatibility ${d.compatibility}${shown.ts_ms ? ` · registered ${time(shown.ts_ms)}` : ''}
                    </span></div>
            ${other ? html`<${Diff} from=${other} to=${shown} />` : html`<${Code}
                text=${shown.schema} lang=${shown.type === 'PROTOBUF' ? '' : 'json'}
                label="Schema" />`}`;
    }}</${Loaded}>`;
}

function List() {
    const { q = '' } = loc.value.query;
    const got = useGet('/ui/schemas', { seq: 'schemas' });
    return html`<${Page} title="Schemas"
        help="The shape of every topic, version by version. The same registry answers clients on :8081.">
        <div class="bar"><${Search} label="Search subjects" value=${q}
            onInput=${v => query({ q: v })} />
            <span class="note">
                ${got.data ? `${plural(got.data.subjects.length, 'subject')} · ${got.data.compatibility} unless a subject says otherwise` : ''}
                </span></div>
        <${Card} flush><${Loaded} of=${got}
            isEmpty=${d => !d.subjects.some(s => s.subject.includes(q))} empty=${html`<${Empty}
            icon="schema" title=${q ? 'No subject matches' : 'No schemas yet'}
            command=${q ? null : 'curl localhost:8081/subjects'}>
                ${q ? 'The search looks at names.' : 'capture: registers one for every topic it makes; clients register theirs on :8081.'}
                </${Empty}>`}>
            ${d =>
                html`<${Table} label="Subjects"
                    rows=${d.subjects.filter(s => s.subject.includes(q))} keyOf=${s => s.subject}
                    sort="subject" cols=${[
                    {
                        key: 'subject',
                        label: 'Subject',
                        grow: true,
                        link: s => to('schemas', s.subject),
                    },
                    { key: 'type', label: 'Type' },
                    {
                        key: 'versions',
                        label: 'Versions',
                        num: true,
                        sort: s => s.versions.length,
                        render: s => s.versions.length,
                    },
                    { key: 'id', label: 'Latest id', num: true },
                    { key: 'compatibility', label: 'Compatibility' },
                ]} />`}</${Loaded}></${Card}></${Page}>`;
}
const One = ({
    subject,
}) => html`<${Page} title=${subject} crumbs=${html`<a href="/schemas">Schemas</a>`}>
    <${Card} flush><${Versions} subject=${subject} /></${Card}></${Page}>`;
export const Schemas = () =>
    loc.value.parts[1]
        ? html`<${One} key=${loc.value.parts[1]} subject=${loc.value.parts[1]} />`
        : html`<${List} />`;
