/**
 * Who was there when, as a drawing: a lane for the coordinator and one for each worker over the time that a coordinator was
 * at work. The time between two of its starts, which may be a week, is a narrow gap.
 */
import type { Course, Start, Stay, Wait } from './course.ts';
import { type Html, html } from './html.ts';
import { counted, duration } from './text.ts';

const width = 760;
const left = 120;
const right = width - 14;
const laneHeight = 18;
const top = 8;
const gap = 14;
export const maxLanes = 24;

export function timelineDrawing({ starts, stays, waits }: Course): Html {
  const place = placeOf(starts.shown);
  const lanes = lanesOf(stays.shown);
  const bottom = top + (lanes.length + 1) * laneHeight;
  const height = bottom + 24;
  const words = `Lanes over time: ${counted(starts.num, 'start')} of the coordinator, ${counted(lanes.length, 'worker')}; the table below says the same.`;
  return html`<div class="scroll" role="region" aria-label="Timeline" tabindex="0"><svg class="timeline" viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}">
${axisOf(starts.shown, place, bottom)}
${laneName('coordinator', 0)}
${starts.shown.map((start) => bar('start', start, 0, place))}
${waits.shown.map((wait) => bar(wait.kind, wait, 0, place))}
${lanes.map(([worker, own], index) => html`${laneName(worker, index + 1)}${own.map((stay) => stayOf(stay, index + 1, place))}`)}
</svg></div>
<p class="legend"><span><svg class="key" viewBox="0 0 18 8" aria-hidden="true"><rect class="start" width="18" height="8"/></svg>coordinator</span>${keysOf(waits.shown)}<span><svg class="key" viewBox="0 0 18 8" aria-hidden="true"><rect class="stay" width="18" height="8"/></svg>worker</span><span><svg class="key" viewBox="0 0 18 8" aria-hidden="true"><path class="loss" d="M6 1l6 6m0-6l-6 6"/></svg>left or lost</span></p>`;
}

const waitNames: Record<Wait['kind'], string> = {
  broker: 'broker away',
  paused: 'paused',
  validation: 'validation',
};

const keysOf = (waits: readonly Wait[]): Html[] =>
  (Object.keys(waitNames) as Wait['kind'][])
    .filter((kind) => waits.some((wait) => wait.kind === kind))
    .map(
      (kind) =>
        html`<span><svg class="key" viewBox="0 0 18 8" aria-hidden="true"><rect class="start" width="18" height="8"/><rect class="${kind}" width="18" height="8"/></svg>${waitNames[kind]}</span>`,
    );

/** By worker, in the order of their first coming; only so many as can be looked at. */
function lanesOf(stays: readonly Stay[]): [string, Stay[]][] {
  const lanes = new Map<string, Stay[]>();
  for (const stay of stays.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const own = lanes.get(stay.worker);
    if (own) own.push(stay);
    else if (lanes.size < maxLanes) lanes.set(stay.worker, [stay]);
  }
  return [...lanes];
}

type Place = (ms: number) => number;

/** Time is to scale within the starts; what lies between them has the width of a gap. */
function placeOf(starts: readonly Start[]): Place {
  const totalMs = Math.max(
    1,
    starts.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
  );
  const gaps = Math.min(gap, (right - left) / 3 / Math.max(1, starts.length));
  const room = right - left - gaps * Math.max(0, starts.length - 1);
  return (ms) => {
    let x = left;
    for (const [index, { fromMs, toMs }] of starts.entries()) {
      if (index > 0) {
        if (ms < fromMs) return x;
        x += gaps;
      }
      if (ms <= toMs) return x + (room * Math.max(0, ms - fromMs)) / totalMs;
      x += (room * (toMs - fromMs)) / totalMs;
    }
    return x;
  };
}

const laneName = (name: string, lane: number): Html =>
  html`<text x="${left - 8}" y="${top + lane * laneHeight + 13}" text-anchor="end">${name.length > 17 ? `${name.slice(0, 16)}…` : name}</text>`;

function bar(
  look: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
  lane: number,
  place: Place,
): Html {
  const from = place(fromMs);
  const long = Math.max(1, place(toMs) - from);
  return html`<rect class="${look}" x="${round(from)}" y="${top + lane * laneHeight + 3}" width="${round(long)}" height="${laneHeight - 6}"/>`;
}

function stayOf(stay: Stay, lane: number, place: Place): Html {
  const x = round(place(stay.toMs));
  const y = top + lane * laneHeight + laneHeight / 2;
  const loss =
    stay.reason !== null &&
    html`<path class="loss" d="M${x - 3} ${y - 3}l6 6m0-6l-6 6"><title>${stay.worker}: ${stay.reason}</title></path>`;
  return html`${bar('stay', stay, lane, place)}${loss}
`;
}

const tickMs = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
].map((seconds) => seconds * 1_000);

/** Ticks at round times of work, from the first start on. */
function axisOf(starts: readonly Start[], place: Place, bottom: number): Html {
  const totalMs = starts.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  const every = tickMs.find((ms) => totalMs / ms <= 7) ?? Math.ceil(totalMs / 7 / 86_400_000) * 86_400_000;
  const ticks: Html[] = [];
  let beforeMs = 0;
  for (const { fromMs, toMs } of starts) {
    const firstMs = Math.ceil(beforeMs / every) * every;
    for (let workedMs = firstMs; workedMs <= beforeMs + toMs - fromMs; workedMs += every) {
      const x = round(place(fromMs + workedMs - beforeMs));
      ticks.push(
        html`<path d="M${x} ${top}V${bottom}"/><text x="${x}" y="${bottom + 15}" text-anchor="middle">${tickText(workedMs)}</text>`,
      );
    }
    beforeMs += toMs - fromMs;
  }
  return html`<g class="grid">${ticks}</g>`;
}

const tickText = (ms: number): string => {
  if (ms === 0) return '0';
  if (ms % 86_400_000 === 0) return `${ms / 86_400_000}d`;
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  return ms % 60_000 === 0 && ms < 3_600_000 ? `${ms / 60_000}m` : duration(ms);
};

const round = (value: number): number => Math.round(value * 10) / 10;
