/* quarantine.js - rows that failed a check: the reason, the bytes as they came, and replay. */
import { html, cls, useState } from '../dom.js';
import { href, loc, query, to } from '../router.js';
import { send, useGet } from '../api.js';
import { Card, Empty, Loaded, Page, Pager, Search, Select } from '../parts/common.js';
import { Icon } from '../parts/icon.js';
import { Bytes, Headers } from '../parts/record.js';
import { Dialog, toast } from '../parts/dialog.js';
import { Table } from '../parts/table.js';
import { ago, int, percent, plural, time } from '../fmt.js';

function List() {
    const got = useGet('/ui/quarantine', { every: 3 });
    return html`<${Page} title="Quarantine"
        help="Rows that failed a check are kept here, byte for byte, with the reason. Fix the rule or the source, then replay them.">
        <${Loaded} of=${got} isEmpty=${d => !d.datasets.some(s => s.count)} empty=${html`<${Empty}
            icon="quarantine" title="Nothing is in quarantine">
            Every row has passed its checks. Rows that fail an expect: rule of a pipeline would be kept here, with the reason.</${Empty}>`}>
        ${d =>
            d.datasets
                .filter(s => s.count)
                .map(
                    set => html`<${Card} flush title=${set.dataset}
                        note=${`${plural(set.count, 'row')} in topic ${set.topic}`}
            actions=${html`<a class="btn small"
                href=${to('quarantine', set.dataset)}>Show rows</a>`}>
            <${Table} label=${`Checks of ${set.dataset}`} rows=${set.checks} keyOf=${c => c.check}
                sort="-count" cols=${[
                {
                    key: 'check',
                    label: 'Check',
                    link: c => href({ check: c.check }, to('quarantine', set.dataset)),
                },
                {
                    key: 'rule',
                    label: 'Rule',
                    grow: true,
                    render: c => html`<code>${c.rule}</code>`,
                },
                { key: 'count', label: 'Rows', num: true, render: c => int(c.count) },
                {
                    key: 'share',
                    label: 'Share',
                    num: true,
                    sort: c => c.count,
                    render: c =>
                        html`<span class="share"><meter class="meter warn" min="0" max=${set.count}
                            value=${c.count} aria-label=${`Share of ${c.check}`}></meter>
                            ${percent(c.count / set.count)}</span>`,
                },
                { key: 'last_ms', label: 'Last', num: true, render: c => ago(c.last_ms) },
            ]} /></${Card}>`,
                )}
        </${Loaded}></${Page}>`;
}

function Row({ r, open }) {
    const id = `${r.partition}:${r.offset}`,
        on = open === id,
        flip = () => query({ open: on ? '' : id });
    return html`<tr key=${id} class=${cls('opens', on && 'selected')}
        onClick=${e => !e.target.closest('button,a') && flip()}>
            <td class="nowrap"><button class="linkish" aria-expanded=${String(on)} onClick=${flip}>
                ${time(r.ts_ms, true)}</button></td>
            <td class="mono">${r.check}</td><td class="grow">${r.reason}</td>
            <td class="mono clip">${r.source.topic}/${r.source.partition}/${r.source.offset}</td>
                </tr>
        ${
            on &&
            html`<tr class="detail" key=${'d' + id}><td colspan="4"><div class="record-detail">
            <p class="reason tone-warn"><b>${r.check}</b> wants <code>${r.rule}</code>; ${r.reason}
                </p>
            <div class="record-cols"><div class="record-value"><h2 class="sub">Original value</h2>
                <${Bytes} text=${r.value} name="value" /></div>
                <div><h2 class="sub">Came from</h2><p><a
                    href=${href({ seek: 'offset', partition: r.source.partition, offset: r.source.offset }, to('topics', r.source.topic))}>
                    ${r.source.topic}, partition ${r.source.partition}, offset ${r.source.offset}
                        </a></p>
                <h2 class="sub">Key</h2><${Bytes} text=${r.key} name="key" /><h2
                    class="sub">Headers</h2><${Headers} headers=${r.headers} /></div></div></div>
                    </td></tr>`
        }`;
}

