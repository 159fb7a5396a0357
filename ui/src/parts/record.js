/* record.js - records of a topic: one line each, opened to key, value and headers. */
import { html, cls } from '../dom.js';
import { Code, indentJson } from './code.js';
import { bytes, time } from '../fmt.js';

const id = r => `${r.partition}:${r.offset}`;
const squeeze = text =>
    text === null || text === undefined
        ? null
        : text.length > 400
          ? text.slice(0, 400) + '…'
          : text;

export const Bytes = ({ text, name }) =>
    text === null || text === undefined
        ? html`<p class="note">${name === 'value' ? 'null: a tombstone' : 'null'}</p>`
        : html`<${Code} text=${text} lang=${indentJson(text) ? 'json' : ''} label=${name} wrap />`;

export const Headers = ({ headers }) => html`<dl class="facts-list">
    ${headers.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value ?? 'null'}</dd></div>`)}
        </dl>`;

function Detail({ r }) {
    return html`<div class="record-detail">
        <div class="record-meta">partition ${r.partition} · offset ${r.offset} · ${time(r.ts_ms, true)} · ${bytes(r.bytes)}
            ${r.schema_id ? ` · schema ${r.schema_id}` : ''} · ${r.format}</div>
        <div class="record-cols">
            <div class="record-value"><h2 class="sub">Value</h2><${Bytes} text=${r.value}
                name="value" /></div>
            <div><h2 class="sub">Key</h2><${Bytes} text=${r.key} name="key" />
                <h2 class="sub">Headers</h2>${r.headers?.length ? html`<${Headers}
                    headers=${r.headers} />` : html`<p class="note">none</p>`}</div>
        </div></div>`;
}

/** open: "partition:offset" of the record shown in full; onOpen gets it or '' on close. */
export const Records = ({ records, open, onOpen, label = 'Records' }) => html`
    <div class="table-wrap" role="region" tabindex="0" aria-label=${label}><table
        class="dense records">
        <thead><tr><th scope="col" class="num">Partition</th><th scope="col" class="num">Offset</th>
            <th scope="col">Time</th><th scope="col">Key</th><th scope="col" class="grow">Value</th>
            <th scope="col" class="num">Size</th></tr></thead>
        <tbody>${records.map(
            r => html`
            <tr key=${id(r)} class=${cls('opens', open === id(r) && 'selected')} onClick=${event =>
                !event.target.closest('button') && onOpen(open === id(r) ? '' : id(r))}>
                <td class="num">${r.partition}</td>
                <td class="num"><button class="linkish" aria-expanded=${String(open === id(r))}
                    onClick=${() => onOpen(open === id(r) ? '' : id(r))}>${r.offset}</button></td>
                <td class="nowrap">${time(r.ts_ms, true)}</td>
                <td class="mono clip key">${squeeze(r.key) ?? html`<i class="note">null</i>`}</td>
                <td class="mono clip grow">${squeeze(r.value) ?? html`<i
                    class="note">null (tombstone)</i>`}</td>
                <td class="num nowrap">${bytes(r.bytes)}</td></tr>
            ${open === id(r) && html`<tr key=${'d' + id(r)} class="detail"><td colspan="6">
                <${Detail} r=${r} /></td></tr>`}`,
        )}
        </tbody></table></div>`;
