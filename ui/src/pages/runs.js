/* runs.js - Airflow's grid: a column per run, a row per task; below it the run or task chosen.
 * Everything here is Airflow's public REST API, so any Airflow would do behind it. */
import { html, cls, useRef, useState } from '../dom.js';
import { href, loc, query } from '../router.js';
import { send, useGet } from '../api.js';
import { Card, Empty, Loaded, Page, Select, Stat } from '../parts/common.js';
import { Badge, symbol, tone, word } from '../parts/badge.js';
import { Icon } from '../parts/icon.js';
import { Dialog, toast } from '../parts/dialog.js';
import { TaskLog } from './tasklog.js';
import { Table } from '../parts/table.js';
import { ago, int, span, time } from '../fmt.js';

const at = iso => (iso ? Date.parse(iso) : null);
const took = x =>
    x.duration != null
        ? x.duration * 1000
        : x.start_date
          ? Math.max(0, Date.now() - at(x.start_date))
          : null;
const base = dag => `/api/v2/dags/${encodeURIComponent(dag)}`;

/* -- the grid -- */

function Grid({ dag, runs, tasks, instances, picked }) {
    const box = useRef(null);
    const longest = Math.max(...runs.map(r => took(r) ?? 0), 1);
    const by = new Map(instances.map(i => [i.dag_run_id + '\n' + i.task_id, i]));
    const move = event => {
        /* one tab stop; arrows walk the cells */
        const step = {
            ArrowLeft: [0, -1],
            ArrowRight: [0, 1],
            ArrowUp: [-1, 0],
            ArrowDown: [1, 0],
        }[event.key];
        const cell = event.target.closest('button')?.dataset.cell;
        if (!step || !cell) return;
        event.preventDefault();
        const [row, col] = cell.split(',').map(Number);
        box.current.querySelector(`[data-cell="${row + step[0]},${col + step[1]}"]`)?.focus();
    };
    const choose = (run, task) =>
        query({ dag, run: run.dag_run_id, task, try: '', q: '', level: '' }, false);
    const stop = Math.max(
        0,
        runs.findIndex(r => r.dag_run_id === picked.run),
    );
    return html`<div class="grid-wrap"><table class="grid" ref=${box} onKeyDown=${move}>
        <thead><tr><th scope="col" class="grid-corner"><span class="sr">Task</span><span
            class="note">${span(longest)} longest</span></th>
            ${runs.map(
                (
                    run,
                    i,
                ) => html`<th scope="col" key=${run.dag_run_id}
                    class=${cls(run.dag_run_id === picked.run && 'on')}>
                <button class=${'grid-bar tone-' + tone(run.state)} data-cell=${`0,${i}`}
                    tabindex=${i === stop ? 0 : -1}
                    aria-pressed=${String(run.dag_run_id === picked.run && !picked.task)} onClick=${() => choose(run, '')}
                    title=${`${time(run.run_after)} · ${word(run.state)} · ${span(took(run))} · ${run.run_type}`}
                    aria-label=${`Run of ${time(run.run_after)}: ${word(run.state)}, ${span(took(run))}, ${run.run_type}`}>
                    <i style=${{ height: Math.max(4, (took(run) / longest) * 44) + 'px' }}></i>
                        </button></th>`,
            )}</tr></thead>
        <tbody>${tasks.map(
            (task, row) => html`<tr><th scope="row" title=${task.task_id}>${task.task_id}</th>
            ${runs.map((run, i) => {
                const one = by.get(run.dag_run_id + '\n' + task.task_id);
                const state = one?.state ?? 'none';
                const on = run.dag_run_id === picked.run;
                return html`<td key=${run.dag_run_id} class=${cls(on && 'on')}><button
                    class=${cls('grid-cell', 'tone-' + tone(state), on && task.task_id === picked.task && 'picked')}
                    data-cell=${`${row + 1},${i}`} tabindex="-1" onClick=${() => choose(run, task.task_id)}
                    title=${`${task.task_id} · ${word(state)} · ${span(one ? took(one) : null)}`}
                    aria-label=${`${task.task_id}, run of ${time(run.run_after)}: ${word(state)}`}>
                        ${symbol(state)}</button></td>`;
            })}</tr>`,
        )}</tbody></table></div>`;
}

const Legend = () =>
    html`<p class="grid-legend">${[
        'success',
        'running',
        'queued',
        'up_for_retry',
        'failed',
        'upstream_failed',
        'skipped',
    ].map(
        s =>
            html`<span><i class=${'grid-cell tone-' + tone(s)} aria-hidden="true">${symbol(s)}</i>
                ${word(s)}</span>`,
    )}</p>`;

/* -- triggering and pausing -- */

