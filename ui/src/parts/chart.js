/* chart.js - uPlot in our colours, with the values under the pointer written above it. */
import { html, useEffect, useRef, useState } from '../dom.js';
import uPlot from 'uplot';
import { theme } from '../theme.js';

const AXIS_FONT = '11px system-ui, sans-serif';
const SHADES = ['--accent', '--run', '--warn', '--error'];

/* A custom property may hold light-dark(): only a real element resolves it to a colour. */
function colour(name) {
    const probe = document.createElement('i');
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
}

function axes(format) {
    const ink = colour('--muted'),
        line = colour('--line-soft');
    const base = {
        stroke: ink,
        font: AXIS_FONT,
        grid: { stroke: line, width: 1 },
        ticks: { show: false },
    };
    const pad = n => String(n).padStart(2, '0');
    const clock = (u, marks, _i, _space, step) =>
        marks.map(s => {
            const d = new Date(s * 1000);
            return (
                `${pad(d.getHours())}:${pad(d.getMinutes())}` +
                (step < 60 ? `:${pad(d.getSeconds())}` : '')
            );
        });
    return [
        { ...base, values: clock, space: 80, size: 28 },
        { ...base, values: (u, marks) => marks.map(format), size: 62, space: 34 },
    ];
}

/** series: [{name, values, shade}], t: seconds. `format` writes one value. */
export function Chart({ title, t, series, format, height = 170 }) {
    const box = useRef(null),
        plot = useRef(null);
    const [at, setAt] = useState(null);
    const names = series.map(s => s.name).join('|');
    const dark = theme.value.dark;
    useEffect(() => {
        const shades = series.map((s, i) => colour(s.shade ?? SHADES[i]));
        plot.current = new uPlot(
            {
                width: box.current.clientWidth || 400,
                height,
                legend: { show: false },
                padding: [8, 8, 0, 0],
                cursor: { points: { size: 6 }, drag: { x: false, y: false }, y: false },
                scales: { y: { range: (u, min, max) => [0, max > 0 ? max * 1.15 : 1] } },
                axes: axes(format),
                series: [
                    {},
                    ...series.map((s, i) => ({
                        label: s.name,
                        stroke: shades[i],
                        width: 1.75,
                        points: { show: false },
                        fill:
                            i === 0 && series.length === 1
                                ? shades[i].replace(/^rgb\((.*)\)$/, 'rgba($1, 0.10)')
                                : undefined,
                    })),
                ],
                hooks: { setCursor: [u => setAt(u.cursor.idx ?? null)] },
            },
            [t, ...series.map(s => s.values)],
            box.current,
        );
        const grow = new ResizeObserver(() => {
            const width = box.current?.clientWidth;
            if (width) plot.current?.setSize({ width, height });
        });
        grow.observe(box.current);
        return () => {
            grow.disconnect();
            plot.current.destroy();
            plot.current = null;
        };
    }, [names, dark, height]);
    useEffect(() => {
        plot.current?.setData([t, ...series.map(s => s.values)]);
    }, [t, series]);

    const idx = at ?? t.length - 1;
    return html`<figure class="chart">
        <figcaption><span class="chart-title">${title}</span>
            <span class="legend">${series.map(
                (s, i) => html`<span>
                <i class=${'swatch s' + SHADES.indexOf(s.shade ?? SHADES[i])}></i>${s.name}
                <b>${format(s.values[idx] ?? null)}</b></span>`,
            )}</span></figcaption>
        <div class="plot" ref=${box} role="img" aria-label=${
            `${title}: ` +
            series.map(s => `${s.name} ${format(s.values.at(-1) ?? null)}`).join(', ')
        }></div>
    </figure>`;
}

/** A line of the last values, for a number's card. */
export function Spark({ values }) {
    const known = values.filter(v => v !== null);
    if (known.length < 2)
        return html`<svg class="spark" viewBox="0 0 100 24" aria-hidden="true"></svg>`;
    const max = Math.max(...known, 1e-9),
        step = 100 / (known.length - 1);
    const points = known.map(
        (v, i) => `${(i * step).toFixed(1)},${(22 - (v / max) * 19).toFixed(1)}`,
    );
    return html`<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none"
        aria-hidden="true">
        <polygon points=${`0,24 ${points.join(' ')} 100,24`} /><polyline
            points=${points.join(' ')} /></svg>`;
}
