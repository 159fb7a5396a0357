/* common.js - what every page is made of: its head, cards, empty and error states, small inputs. */
import { html, cls, useEffect, useRef, useState } from '../dom.js';
import { Icon } from './icon.js';

export function Page({ title, help, actions, children, crumbs }) {
    useEffect(() => {
        document.title = `${title} · sluice`;
    }, [title]);
    return html`
        <header class="page-head">
            <div>
                ${crumbs && html`<nav class="crumbs" aria-label="Breadcrumb">${crumbs}</nav>`}
                <h1>${title}</h1>
                ${help && html`<p class="help">${help}</p>`}
            </div>
            ${actions && html`<div class="actions">${actions}</div>`}
        </header>
        ${children}`;
}

export const Card = ({ title, note, actions, children, flush, id }) => html`
    <section class=${cls('card', flush && 'flush')}>
        ${
            title &&
            html`<div class="card-head">
            <h2 id=${id ?? slug(title)}>${title}</h2>
            ${note && html`<span class="note">${note}</span>`}
            ${actions && html`<div class="actions">${actions}</div>`}
        </div>`
        }
        <div class="card-body">${children}</div>
    </section>`;
const slug = text =>
    'h-' +
    String(text)
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-');

/** What is missing and what fills it; `command` is copied with one press. */
export const Empty = ({ title, children, command, icon = 'overview' }) => html`
    <div class="empty">
        <span class="empty-icon"><${Icon} name=${icon} size="28" /></span>
        <p class="empty-title">${title}</p>
        ${children && html`<p>${children}</p>`}
        ${command && html`<${Command} text=${command} />`}
    </div>`;

export const Command = ({ text }) => html`
    <span class="command"><code>${text}</code><${CopyButton} text=${text} label="Copy command" />
        </span>`;

export function CopyButton({ text, label = 'Copy' }) {
    const [done, set] = useState(false);
    async function copy() {
        try {
            await navigator.clipboard.writeText(typeof text === 'function' ? text() : text);
        } catch {
            return;
        }
        set(true);
        setTimeout(() => set(false), 1200);
    }
    return html`<button class="btn small ghost" onClick=${copy} aria-label=${label} title=${label}>
        ${done ? '✓' : html`<${Icon} name="copy" size="14" />`}</button>`;
}

export const Failed = ({ error, retry }) => html`
    <div class="failed" role="alert">
        <span class="badge tone-error"><span class="badge-symbol" aria-hidden="true">✕</span>
            ${error.status ? `error ${error.status}` : 'no answer'}</span>
        <span class="failed-text">${error.message}</span>
        ${retry && html`<button class="btn small" onClick=${retry}>Try again</button>`}
    </div>`;

/** The four ways an answer can be: on its way, failed, empty, there. */
export function Loaded({ of, empty, isEmpty, children }) {
    if (of.error && !of.data) return html`<${Failed} error=${of.error} retry=${of.reload} />`;
    if (!of.data) return html`<div class="waiting" role="status">Loading…</div>`;
    return html`
        ${of.error && html`<${Failed} error=${of.error} retry=${of.reload} />`}
        ${isEmpty?.(of.data) ? empty : children(of.data)}`;
}

/** A text field that tells its value 250 ms after the last key. */
export function Search({ value = '', onInput, label, placeholder }) {
    const timer = useRef(0),
        field = useRef(null);
    useEffect(() => {
        if (field.current && document.activeElement !== field.current) field.current.value = value;
    }, [value]);
    const later = event => {
        const text = event.target.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onInput(text), 250);
    };
    return html`<label class="search"><${Icon} name="search" size="14" />
        <span class="sr">${label}</span>
        <input type="search" ref=${field} defaultValue=${value} onInput=${later}
            placeholder=${placeholder ?? label} spellcheck=${false} autocomplete="off" /></label>`;
}

export const Select = ({ label, value, options, onChange }) => html`
    <label class="field"><span>${label}</span>
        <select value=${value} onChange=${event => onChange(event.target.value)}>
            ${options.map(([key, text]) => html`<option value=${key} selected=${key === value}>
                ${text}</option>`)}
        </select></label>`;

export const Check = ({ label, checked, onChange }) => html`
    <label class="check"><input type="checkbox" checked=${checked}
        onChange=${event => onChange(event.target.checked)} /> ${label}</label>`;

/** Tabs with one stop for the keyboard: arrows move, as the ARIA pattern has it. */
export function Tabs({ label, tabs, active, onSelect, id }) {
    const move = event => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const at = tabs.findIndex(t => t[0] === active);
        const next = tabs[(at + step + tabs.length) % tabs.length][0];
        onSelect(next);
        document.getElementById(`${id}-tab-${next}`)?.focus();
    };
    return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>
        ${tabs.map(
            ([key, text, count]) => html`
            <button role="tab" id=${`${id}-tab-${key}`} aria-selected=${String(key === active)}
                aria-controls=${`${id}-panel`} tabindex=${key === active ? 0 : -1}
                onClick=${() => onSelect(key)}>${text}
                ${count ? html`<span class="count">${count}</span>` : null}</button>`,
        )}
    </div>`;
}
export const TabPanel = ({ id, active, children }) => html`
    <div class="tab-panel" role="tabpanel" id=${`${id}-panel`}
        aria-labelledby=${`${id}-tab-${active}`}
        tabindex="0">${children}</div>`;

export const Stat = ({ label, value, note, tone, title }) => html`
    <div class=${cls('stat', tone && 'tone-' + tone)} title=${title}>
        <dt>${label}</dt><dd>${value}${note && html`<small>${note}</small>`}</dd></div>`;

export const Pager = ({ older, newer, note, olderText = 'Older', newerText = 'Newest' }) => html`
    <div class="pager"><span class="note">${note}</span>
        ${newer && html`<button class="btn small" onClick=${newer}><${Icon} name="left" size="14" />
            ${newerText}</button>`}
        <button class="btn small" disabled=${!older} onClick=${older}>${olderText}<${Icon}
            name="right" size="14" /></button>
    </div>`;
