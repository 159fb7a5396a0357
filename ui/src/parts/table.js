/* table.js - a table of rows: sortable heads, right-aligned numbers, rows that open.
 *
 * cols: [{key, label, num, render(row), sort(row), grow}]. The column with `link(row)` is the way in
 * by keyboard; a press anywhere else on the row follows it too. Sort order lives in the URL. */
import { html, cls } from '../dom.js';
import { go, loc, query } from '../router.js';

function sorted(cols, rows, spec) {
    if (!spec) return rows;
    const down = spec.startsWith('-'),
        key = spec.replace(/^-/, '');
    const col = cols.find(c => c.key === key);
    if (!col) return rows;
    const value = col.sort ?? (row => row[key]);
    const order = (a, b) => {
        const x = value(a),
            y = value(b);
        if (x === y) return 0;
        if (x === null || x === undefined) return 1;
        if (y === null || y === undefined) return -1;
        return (x < y ? -1 : 1) * (down ? -1 : 1);
    };
    return [...rows].sort(order);
}

function Head({ col, spec, param }) {
    const on = spec.replace(/^-/, '') === col.key;
    const down = spec.startsWith('-');
    const next = on ? (down ? col.key : '-' + col.key) : (col.num ? '-' : '') + col.key;
    return html`<th scope="col" class=${cls(col.num && 'num', col.grow && 'grow')}
        aria-sort=${on ? (down ? 'descending' : 'ascending') : null}>
        ${
            param && col.sort !== false
                ? html`<button class="sort" onClick=${() => query({ [param]: next })}>
            ${col.label}<span class="arrow" aria-hidden="true">${on ? (down ? '↓' : '↑') : ''}
                </span></button>`
                : col.label
        }</th>`;
}

export function Table({
    cols,
    rows,
    label,
    keyOf,
    selected,
    sortParam = 'sort',
    sort = '',
    dense,
    onOpen,
}) {
    const spec = (sortParam && loc.value.query[sortParam]) || sort;
    const linkCol = cols.find(c => c.link);
    const follow = row => event => {
        if (event.target.closest('a,button,input,select') || getSelection()?.toString()) return;
        if (onOpen) onOpen(row);
        else go(linkCol.link(row));
    };
    return html`<div class="table-wrap" tabindex="0" role="region" aria-label=${label}>
        <table class=${cls(dense && 'dense')}>
            <thead><tr>${cols.map(col => html`<${Head} key=${col.key} col=${col} spec=${spec}
                param=${sortParam} />`)}</tr></thead>
            <tbody>${sorted(cols, rows, spec).map(
                row => html`
                <tr key=${keyOf(row)}
                    class=${cls((linkCol || onOpen) && 'opens', selected === keyOf(row) && 'selected')}
                    onClick=${linkCol || onOpen ? follow(row) : null}>
                    ${cols.map(
                        col => html`<td class=${cls(col.num && 'num', col.grow && 'grow')}>
                        ${col.link ? html`<a href=${col.link(row)} class="name">${cell(col, row)}
                            </a>` : cell(col, row)}</td>`,
                    )}
                </tr>`,
            )}</tbody>
        </table></div>`;
}
const cell = (col, row) => (col.render ? col.render(row) : row[col.key]);
