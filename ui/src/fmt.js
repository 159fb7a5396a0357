/* fmt.js - numbers and times for people. null gives an en dash: unknown is not zero. */
const NONE = '–';
const group = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const int = n => (n === null || n === undefined ? NONE : group.format(n));

function scaled(n, base, units) {
    let i = 0;
    while (Math.abs(n) >= base * 0.9995 && i < units.length - 1) {
        n /= base;
        i++;
    }
    const digits = i === 0 || Math.abs(n) >= 99.95 ? 0 : Math.abs(n) >= 9.995 ? 1 : 2;
    return `${Number(n.toFixed(digits))}${units[i] ? '\u202f' + units[i] : ''}`;
}
/** 1.24 M; exact below 10,000. */
export function short(n) {
    if (n === null || n === undefined) return NONE;
    return Math.abs(n) < 10000 ? int(n) : scaled(n, 1000, ['', 'k', 'M', 'G', 'T']);
}
export const bytes = n =>
    n === null || n === undefined ? NONE : scaled(n, 1024, ['B', 'KB', 'MB', 'GB', 'TB']);
export function rate(n) {
    if (n === null || n === undefined) return NONE;
    return (n > 0 && n < 9.95 ? Number(n.toFixed(1)) : short(Math.round(n))) + '/s';
}
export function percent(ratio) {
    if (ratio === null || ratio === undefined) return NONE;
    const p = ratio * 100;
    return `${p === 0 || p >= 9.95 ? Math.round(p) : Number(p.toFixed(p < 0.1 ? 2 : 1))}\u202f%`;
}
/** A length of time in its two largest units. */
export function span(ms) {
    if (ms === null || ms === undefined) return NONE;
    if (ms === 0) return '0\u202fms';
    if (ms < 1) return '< 1\u202fms';
    if (ms < 1000) return `${Math.round(ms)}\u202fms`;
    const s = ms / 1000;
    if (s < 60) return `${s < 9.95 ? s.toFixed(1) : Math.round(s)}\u202fs`;
    const m = Math.floor(s / 60);
    if (m < 60) return two(m, 'min', Math.floor(s % 60), 's');
    const h = Math.floor(m / 60);
    if (h < 24) return two(h, 'h', m % 60, 'min');
    return two(Math.floor(h / 24), 'd', h % 24, 'h');
}
const two = (a, unitA, b, unitB) => `${a}\u202f${unitA}` + (b ? ` ${b}\u202f${unitB}` : '');

const pad = (n, len = 2) => String(n).padStart(len, '0');
/** 14:03:07, with the date when it is not today; `ms` adds milliseconds. */
export function time(at, ms = false) {
    const d = at === null || at === undefined ? null : new Date(at);
    if (!d || Number.isNaN(d.getTime())) return NONE;
    const clock =
        `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}` +
        (ms ? '.' + pad(d.getMilliseconds(), 3) : '');
    const today = d.toDateString() === new Date().toDateString();
    return today
        ? clock
        : `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clock}`;
}
export const iso = at => (at === null || at === undefined ? '' : new Date(at).toISOString());
export const ago = (at, now = Date.now()) =>
    at === null || at === undefined ? NONE : `${span(Math.max(0, now - at))} ago`;
export const plural = (n, one, many = one + 's') => `${int(n)} ${n === 1 ? one : many}`;
