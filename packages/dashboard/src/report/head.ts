/** The head of the report: what was trained, when, how it ended and how well. */
import { describeModel, modelTitle } from '@unet-fleet/law';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { facts } from './section.ts';
import { compact, counted, duration, moment, percent, score, whole } from './text.ts';

export type Outcome = 'completed' | 'early-stopping' | 'stopped' | 'running' | 'interrupted' | 'not begun';

export function outcomeOf({ course, isRunning }: Report): Outcome {
  if (isRunning) return 'running';
  if (course.finished) return course.finished.reason;
  return course.begun ? 'interrupted' : 'not begun';
}

const isGood: Record<Outcome, boolean> = {
  completed: true,
  'early-stopping': true,
  running: true,
  stopped: false,
  interrupted: false,
  'not begun': false,
};

export function headOf(report: Report): Html {
  const { folder, name, history, course } = report;
  const outcome = outcomeOf(report);
  const { best } = history;
  return html`<header>
<p class="kind">unet-fleet · run report</p>
<h1>Run ${name}</h1>
<p class="outcome ${isGood[outcome] ? 'good' : 'warn'}"><strong>${titleOf(outcome)}</strong> ${sentenceOf(report, outcome)}</p>
${report.missing.map((sentence) => html`<p class="absent">${sentence}</p>`)}
<ul class="figures">
${figure('best mean IoU', best ? score(best.meanIou) : '–', best ? `step ${whole(best.step)}` : course.lastValidation ? 'no validation has a score' : 'no validation yet')}
${figure('validation loss', best ? compact(best.loss) : '–', best ? 'of the same step' : '')}
${figure('steps', whole(course.lastStep?.step ?? 0), `of ${whole(history.numSteps)}`)}
${figure('time', duration(course.activeMs), course.starts.num > 1 ? `in ${counted(course.starts.num, 'start')}` : '')}
</ul>
${facts([
  ['Run', html`<code>${folder.record.runId}</code>`],
  ['Begun', moment(folder.record.createdAt)],
  ['Ended', endText(report)],
  ['Data', dataText(report)],
  ['Model', modelText(report)],
  ['Workers', workersText(report)],
  ['Throughput', speedText(report)],
  ['Engine', engineText(report)],
  ['Weights', weightsText(report)],
])}
</header>`;
}

const figure = (name: string, value: string, remark: string): Html =>
  html`<li><span class="name">${name}</span><span class="value">${value}</span><span class="remark">${remark}</span></li>`;

const titleOf = (outcome: Outcome): string =>
  ({
    completed: 'Completed.',
    'early-stopping': 'Ended early.',
    stopped: 'Stopped on request.',
    running: 'Running.',
    interrupted: 'Interrupted.',
    'not begun': 'Not begun.',
  })[outcome];

function sentenceOf({ course, history, madeAt }: Report, outcome: Outcome): string {
  const { lastStep, lastValidation } = course;
  const where = `step ${whole(lastStep?.step ?? 0)} of ${whole(history.numSteps)}`;
  const last = lastValidation
    ? ` The last validation, at step ${whole(lastValidation.step)}: mean IoU ${score(lastValidation.meanIou)}, pixel accuracy ${percent(lastValidation.pixelAccuracy)}.`
    : ' There was no validation yet.';
  const how = {
    completed: `All ${whole(history.numSteps)} steps are done.`,
    'early-stopping': `The validation no longer improved, so the run ended at ${where}.`,
    stopped: `Somebody stopped it after ${where}; it can be resumed.`,
    running: `It was at ${where} when this report was made, ${moment(madeAt)}.`,
    interrupted: `Its coordinator ended without a word after ${where}; the run can be resumed from its newest checkpoint.`,
    'not begun': 'The run folder is there, and nothing was recorded in it.',
  }[outcome];
  return how + last;
}

function endText(report: Report): string {
  const { course } = report;
  const last = course.lastStart;
  const outcome = outcomeOf(report);
  if (outcome === 'running') return 'not yet';
  return last ? moment(new Date(last.toMs).toISOString()) : 'never started';
}

function dataText({ folder }: Report): string {
  const { split, record } = folder;
  const { train, validation } = split;
  const share = percent(validation.length / Math.max(1, train.length + validation.length), 0);
  return `${counted(train.length, 'photo')} for training, ${whole(validation.length)} (${share}) for validation, ${counted(record.model.numClasses, 'class', 'classes')}, at ${folder.config.data.size || `${folder.config.data.scale} of their size`}`;
}

function modelText({ folder }: Report): string {
  const { model } = folder.record;
  const { numParameters } = describeModel(model);
  return `${modelTitle(model)}, ${whole(numParameters)} parameters`;
}

function workersText({ course }: Report): string {
  const names = new Set(course.stays.shown.map(({ worker }) => worker));
  if (names.size === 0) return 'none has joined yet';
  const lost = course.stays.shown.filter(({ reason }) => reason !== null).length;
  return `${counted(names.size, 'worker')}${lost > 0 ? `; one left or was lost ${counted(lost, 'time')}` : ''}`;
}

function speedText({ course }: Report): string {
  const { numSteps, numImages, totalMs } = course.steps;
  if (totalMs <= 0) return 'no step yet';
  return `${compact((numImages * 1_000) / totalMs)} images/s within steps, ${compact(totalMs / numSteps / 1_000)} s a step`;
}

function engineText({ checkpoint }: Report): Html | string {
  const engines = checkpoint?.engines ?? [];
  if (engines.length === 0) return 'not known: there is no checkpoint that can be read';
  return html`${engines.map(
    ({ library, device, intraOpThreads, decoder, settings }, index) =>
      html`${index > 0 && html`<br>`}${library} on ${device}, ${counted(intraOpThreads, 'thread')}${decoder && `; photos by ${decoder}`}${settings && `; ${settings}`}`,
  )}${engines.length > 1 && html`<br><strong>Engines were mixed: the run is not reproducible.</strong>`}`;
}

function weightsText({ course, checkpoint }: Report): Html | string {
  const { finished } = course;
  const weights = finished
    ? { step: finished.step, sha256: finished.weightsSha256 }
    : checkpoint && { step: checkpoint.step, sha256: checkpoint.weightsSha256 };
  if (!weights) return 'none are kept yet';
  return html`after step ${whole(weights.step)}${!finished && ' (newest checkpoint)'}: sha256 <code class="hash">${weights.sha256}</code>`;
}