function Trigger({ dag, close }) {
    const [conf, set] = useState('{}'),
        [wrong, setWrong] = useState(''),
        [busy, setBusy] = useState(false);
    async function submit(event) {
        event.preventDefault();
        let parsed;
        try {
            parsed = JSON.parse(conf || '{}');
        } catch (err) {
            return setWrong('Not JSON: ' + err.message);
        }
        setBusy(true);
        try {
            const run = await send('POST', base(dag) + '/dagRuns', {
                logical_date: null,
                conf: parsed,
            });
            if (run) {
                toast(`Started ${run.dag_run_id}`);
                query({ dag, run: run.dag_run_id, task: '' }, false);
                close();
            }
        } catch (err) {
            setWrong(err.message);
        }
        setBusy(false);
    }
    return html`<${Dialog} title=${`Run ${dag} now`} onClose=${close}><form onSubmit=${submit}>
        <p>Starts one run beside the schedule. Its tasks can read this as the run's conf.</p>
        <label class="field stack"><span>Conf, as JSON</span><textarea rows="4" spellcheck=${false}
            value=${conf}
            onInput=${e => {
                set(e.target.value);
                setWrong('');
            }}></textarea></label>
        ${wrong && html`<p class="tone-error wrong" role="alert">${wrong}</p>`}
        <div class="dialog-actions"><button type="button" class="btn"
            onClick=${close}>Cancel</button>
            <button class="btn primary" disabled=${busy}><${Icon} name="play"
                size="14" />Run now</button></div></form></${Dialog}>`;
}

async function setPaused(dag, paused, reload) {
    try {
        if (await send('PATCH', base(dag.dag_id), { is_paused: paused })) {
            toast(
                paused
                    ? `${dag.dag_id} is paused: no new runs start`
                    : `${dag.dag_id} is on its schedule again`,
            );
            reload();
        }
    } catch (err) {
        toast(err.message, 'error');
    }
}

/* -- one run -- */

function RunDetail({ dag, run, instances, task, tryNo }) {
    const cols = [
        { key: 'task_id', label: 'Task', link: i => href({ task: i.task_id, try: '' }) },
        { key: 'state', label: 'State', render: i => html`<${Badge} state=${i.state} />` },
        {
            key: 'try_number',
            label: 'Try',
            num: true,
            render: i => `${i.try_number} of ${(i.max_tries ?? 0) + 1}`,
        },
        { key: 'start_date', label: 'Started', render: i => time(i.start_date) },
        { key: 'duration', label: 'Took', num: true, render: i => span(took(i)), sort: took },
        { key: 'operator', label: 'Kind', grow: true, render: i => i.operator ?? '–' },
    ];
    return html`<${Card} title=${task ? `${task}` : 'Run'} note=${`run ${run.dag_run_id}`}
        actions=${html`${task && html`<a class="btn small"
            href=${href({ task: '', try: '', q: '', level: '' })}>All tasks of this run</a>`}
            <a class="btn small ghost"
                href=${href({ run: '', task: '', try: '', q: '', level: '' })}
                aria-label="Close run"><${Icon} name="close" size="14" /></a>`}>
        <dl class="stats">
            <div class="stat"><dt>State</dt><dd><${Badge} state=${run.state} /></dd></div>
            <${Stat} label="Started" value=${time(run.start_date)} /><${Stat} label="Took"
                value=${span(took(run))} />
            <${Stat} label="For"
                value=${run.data_interval_start ? `${time(run.data_interval_start)} – ${time(run.data_interval_end)}` : 'no interval'} />
            <${Stat} label="Started by"
                value=${run.run_type === 'scheduled' ? 'the schedule' : (run.triggered_by ?? run.run_type)} />
            ${run.note && html`<${Stat} label="Note" value=${run.note} />`}</dl>
        ${
            task
                ? html`<${TaskLog} key=${run.dag_run_id + task} dag=${dag} run=${run.dag_run_id}
                    task=${task} tryNo=${tryNo}
                now=${instances.find(i => i.task_id === task)} />`
                : html`<${Table} label="Tasks of this run" cols=${cols} rows=${instances}
                    keyOf=${i => i.task_id} sortParam="" />`
        }
    </${Card}>`;
}

/* -- a DAG -- */

