/* groups.js - consumer groups: who reads, and how far behind each partition is. */
import { html } from '../dom.js';
import { loc, query, to } from '../router.js';
import { useGet } from '../api.js';
import { Card, Empty, Loaded, Page, Search, Stat } from '../parts/common.js';
import { Badge } from '../parts/badge.js';
import { Table } from '../parts/table.js';
import { int, plural } from '../fmt.js';

const lagTone = lag => (lag > 1000 ? 'tone-warn' : '');

function List() {
    const { q = '' } = loc.value.query;
    const got = useGet('/ui/groups' + (q ? '?q=' + encodeURIComponent(q) : ''), { every: 2 });
    const cols = [
        { key: 'id', label: 'Group', grow: true, link: g => to('groups', g.id) },
        { key: 'state', label: 'State', render: g => html`<${Badge} state=${g.state} />` },
        { key: 'members', label: 'Members', num: true },
        {
            key: 'topics',
            label: 'Topics',
            sort: g => g.topics.join(),
            render: g =>
                g.topics.map((t, i) => html`${i ? ', ' : ''}<a href=${to('topics', t)}>${t}</a>`),
        },
        {
            key: 'lag',
            label: 'Total lag',
            num: true,
            render: g => html`<span class=${lagTone(g.lag)}>${int(g.lag)}</span>`,
        },
    ];
    return html`<${Page} title="Groups"
        help="Consumer groups and their lag: how many records they have yet to read.">
        <div class="bar"><${Search} label="Search groups" value=${q}
            onInput=${v => query({ q: v })} />
            <span class="note">${got.data ? plural(got.data.groups.length, 'group') : ''}</span>
                </div>
        <${Card} flush><${Loaded} of=${got} isEmpty=${d => !d.groups.length} empty=${html`<${Empty}
            icon="group" title=${q ? 'No group matches' : 'No groups yet'}
            command=${q ? null : 'kcat -b localhost:9092 -G readers users_created'}>
                ${q ? 'The search looks at group ids.' : 'A pipeline that reads a topic has one; so has every Kafka consumer with a group id.'}
                </${Empty}>`}>
            ${d => html`<${Table} label="Groups" cols=${cols} rows=${d.groups} keyOf=${g => g.id}
                sort="-lag" />`}</${Loaded}></${Card}></${Page}>`;
}

function Progress({ p }) {
    const share = p.end > p.start ? (p.current - p.start) / (p.end - p.start) : 1;
    return html`<meter class="meter" min="0" max="1" value=${Math.max(0, Math.min(1, share))}
        aria-label=${`Partition ${p.partition} of ${p.topic} read`}></meter>`;
}

function One({ id }) {
    const got = useGet('/ui/groups/' + encodeURIComponent(id), { every: 2 });
    return html`<${Page} title=${id} crumbs=${html`<a href="/groups">Groups</a>`}>
        <${Loaded} of=${got}>${d => html`
            <dl class="stats"><div class="stat"><dt>State</dt><dd><${Badge} state=${d.state} /></dd>
                </div>
                <${Stat} label="Total lag" value=${int(d.lag)} tone=${d.lag > 1000 ? 'warn' : ''} />
                    <${Stat} label="Members" value=${int(d.members.length)} />
                <${Stat} label="Assignment" value=${d.protocol || '–'} /></dl>
            <${Card} flush title="Partitions"><${Table} label="Partitions" rows=${d.partitions}
                keyOf=${p => p.topic + p.partition} cols=${[
                { key: 'topic', label: 'Topic', link: p => to('topics', p.topic) },
                { key: 'partition', label: 'Partition', num: true },
                {
                    key: 'current',
                    label: 'Current offset',
                    num: true,
                    render: p => (p.current === null ? 'none yet' : int(p.current)),
                },
                { key: 'end', label: 'End offset', num: true, render: p => int(p.end) },
                {
                    key: 'lag',
                    label: 'Lag',
                    num: true,
                    render: p => html`<span class=${lagTone(p.lag)}>${int(p.lag)}</span>`,
                },
                {
                    key: 'read',
                    label: 'Read',
                    sort: false,
                    render: p => html`<${Progress} p=${p} />`,
                },
                {
                    key: 'member',
                    label: 'Read by',
                    grow: true,
                    render: p => p.member ?? html`<span class="note">nobody</span>`,
                },
            ]} /></${Card}>
            <${Card} flush title="Members">${
                d.members.length
                    ? html`<${Table} label="Members" sortParam="" rows=${d.members}
                        keyOf=${m => m.id} cols=${[
                          {
                              key: 'client_id',
                              label: 'Client',
                              render: m => html`<span class="mono">${m.client_id}</span>`,
                          },
                          { key: 'host', label: 'Host' },
                          {
                              key: 'n',
                              label: 'Partitions',
                              num: true,
                              render: m => int(m.partitions),
                          },
                          {
                              key: 'id',
                              label: 'Member id',
                              grow: true,
                              render: m => html`<span class="mono">${m.id}</span>`,
                          },
                      ]} />`
                    : html`<${Empty} icon="group"
                        title="Nobody is reading right now">The offsets above are kept until a member comes back.</${Empty}>`
            }</${Card}>`}</${Loaded}></${Page}>`;
}
export const Groups = () =>
    loc.value.parts[1]
        ? html`<${One} key=${loc.value.parts[1]} id=${loc.value.parts[1]} />`
        : html`<${List} />`;
