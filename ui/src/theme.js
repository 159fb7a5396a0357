/* theme.js - light, dark, or as the system has it; kept in this browser. */
import { signal } from './dom.js';

const system = matchMedia('(prefers-color-scheme: dark)');
const read = () => {
    try {
        return localStorage.getItem('sluice-theme') ?? 'auto';
    } catch {
        return 'auto';
    }
};
const full = mode => ({ mode, dark: mode === 'dark' || (mode === 'auto' && system.matches) });

export const theme = signal(full(read()));
function apply(mode) {
    document.documentElement.dataset.theme = mode;
    theme.value = full(mode);
}
export function setTheme(mode) {
    try {
        localStorage.setItem('sluice-theme', mode);
    } catch {
        /* this visit only */
    }
    apply(mode);
}
system.addEventListener('change', () => apply(theme.value.mode));
apply(theme.value.mode);