function Dag({ dag, chosen, reload }) {
    const { run = '', task = '', try: tryNo = '', n = '25', state = '' } = loc.value.query;
    const [asking, ask] = useState(false);
    const id = dag.dag_id;
    const filter = state ? `&state=${state}` : '';
    const runs = useGet(
        `${base(id)}/dagRuns?order_by=-run_after&limit=${chosen ? n : 25}${chosen ? filter : ''}`,
        { seq: 'runs' },
    );
    const tasks = useGet(`${base(id)}/tasks`, { seq: 'graph' });
    const list = runs.data ? [...runs.data.dag_runs].reverse() : [];
    const from = list[0]?.run_after;
    const tis = useGet(
        from
            ? `${base(id)}/dagRuns/~/taskInstances?order_by=-run_after&limit=1000&run_after_gte=${encodeURIComponent(from)}`
            : null,
        { seq: 'runs' },
    );
    const instances = tis.data?.task_instances ?? [];
    const shown = chosen && list.find(r => r.dag_run_id === run);
    const far = useGet(
        chosen && run && runs.data && !shown
            ? `${base(id)}/dagRuns/${encodeURIComponent(run)}`
            : null,
        { seq: 'runs' },
    );
    const farTis = useGet(
        far.data ? `${base(id)}/dagRuns/${encodeURIComponent(run)}/taskInstances` : null,
        { seq: 'runs' },
    );
    const detail = shown || far.data;
    const done = list.filter(r => ['success', 'failed'].includes(r.state));
    const failed = done.filter(r => r.state === 'failed').length;
    const mean = done.length
        ? done.reduce((sum, r) => sum + (took(r) ?? 0), 0) / done.length
        : null;
    return html`<${Card} flush title=${id} note=${dag.description ?? ''} actions=${html`
            <button class="btn small" onClick=${() => setPaused(dag, !dag.is_paused, reload)}
                aria-label=${`${dag.is_paused ? 'Resume' : 'Pause'} ${id}`}>
                <${Icon} name=${dag.is_paused ? 'play' : 'pause'} size="14" />
                    ${dag.is_paused ? 'Resume' : 'Pause'}</button>
            <button class="btn small primary" onClick=${() => ask(true)}
                aria-label=${`Run now: ${id}`}><${Icon} name="play" size="14" />Run now</button>`}>
        <dl class="stats">
            <div class="stat"><dt>Schedule</dt><dd>${dag.is_paused ? html`<${Badge}
                state="paused" />` : (dag.timetable_summary ?? 'by hand')}</dd></div>
            <${Stat} label="Next run"
                value=${dag.is_paused ? '–' : dag.next_dagrun_run_after ? time(dag.next_dagrun_run_after) : '–'} />
            <${Stat} label="Last run"
                value=${list.length ? ago(at(list.at(-1).start_date ?? list.at(-1).run_after)) : 'never'} />
            <${Stat} label="Takes, on average" value=${span(mean)} />
            <${Stat} label=${`Failed, of ${done.length}`} value=${int(failed)}
                tone=${failed ? 'error' : ''} /></dl>
        <${Loaded} of=${runs} isEmpty=${() => !list.length} empty=${html`<${Empty} icon="runs"
            title=${state ? `No ${state} run` : 'No runs yet'}
            command=${state ? null : `sluice run ${id}`}>
                ${state ? 'Choose another state above.' : 'The first starts on schedule, or now with the button above.'}
                </${Empty}>`}>
            ${() => html`<${Grid} dag=${id} runs=${list} tasks=${tasks.data?.tasks ?? []}
                instances=${instances} picked=${chosen ? { run, task } : {}} />`}
        </${Loaded}>
        ${asking && html`<${Trigger} dag=${id} close=${() => ask(false)} />`}
    </${Card}>
    ${
        detail &&
        html`<${RunDetail} dag=${id} run=${detail} task=${task} tryNo=${tryNo}
        instances=${shown ? instances.filter(i => i.dag_run_id === run) : (farTis.data?.task_instances ?? [])} />`
    }`;
}

export function Runs() {
    const { dag = '', n = '25', state = '' } = loc.value.query;
    const dags = useGet('/api/v2/dags?limit=100', { seq: 'runs' });
    const all = dags.data?.dags ?? [];
    const shown = dag ? all.filter(d => d.dag_id === dag) : all;
    const one = shown.length === 1;
    return html`<${Page} title="Runs"
        help="Each column is a run, the newest to the right; each row a task. Select one for its tries and logs."
        actions=${
            all.length > 0 &&
            html`
            ${all.length > 1 && html`<${Select} label="Pipeline" value=${dag}
                onChange=${v => query({ dag: v, run: '', task: '', try: '' }, false)}
                options=${[['', 'all'], ...all.map(d => [d.dag_id, d.dag_id])]} />`}
            ${
                one &&
                html`<${Select} label="State" value=${state} onChange=${v => query({ state: v })}
                    options=${[
                    ['', 'all'],
                    ['success', 'success'],
                    ['failed', 'failed'],
                    ['running', 'running'],
                    ['queued', 'queued'],
                ]} />
                <${Select} label="Runs" value=${n}
                    onChange=${v => query({ n: v === '25' ? '' : v })} options=${[
                    ['10', '10'],
                    ['25', '25'],
                    ['50', '50'],
                    ['100', '100'],
                ]} />`
            }`
        }>
        <${Loaded} of=${dags} isEmpty=${d => !d.dags.length} empty=${html`<${Empty} icon="runs"
            title="No pipeline with a schedule yet" command="sluice dev examples/users.yml">
            A pipeline file with a schedule: line is one DAG, and its runs show here.</${Empty}>`}>
            ${() => html`${shown.length ? html`<${Legend} />` : html`<${Empty} icon="runs"
                title=${`No pipeline is named ${dag}`}><a href="/runs">Show all</a></${Empty}>`}
                ${shown.map(d => html`<${Dag} key=${d.dag_id} dag=${d}
                    chosen=${dag === d.dag_id || one} reload=${dags.reload} />`)}`}
        </${Loaded}></${Page}>`;
}
