/* badge.js - one vocabulary of states: each has a tone, a symbol and a word, never colour alone. */
import { html, cls } from '../dom.js';

const STATES = {
    ok: ['ok', '✓', 'healthy'],
    idle: ['idle', '–', 'idle'],
    warn: ['warn', '!', 'slow'],
    error: ['error', '✕', 'failing'],
    down: ['error', '✕', 'down'],
    starting: ['run', '…', 'starting'],
    paused: ['idle', '⏸', 'paused'],
    off: ['idle', '–', 'off'],
    /* Airflow's run and task states */
    success: ['ok', '✓', 'success'],
    failed: ['error', '✕', 'failed'],
    running: ['run', '▶', 'running'],
    queued: ['idle', '◷', 'queued'],
    scheduled: ['idle', '◷', 'scheduled'],
    skipped: ['idle', '»', 'skipped'],
    deferred: ['run', '…', 'deferred'],
    none: ['idle', '·', 'not started'],
    removed: ['idle', '–', 'removed'],
    restarting: ['run', '↻', 'restarting'],
    upstream_failed: ['warn', '↥', 'upstream failed'],
    up_for_retry: ['warn', '↻', 'up for retry'],
    up_for_reschedule: ['run', '↻', 'up for reschedule'],
    /* alerts, consumer groups */
    firing: ['error', '!', 'firing'],
    pending: ['warn', '◷', 'pending'],
    inactive: ['ok', '✓', 'inactive'],
    resolved: ['ok', '✓', 'resolved'],
    Stable: ['ok', '✓', 'stable'],
    Empty: ['idle', '–', 'empty'],
    Dead: ['error', '✕', 'dead'],
    PreparingRebalance: ['warn', '↻', 'rebalancing'],
    CompletingRebalance: ['warn', '↻', 'rebalancing'],
};
export const tone = state => (STATES[state] ?? ['idle'])[0];
export const symbol = state => (STATES[state] ?? ['', '?'])[1];
export const word = state => (STATES[state] ?? ['', '', String(state ?? 'none')])[2];

export const Badge = ({ state, text, plain }) => html`
    <span class=${cls('badge', 'tone-' + tone(state), plain && 'plain')}>
        <span class="badge-symbol" aria-hidden="true">${symbol(state)}</span>${text ?? word(state)}
    </span>`;
