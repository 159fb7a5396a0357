/* api.js - JSON over fetch: reads as a hook, writes with the token, errors as sentences. */
import { signal, useEffect, useRef, useState } from './dom.js';
import { seqs, tick } from './live.js';

export class ApiError extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

/* -- the token: from the fragment into this tab's session, never left in the address -- */

const KEY = 'sluice-token';
function store(value) {
    try {
        sessionStorage.setItem(KEY, value);
    } catch {
        /* storage may be off: kept in memory */
    }
    token = value;
}
let token = '';
try {
    token = sessionStorage.getItem(KEY) ?? '';
} catch {
    /* as above */
}
export function takeToken() {
    const found = /^#token=([^&]+)/.exec(location.hash);
    if (!found) return;
    store(decodeURIComponent(found[1]));
    history.replaceState(null, '', location.pathname + location.search);
}

/** What the token dialog shows: null, or {wrong, done(token or null)}. */
export const tokenAsk = signal(null);
function askToken(wrong) {
    return new Promise(resolve => {
        tokenAsk.value = {
            wrong,
            done(value) {
                tokenAsk.value = null;
                if (value) store(value);
                resolve(Boolean(value));
            },
        };
    });
}

/* -- requests -- */

async function request(method, url, { body, signal: abort, accept } = {}) {
    const headers = { Accept: accept ?? 'application/json' };
    if (method !== 'GET') headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let res;
    try {
        res = await fetch(url, {
            method,
            headers,
            signal: abort,
            body: body === undefined ? undefined : JSON.stringify(body),
        });
    } catch (err) {
        if (err.name === 'AbortError') throw err;
        throw new ApiError(0, 'sluice does not answer. Is it still running?');
    }
    const text = await res.text();
    let data = null;
    try {
        data = text ? JSON.parse(text) : null;
    } catch {
        /* not JSON: only an error may be so */
    }
    if (!res.ok)
        throw new ApiError(res.status, detailOf(data) ?? `${res.status} ${res.statusText}`);
    if (text && data === null) throw new ApiError(res.status, 'the answer is not JSON');
    return data;
}
function detailOf(data) {
    const detail = data?.detail;
    if (typeof detail === 'string') return detail;
    if (Array.isArray(detail)) return detail.map(d => d.msg).join('; ');
    return detail ? JSON.stringify(detail) : null;
}

export const get = (url, opts) => request('GET', url, opts);

/** A write. Asks for the token when there is none or it is refused; null when the person gives up. */
export async function send(method, url, body) {
    if (!token && !(await askToken(false))) return null;
    for (;;) {
        try {
            return await request(method, url, { body });
        } catch (err) {
            if (err.status !== 401 && err.status !== 403) throw err;
            if (!(await askToken(true))) return null;
        }
    }
}

/** GETs `url` (nothing when null) and again: each `every` seconds of live data, or when the
 *  server's change number `seq` moves. The last answer stays while the next is on its way. */
export function useGet(url, { every = 0, seq = '' } = {}) {
    const [state, set] = useState({ url: null, data: null, error: null });
    const [again, bump] = useState(0);
    const flight = useRef({ url: null, abort: null });
    const beat = seq ? (seqs.value[seq] ?? 0) : every ? Math.floor(tick.value / every) : 0;
    useEffect(() => {
        const now = flight.current;
        if (now.url === url && url) return; /* a slow answer is waited for, not restarted */
        now.abort?.abort();
        now.url = url;
        if (!url) return;
        const abort = (now.abort = new AbortController());
        const land = next => {
            if (flight.current.abort !== abort) return;
            flight.current = { url: null, abort: null };
            set(next);
        };
        get(url, { signal: abort.signal }).then(
            data => land({ url, data, error: null }),
            error =>
                error.name !== 'AbortError' &&
                land(old => ({ url, data: old.url === url ? old.data : null, error })),
        );
    }, [url, again, beat]);
    useEffect(() => () => flight.current.abort?.abort(), []);
    const same = url && state.url && state.url.split('?')[0] === url.split('?')[0];
    return {
        data: same ? state.data : null,
        error: state.url === url ? state.error : null,
        loading: Boolean(url) && state.url !== url,
        reload: () => bump(n => n + 1),
    };
}
