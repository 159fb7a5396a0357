/* tasklog.js - the tries of one task and the log of each. */
import { html } from '../dom.js';
import { query } from '../router.js';
import { useGet } from '../api.js';
import { Loaded } from '../parts/common.js';
import { Badge } from '../parts/badge.js';
import { LogView } from '../parts/logview.js';
import { Tabs, TabPanel } from '../parts/common.js';
import { span } from '../fmt.js';

const line = x =>
    typeof x === 'string'
        ? { ts_ms: null, level: 'info', text: x }
        : {
              ts_ms: x.timestamp ? Date.parse(x.timestamp) : null,
              level: x.level ?? 'info',
              text: x.event,
          };

export function TaskLog({ dag, run, task, tryNo, now }) {
    const base = `/api/v2/dags/${encodeURIComponent(dag)}/dagRuns/${encodeURIComponent(run)}/taskInstances/${encodeURIComponent(task)}`;
    const tries = useGet(`${base}/tries`, { seq: 'runs' });
    const newest = now?.try_number ?? 1,
        shown = Number(tryNo) || newest;
    const log = useGet(
        shown ? `${base}/logs/${shown}?full_content=true` : null,
        now?.state === 'running' ? { every: 2 } : { seq: 'runs' },
    );
    const list = tries.data?.task_instances ?? [];
    return html`
        <${Tabs} id="try" label="Tries" active=${String(shown)}
            onSelect=${v => query({ try: v === String(newest) ? '' : v })}
            tabs=${(list.length ? list : [{ try_number: shown }]).map(t => [
                String(t.try_number),
                html`Try ${t.try_number}
                ${t.state && html` <${Badge}
                    state=${t.state} plain />`}${t.duration != null ? html`<span class="note">
                    ${span(t.duration * 1000)}</span>` : ''}`,
            ])} />
        <${TabPanel} id="try" active=${String(shown)}>
            <${Loaded} of=${log}>${d => html`<${LogView} lines=${d.content.map(line)}
                name=${`${dag}.${task}.${shown}`} />`}</${Loaded}>
        </${TabPanel}>`;
}
