/* dialog.js - the browser's own modal dialog: focus is kept inside and given back by it. */
import { html, signal, useEffect, useRef, useState } from '../dom.js';
import { tokenAsk } from '../api.js';

export function Dialog({ title, onClose, children }) {
    const box = useRef(null);
    useEffect(() => {
        box.current.showModal();
    }, []);
    const outside = event => {
        if (event.target === box.current) onClose();
    };
    return html`<dialog ref=${box} aria-labelledby="dialog-title" onClose=${onClose}
        onMouseDown=${outside}>
        <h2 id="dialog-title">${title}</h2>${children}</dialog>`;
}

/** Asked for when something is to be changed and this tab holds no (or a wrong) token. */
export function TokenDialog() {
    const ask = tokenAsk.value;
    const [value, set] = useState('');
    if (!ask) return null;
    const submit = event => {
        event.preventDefault();
        if (value.trim()) {
            ask.done(value.trim());
            set('');
        }
    };
    return html`<${Dialog} title="Token needed" onClose=${() => ask.done(null)}>
        <form onSubmit=${submit}>
            <p>${ask.wrong ? 'That token was refused. ' : ''}Reading is open on this machine; changing
                something needs the token made at first start. It is in the file token
                of the data folder, and in the links that the command printed.</p>
            <label class="field stack"><span>Token</span>
                <input type="password" autocomplete="off" autofocus value=${value}
                    onInput=${event => set(event.target.value)} /></label>
            <div class="dialog-actions">
                <button type="button" class="btn" onClick=${() => ask.done(null)}>Cancel</button>
                <button class="btn primary" disabled=${!value.trim()}>Use token</button></div>
        </form></${Dialog}>`;
}

/* -- toasts: what a press on a button has led to -- */

const toasts = signal([]);
let next = 1;
export function toast(text, tone = 'ok') {
    const id = next++;
    toasts.value = [...toasts.value, { id, text, tone }];
    setTimeout(() => {
        toasts.value = toasts.value.filter(t => t.id !== id);
    }, 6000);
}
export const Toasts = () => html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
        t => html`<div key=${t.id} class=${'toast tone-' + t.tone}>
        <span aria-hidden="true">${t.tone === 'ok' ? '✓' : '✕'}</span> ${t.text}</div>`,
    )}</div>`;