function Replay({ dataset, check, count, close, reload }) {
    const [busy, set] = useState(false);
    async function submit(event) {
        event.preventDefault();
        set(true);
        try {
            const done = await send(
                'POST',
                `/ui/quarantine/${encodeURIComponent(dataset)}/replay`,
                check ? { check } : {},
            );
            if (done) {
                toast(`${plural(done.replayed, 'row')} sent through the checks again`);
                reload();
                close();
            }
        } catch (err) {
            toast(err.message, 'error');
            close();
        }
        set(false);
    }
    return html`<${Dialog} title="Replay quarantined rows" onClose=${close}><form
        onSubmit=${submit}>
        <p>${plural(count, 'row')} of <b>${dataset}</b>${check && html` that failed <code>${check}
            </code>`} will be sent back to the topic they came from.
            Those that fail again come back here; none is lost.</p>
        <div class="dialog-actions"><button type="button" class="btn"
            onClick=${close}>Cancel</button>
            <button class="btn primary" disabled=${busy}>Replay</button></div></form></${Dialog}>`;
}

function One({ dataset }) {
    const { check = '', page = '', open = '', q = '' } = loc.value.query;
    const [asking, ask] = useState(false);
    const sets = useGet('/ui/quarantine', { every: 5 });
    const set = sets.data?.datasets.find(s => s.dataset === dataset);
    const args = new URLSearchParams({ limit: '50' });
    for (const [key, value] of Object.entries({ check, page, q })) if (value) args.set(key, value);
    const got = useGet(`/ui/quarantine/${encodeURIComponent(dataset)}?${args}`);
    const count = check ? set?.checks.find(c => c.check === check)?.count : set?.count;
    return html`<${Page} title=${dataset}
        help="Rows put aside, newest first. Open one for its bytes, where it came from and what the rule wanted."
        crumbs=${html`<a href="/quarantine">Quarantine</a>`}
        actions=${count > 0 && html`<button class="btn primary" onClick=${() => ask(true)}><${Icon}
            name="retry" size="14" />Replay ${check ? `${check}` : 'all'}</button>`}>
        <div class="bar"><${Select} label="Check" value=${check}
            onChange=${v => query({ check: v, page: '', open: '' })}
                options=${[['', `all (${int(set?.count ?? 0)})`], ...(set?.checks ?? []).map(c => [c.check, `${c.check} (${int(c.count)})`])]} />
            <${Search} label="Search rows" placeholder="Text in key, value or reason" value=${q}
                onInput=${v => query({ q: v, page: '', open: '' })} /></div>
        <${Card} flush><${Loaded} of=${got} isEmpty=${d => !d.records.length} empty=${html`<${Empty}
            icon="quarantine"
            title=${check || q ? 'No row matches' : 'Nothing is in quarantine here'}>
            ${check || q ? 'Choose another check or search.' : 'Every row of this dataset has passed.'}
                </${Empty}>`}>
            ${d => html`<div class="table-wrap" tabindex="0" role="region"
                aria-label="Quarantined rows"><table>
                <thead><tr><th scope="col">Time</th><th scope="col">Check</th><th scope="col"
                    class="grow">Reason</th><th scope="col">Source</th></tr></thead>
                <tbody>${d.records.map(r => html`<${Row} r=${r} open=${open} />`)}</tbody></table>
                    </div>
                <${Pager} note=${`${d.records.length} rows shown`}
                    older=${d.next && (() => query({ page: d.next, open: '' }, false))}
                    newer=${page && (() => query({ page: '', open: '' }, false))} />`}
        </${Loaded}></${Card}>
        ${
            asking &&
            html`<${Replay} dataset=${dataset} check=${check} count=${count}
                close=${() => ask(false)} reload=${() => {
                got.reload();
                sets.reload();
            }} />`
        }</${Page}>`;
}
export const Quarantine = () =>
    loc.value.parts[1]
        ? html`<${One} key=${loc.value.parts[1]} dataset=${loc.value.parts[1]} />`
        : html`<${List} />`;
