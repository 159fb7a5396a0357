/* router.js - the address bar is the state: every view, filter, page and selection is in it.
 * `loc` is a signal; pages read loc.value.parts and loc.value.query and call go() or query(). */
import { signal } from './dom.js';

function read() {
    return {
        path: location.pathname,
        parts: location.pathname.split('/').filter(Boolean).map(decode),
        query: Object.fromEntries(new URLSearchParams(location.search)),
    };
}
function decode(part) {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}

export const loc = signal(read());
addEventListener('popstate', () => {
    loc.value = read();
});

export function go(href, { replace = false } = {}) {
    if (href === location.pathname + location.search) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', href);
    loc.value = read();
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/** The current address with some query keys changed; null, '' and undefined remove a key. */
export function href(change, path = location.pathname) {
    const query = new URLSearchParams(path === location.pathname ? location.search : '');
    for (const [key, value] of Object.entries(change)) {
        if (value === null || value === undefined || value === '') query.delete(key);
        else query.set(key, value);
    }
    const text = query.toString();
    return path + (text ? '?' + text : '');
}
/** Typing in a filter replaces the entry, choosing something adds one. */
export const query = (change, replace = true) => go(href(change), { replace });

/** A path made of parts, each escaped. */
export const to = (...parts) => '/' + parts.map(encodeURIComponent).join('/');

document.addEventListener('click', event => {
    const link = event.target.closest?.('a[href^="/"]');
    if (
        !link ||
        event.defaultPrevented ||
        event.button ||
        link.target ||
        link.download ||
        event.metaKey ||
        event.ctrlKey ||
        event.shiftKey ||
        event.altKey
    )
        return;
    event.preventDefault();
    go(link.getAttribute('href'));
});
