/* live.js - the one event stream of this tab. A snapshot arrives each second; a page that tails a
 * topic has the stream opened again with ?tail=, so there is never a second one.
 * A hidden tab closes it: nobody looks, so the server has nothing to send. */
import { batch, signal } from './dom.js';

export const snap = signal(null); /* the last snapshot, or null before the first */
export const tick = signal(0); /* seconds of live data seen: a clock for reloads */
export const seqs = signal({}); /* change numbers: {runs, alerts, graph, ...} */
export const conn = signal('connecting'); /* connecting | live | lost */

let source = null,
    tail = null,
    timer = 0;

function url() {
    if (!tail) return '/ui/events';
    const query = new URLSearchParams({ tail: tail.topic });
    if (tail.q) query.set('q', tail.q);
    return '/ui/events?' + query;
}

function open() {
    close();
    if (document.hidden) return;
    source = new EventSource(url());
    source.addEventListener('snapshot', event => {
        const next = parse(event.data);
        if (!next) return;
        batch(() => {
            conn.value = 'live';
            snap.value = next;
            tick.value++;
            if (changed(next.seq)) seqs.value = next.seq;
        });
        arm();
    });
    source.addEventListener('record', event => {
        const record = parse(event.data);
        if (record) tail?.onRecord(record);
    });
    source.onerror = () => {
        conn.value = 'lost';
        if (source?.readyState === EventSource.CLOSED) timer = setTimeout(open, 2000);
    };
    arm();
}
function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
}
/* A connection can die without an error; six silent seconds are one. */
function arm() {
    clearTimeout(timer);
    timer = setTimeout(() => {
        conn.value = 'lost';
        open();
    }, 6000);
}
function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}
function changed(next) {
    const old = seqs.value;
    return Object.keys(next ?? {}).some(key => next[key] !== old[key]);
}

/** Delivers new records of `topic` to onRecord until the returned function is called. */
export function startTail(topic, q, onRecord) {
    const mine = (tail = { topic, q, onRecord });
    open();
    return () => {
        if (tail !== mine) return;
        tail = null;
        open();
    };
}

export function startLive() {
    document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
    open();
}
