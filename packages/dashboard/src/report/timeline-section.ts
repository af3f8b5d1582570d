/** The course of the run in time: starts, workers, waits, and where the time of the steps went. */

import { describeEvent } from '@unet-fleet/law';
import type { Part } from '@unet-fleet/pictures/models/step-parts';
import type { Course, Start, Stay } from './course.ts';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { absent, label, section, table } from './section.ts';
import type { WorkerTimes } from './step-times.ts';
import { counted, duration, moment, momentOfMs, percent, shortTime, whole } from './text.ts';
import { maxLanes, timelineDrawing } from './timeline.ts';

const maxStays = 60;
const maxWorkers = 60;
const maxRequests = 60;

export function timelineSection(report: Report): Html {
  const { course } = report;
  if (course.starts.num === 0) {
    return section('timeline', 'Timeline', absent('The run has recorded nothing of its course.'));
  }
  const numNames = new Set(course.stays.shown.map(({ worker }) => worker)).size;
  return section(
    'timeline',
    'Timeline',
    html`${timelineDrawing(course)}
${numNames > maxLanes && html`<p class="quiet">The first ${maxLanes} of ${counted(numNames, 'worker')} are drawn.</p>`}
${course.starts.num > 1 && startsTable(course)}
${staysTable(course)}
${requests(course)}
${runTimes(report)}
${stepTimes(course)}
${workerTimes(course)}`,
  );
}

const outcomes: Record<NonNullable<Start['outcome']>, string> = {
  completed: 'completed',
  'early-stopping': 'ended early',
  stopped: 'stopped on request',
};

function startsTable({ starts }: Course): Html {
  const rows = starts.shown.map((start, index) => ({ ...start, index }));
  const last = rows.length - 1;
  return html`${table(
    'Starts of the coordinator',
    [
      { title: 'Start', cell: ({ index }) => index + 1 },
      { title: 'From', cell: ({ fromMs }) => label(momentOfMs(fromMs)) },
      { title: 'For', isNumber: true, cell: ({ fromMs, toMs }) => duration(toMs - fromMs) },
      { title: 'Steps', cell: ({ fromStep, toStep }) => `${whole(fromStep)} to ${whole(toStep)}` },
      {
        title: 'End',
        cell: ({ outcome, index }) =>
          outcome
            ? outcomes[outcome]
            : index === last
              ? 'see above'
              : 'broke off; the next start went on from a checkpoint',
      },
    ],
    rows,
  )}
<p class="quiet">A start that went on from a checkpoint dropped what was recorded after that checkpoint; log.jsonl in the run folder still has it.</p>`;
}

function staysTable({ stays }: Course): Html {
  if (stays.num === 0) return absent('No worker has joined.');
  const rows = stays.shown.toSorted((a, b) => a.fromMs - b.fromMs).slice(0, maxStays);
  return table<Stay>(
    rows.length < stays.num
      ? `The first ${rows.length} of ${whole(stays.num)} stays of workers`
      : 'Workers, from joining to leaving',
    [
      { title: 'Worker', cell: ({ worker }) => label(worker) },
      { title: 'Joined', cell: ({ fromMs }) => label(momentOfMs(fromMs)) },
      { title: 'For', isNumber: true, cell: ({ fromMs, toMs }) => duration(toMs - fromMs) },
      { title: 'Left', cell: ({ reason }) => reason ?? 'stayed to the end of its start' },
    ],
    rows,
  );
}

/** What people wanted of the run while it went on. */
function requests({ interventions }: Course): Html {
  if (interventions.num === 0) return html``;
  const shown = interventions.shown.slice(0, maxRequests);
  return html`<h3>What people asked of the run (${whole(interventions.num)})</h3>
<ul class="events">${shown.map((event) => html`<li><time datetime="${event.at}">${moment(event.at)}</time> ${describeEvent(event)?.text ?? event.type}</li>`)}</ul>
${shown.length < interventions.num && html`<p class="quiet">and ${whole(interventions.num - shown.length)} more in metrics.jsonl of the run folder.</p>`}`;
}

