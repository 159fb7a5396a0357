/* history.js - the past for a chart: asked for once, then grown by each snapshot. */
import { useEffect, useRef, useState } from './dom.js';
import { get } from './api.js';
import { snap, tick } from './live.js';

export const RANGES = [
    ['300', '5 min'],
    ['900', '15 min'],
    ['3600', '1 h'],
    ['21600', '6 h'],
];

/** {t: [s], series: {name: [number or null]}} of a node, or of the whole stack when node is ''. */
export function useHistory(node, range) {
    const [past, set] = useState(null),
        key = `${node} ${range}`;
    const step = past?.key === key ? past.step_s : 1;
    const beat = step > 2 ? Math.floor(tick.value / step) : 0;
    const grown = useRef(null);
    useEffect(() => {
        const abort = new AbortController();
        const args = new URLSearchParams({ range_s: range });
        if (node) args.set('node', node);
        get('/ui/history?' + args, { signal: abort.signal }).then(
            data => {
                grown.current = null;
                set({ ...data, key });
            },
            error =>
                error.name !== 'AbortError' &&
                set(old => (old?.key === key ? old : { key, error })),
        );
        return () => abort.abort();
    }, [key, beat]);
    if (!past || past.key !== key || past.error)
        return { error: past?.key === key ? past.error : null };
    const data = grown.current ?? past;
    if (past.step_s > 2 || !snap.value) return data;
    const now = snap.value.ts_ms / 1000;
    if (now <= (data.t.at(-1) ?? 0)) return data;
    const live = node ? snap.value.nodes[node] : snap.value.total;
    const from = data.t.findIndex(t => t >= now - Number(range));
    const cut = from < 0 ? data.t.length : from;
    grown.current = {
        ...data,
        t: [...data.t.slice(cut), now],
        series: Object.fromEntries(
            Object.entries(data.series).map(([name, values]) => [
                name,
                [...values.slice(cut), live?.[name] ?? null],
            ]),
        ),
    };
    return grown.current;
}
