/* logview.js - log lines: search, level, wrap, copy, download. Unwrapped lines are of one height, so
 * only those in view are in the page; wrapped ones are left to the browser, the last 2,000 of them. */
import { html, cls, useEffect, useRef, useState } from '../dom.js';
import { loc, query } from '../router.js';
import { Check, CopyButton, Empty, Search, Select } from './common.js';
import { Icon } from './icon.js';
import { int, iso, time } from '../fmt.js';

const LINE_PX = 20,
    BODY_PX = 340,
    WRAPPED_MAX = 2000;
const LEVELS = ['debug', 'info', 'warning', 'error'];
const rank = level => Math.max(0, LEVELS.indexOf(norm(level)));
function norm(level) {
    const l = String(level ?? 'info').toLowerCase();
    return l === 'warn' ? 'warning' : l === 'critical' || l === 'fatal' ? 'error' : l;
}

export function filterLines(lines, q, level) {
    const least = level ? rank(level) : 0,
        needle = q.toLowerCase();
    return lines.filter(
        l => rank(l.level) >= least && (!needle || l.text.toLowerCase().includes(needle)),
    );
}

function Line({ line, q, n }) {
    const level = norm(line.level);
    return html`<div class=${cls('log-line', 'log-' + level)}>
        <span class="log-n">${n}</span><span class="log-time">${time(line.ts_ms, true)}</span>
        <span class="log-level">${level === 'warning' ? 'warn' : level}</span>
        <span class="log-text">${marked(line.text, q)}</span></div>`;
}
function marked(text, q) {
    if (!q) return text;
    const out = [],
        low = text.toLowerCase(),
        needle = q.toLowerCase();
    let pos = 0;
    for (let at; (at = low.indexOf(needle, pos)) >= 0; pos = at + q.length) {
        out.push(text.slice(pos, at), html`<mark>${text.slice(at, at + q.length)}</mark>`);
    }
    return [...out, text.slice(pos)];
}

/** lines: [{ts_ms, level, text}], oldest first. Filters live in the URL as q, level, wrap. */
export function LogView({ lines, name, note }) {
    const { q = '', level = '', wrap = '' } = loc.value.query;
    const [top, setTop] = useState(0);
    const body = useRef(null),
        stuck = useRef(true);
    const shown = filterLines(lines, q, level);
    const text = () =>
        shown.map(l => `${iso(l.ts_ms)} ${norm(l.level).toUpperCase()} ${l.text}`).join('\n') +
        '\n';
    useEffect(() => {
        /* follow the end unless the reader has scrolled up */
        if (stuck.current && body.current) body.current.scrollTop = body.current.scrollHeight;
    }, [shown.length, wrap]);
    const scrolled = event => {
        const el = event.currentTarget;
        stuck.current = el.scrollTop + el.clientHeight > el.scrollHeight - LINE_PX;
        setTop(el.scrollTop);
    };
    function download() {
        const link = document.createElement('a');
        link.href = URL.createObjectURL(new Blob([text()], { type: 'text/plain' }));
        link.download = name + '.log';
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }
    const first = wrap
        ? Math.max(0, shown.length - WRAPPED_MAX)
        : Math.max(0, Math.floor(top / LINE_PX) - 10);
    const last = wrap
        ? shown.length
        : Math.min(shown.length, first + Math.ceil(BODY_PX / LINE_PX) + 20);
    return html`<div class="log">
        <div class="bar">
            <${Search} label="Search log" value=${q} onInput=${v => query({ q: v })} />
            <${Select} label="Level" value=${level} onChange=${v => query({ level: v })}
                options=${[
                    ['', 'all'],
                    ['info', 'info and up'],
                    ['warning', 'warnings and up'],
                    ['error', 'errors'],
                ]} />
            <${Check} label="Wrap" checked=${Boolean(wrap)}
                onChange=${on => query({ wrap: on ? '1' : '' })} />
            <span class="note">
                ${shown.length === lines.length ? `${int(lines.length)} lines` : `${int(shown.length)} of ${int(lines.length)} lines`}${note ? ' · ' + note : ''}
                </span>
            <span class="spacer"></span>
            <${CopyButton} text=${text} label="Copy log" />
            <button class="btn small" onClick=${download}><${Icon} name="save"
                size="14" />Download</button>
        </div>
        ${
            !shown.length
                ? html`<${Empty} title=${lines.length ? 'No line matches' : 'No lines yet'}
                    icon="topic">
            ${lines.length ? 'Change the search or the level.' : 'Lines appear here as soon as something is logged.'}
                </${Empty}>`
                : html`
        <div class=${cls('log-body', wrap && 'wrap')} ref=${body} onScroll=${scrolled} tabindex="0"
            role="log" aria-live="off" aria-label="Log lines">
            <div style=${wrap ? {} : { height: shown.length * LINE_PX + 'px' }}>
                <div style=${wrap ? {} : { transform: `translateY(${first * LINE_PX}px)` }}>
                    ${shown.slice(first, last).map((l, i) => html`<${Line} key=${first + i}
                        line=${l} q=${q} n=${first + i + 1} />`)}
                </div></div></div>`
        }
    </div>`;
}