/** Time of the whole run, by what it was spent on. */
function runTimes(report: Report): Html {
  const { steps, validationMs, numValidations, awayMs, activeMs: totalMs } = report.course;
  if (totalMs <= 0) return html``;
  const restMs = Math.max(0, totalMs - steps.totalMs - validationMs);
  const rows = [
    { name: `steps (${whole(steps.numSteps)})`, ms: steps.totalMs },
    { name: `validation (${whole(numValidations)})`, ms: validationMs },
    { name: 'start, checkpoints waited for, and between steps', ms: restMs },
  ];
  const { paused: pausedMs, broker: brokerMs } = awayMs;
  const remarks = [
    pausedMs > 0 && `paused for ${duration(pausedMs)}`,
    brokerMs > 0 && `without its broker for ${duration(brokerMs)}`,
  ].filter(Boolean);
  return html`${table(
    'Where the time of the run went',
    [
      { title: 'What', cell: ({ name }) => name },
      { title: 'Time', isNumber: true, cell: ({ ms }) => duration(ms) },
      { title: 'Share', isNumber: true, cell: ({ ms }) => percent(ms / totalMs) },
    ],
    rows,
  )}${remarks.length > 0 && html`<p class="quiet">Within these times the run was ${remarks.join(' and ')}.</p>`}`;
}

const partNames: Record<Part, string> = {
  fetch: 'weights fetched by workers',
  data: 'waiting for photos to be loaded',
  compute: 'forward and backward pass',
  send: 'gradients handed over',
  reduce: 'gradients fetched and added, after the slowest worker',
  optimize: 'norm, clipping and update',
  wait: 'the rest: waiting for workers, leases, messages',
};

function stepTimes({ steps }: Course): Html {
  const sumMs = steps.parts.reduce((sum, { ms }) => sum + ms, 0);
  if (sumMs <= 0) return absent('Where the time of the steps went was not recorded.');
  let x = 0;
  const pieces = steps.parts.map(({ name, ms }) => {
    const long = (ms / sumMs) * 100;
    const piece = html`<rect class="part-${name}" x="${x.toFixed(2)}" width="${long.toFixed(2)}" height="6"/>`;
    x += long;
    return piece;
  });
  return html`<svg class="parts" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${pieces}</svg>
${table(
  'Where the time of a step went, by its slowest worker (mean)',
  [
    {
      title: 'Part',
      cell: ({ name }) =>
        html`<svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="part-${name}" width="10" height="10" rx="2"/></svg>${partNames[name]}`,
    },
    { title: 'Time', isNumber: true, cell: ({ ms }) => shortTime(ms / steps.numSteps) },
    { title: 'Share', isNumber: true, cell: ({ ms }) => percent(ms / sumMs) },
  ],
  steps.parts,
)}`;
}

function workerTimes({ workers }: Course): Html {
  if (workers.length === 0) return html``;
  const shown = workers.slice(0, maxWorkers);
  const mean = (part: (times: WorkerTimes) => number) => (times: WorkerTimes) =>
    shortTime(part(times) / times.numSteps);
  return table<WorkerTimes>(
    `A step on each worker (mean over its steps)${shown.length < workers.length ? `, the ${shown.length} with most leaves` : ''}`,
    [
      { title: 'Worker', cell: ({ worker }) => label(worker) },
      { title: 'Steps', isNumber: true, cell: ({ numSteps }) => whole(numSteps) },
      { title: 'Leaves', isNumber: true, cell: ({ numLeaves }) => whole(numLeaves) },
      { title: 'Fetch', isNumber: true, cell: mean(({ fetchMs }) => fetchMs) },
      { title: 'Data', isNumber: true, cell: mean(({ dataMs }) => dataMs) },
      { title: 'Compute', isNumber: true, cell: mean(({ computeMs }) => computeMs) },
      { title: 'Send', isNumber: true, cell: mean(({ sendMs }) => sendMs) },
      { title: 'Wait', isNumber: true, cell: mean(({ waitMs }) => waitMs) },
      { title: 'Of its steps it', cell: ({ waits }) => waits.inWords() },
    ],
    shown,
  );
}
