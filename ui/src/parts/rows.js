/* rows.js - rows of a landing or CQL table, a page at a time, one of them opened in full. */
import { html, cls } from '../dom.js';
import { loc, query } from '../router.js';
import { useGet } from '../api.js';
import { Empty, Loaded, Pager, Search } from './common.js';
import { Code, indentJson } from './code.js';
import { Icon } from './icon.js';
import { int } from '../fmt.js';

const show = value =>
    value === null
        ? html`<i class="note">null</i>`
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);

function RowDetail({ columns, row, close }) {
    return html`<aside class="row-detail" aria-label="Row">
        <div class="card-head"><h2 class="sub">Row</h2><button class="btn small ghost"
            onClick=${close} aria-label="Close row">
            <${Icon} name="close" size="14" /></button></div>
        <dl class="facts-list">${columns.map((c, i) => {
            const value = row[i],
                text =
                    typeof value === 'string'
                        ? indentJson(value)
                        : value && typeof value === 'object'
                          ? JSON.stringify(value)
                          : null;
            return html`<div><dt>${c.name}<small>${c.type}</small></dt>
                <dd>${text ? html`<${Code} text=${text} lang="json"
                    label=${c.name} wrap />` : show(value)}</dd></div>`;
        })}</dl></aside>`;
}

/** Reads /ui/tables/{store}/{name}/rows; q, page and row are in the URL. */
export function Rows({ store, name, search = true }) {
    const { q = '', page = '', row = '' } = loc.value.query;
    const args = new URLSearchParams({ limit: '50' });
    if (q) args.set('q', q);
    if (page) args.set('page', page);
    const got = useGet(`/ui/tables/${store}/${encodeURIComponent(name)}/rows?${args}`);
    return html`
        ${
            search &&
            html`<div class="bar">
            <${Search} label="Search rows" value=${q}
                onInput=${v => query({ q: v, page: '', row: '' })} />
            <span class="note">${got.data?.total != null ? `${int(got.data.total)} rows` : ''}
                </span><span class="spacer"></span>
            <button class="btn small" onClick=${got.reload}><${Icon} name="retry"
                size="14" />Reload</button></div>`
        }
        <${Loaded} of=${got} isEmpty=${d => !d.rows.length} empty=${html`<${Empty} icon="table"
            title=${q ? 'No row matches' : 'This table has no rows yet'}>
                ${q ? 'Search looks at the text of every column.' : 'Rows appear as soon as the pipeline writes them.'}
                </${Empty}>`}>
        ${d => html`<div class=${cls('rows', row !== '' && d.rows[row] && 'with-detail')}>
            <div class="table-wrap" tabindex="0" role="region" aria-label=${`Rows of ${name}`}>
                <table class="dense">
                <thead><tr><th scope="col"><span class="sr">Open</span></th>
                    ${d.columns.map(c => html`<th scope="col">${c.name}${c.key && html`<span
                    class="pill">${c.key}</span>`}</th>`)}</tr></thead>
                <tbody>${d.rows.map(
                    (r, i) => html`<tr class=${cls('opens', String(i) === row && 'selected')}
                    onClick=${e => !e.target.closest('button') && query({ row: String(i) === row ? '' : i })}>
                    <td><button class="linkish" aria-expanded=${String(String(i) === row)}
                        aria-label=${`Open row ${i + 1}`}
                        onClick=${() => query({ row: String(i) === row ? '' : i })}><${Icon}
                            name="right" size="12" /></button></td>
                    ${r.map(v => html`<td class=${cls('clip', typeof v === 'number' && 'num')}>
                        ${show(v)}</td>`)}</tr>`,
                )}</tbody>
            </table></div>
            ${row !== '' && d.rows[row] && html`<${RowDetail} columns=${d.columns}
                row=${d.rows[row]} close=${() => query({ row: '' })} />`}
        </div>
        <${Pager} note=${`${d.rows.length} rows shown`}
            older=${d.next && (() => query({ page: d.next, row: '' }, false))} olderText="Next"
            newer=${page && (() => query({ page: '', row: '' }, false))} newerText="First" />`}
                </${Loaded}>`;
}
