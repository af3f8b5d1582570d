/** What went wrong and what was done about it, and what the ledger says of the answers. */

import { describeEvent } from '@unet-fleet/law';
import type { LedgerSummary, NotableLeaf } from '@unet-fleet/record';
import { type Fault, type FaultType, faultTypes } from './course.ts';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { absent, label, section, table } from './section.ts';
import { bytes, compact, counted, duration, moment, percent, shortTime, whole } from './text.ts';

const maxShown = 20;

const titles: Record<FaultType, string> = {
  'worker-left': 'Workers that left or were lost',
  'worker-late': 'Late answers',
  'lease-repeated': 'Leaves that were given to another worker as well',
  'worker-set-aside': 'Workers set aside',
  'broker-lost': 'Connection to the broker lost',
  'message-rejected': 'Messages that were not used',
  'leaf-skipped': 'Leaves left out, because their numbers were not finite',
  'leaf-retried': 'Leaves computed again in float32, because their numbers in bf16 were not finite',
  'gradient-outlier': 'Leaves with an unusual gradient',
  'checkpoint-failed': 'Checkpoints that could not be written',
  warning: 'Warnings',
};

export function faultsSection({ course, numDamagedLines }: Report): Html {
  const found = faultTypes.flatMap((type) => {
    const list = course.faults.get(type);
    return list ? [{ type, ...list }] : [];
  });
  const remarks = [
    course.numNonFiniteSteps > 0 &&
      html`<p class="warn">The loss of ${counted(course.numNonFiniteSteps, 'step')} was not a finite number.</p>`,
    numDamagedLines > 0 &&
      html`<p class="quiet">${counted(numDamagedLines, 'line')} of metrics.jsonl could not be read.</p>`,
  ];
  if (found.length === 0) {
    return section(
      'faults',
      'Faults',
      html`${absent('Nothing went wrong that the run has noticed.')}${remarks}`,
    );
  }
  return section(
    'faults',
    'Faults',
    html`${remarks}${found.map(
      ({ type, shown, num }) => html`<h3>${titles[type]} (${whole(num)})</h3>
<ul class="events">${shown.slice(0, maxShown).map(faultItem)}</ul>
${num > maxShown && html`<p class="quiet">and ${whole(num - maxShown)} more in metrics.jsonl of the run folder.</p>`}`,
    )}`,
  );
}

const faultItem = (fault: Fault): Html =>
  html`<li><time datetime="${fault.at}">${moment(fault.at)}</time> ${sentenceOf(fault)}</li>
`;

const sentenceOf = (fault: Fault): string => {
  const { text } = describeEvent(fault) ?? { text: fault.type };
  return text.replace(/^warning: /, '');
};

export function ledgerSection({ ledger }: Report): Html {
  if (!ledger) {
    return section('ledger', 'Ledger', absent('The run folder holds no ledger that can be read.'));
  }
  const { firstStep, lastStep, numLeaves, numBytes, medianStepMs, workers } = ledger;
  return section(
    'ledger',
    'Ledger',
    html`<p>Steps ${whole(firstStep)} to ${whole(lastStep)}, ${counted(numLeaves, 'leaf', 'leaves')}, ${bytes(numBytes)} of gradients fetched from workers, ${shortTime(medianStepMs)} a step (median). ${integrity(ledger)}</p>
${table(
  'Who computed what',
  [
    { title: 'Worker', cell: ({ worker }) => label(worker) },
    { title: 'Leaves', isNumber: true, cell: ({ numLeaves: own }) => whole(own) },
    { title: 'Share', isNumber: true, cell: ({ share }) => percent(share) },
    { title: 'Answers', isNumber: true, cell: ({ numAnswers }) => whole(numAnswers) },
    { title: 'Fetched', isNumber: true, cell: ({ numBytes: own }) => bytes(own) },
    { title: 'Answer after (median)', isNumber: true, cell: ({ arrivedMs }) => shortTime(arrivedMs) },
  ],
  workers.slice(0, 60),
)}
${workers.length > 60 && html`<p class="quiet">and ${counted(workers.length - 60, 'worker')} more.</p>`}
${list(
  'Rejected answers',
  ledger.rejected.map(({ worker, reason, count }) => `${worker}: ${whole(count)} ${reason}`),
)}
${list(
  'Leaves leased again',
  ledger.repeated.map(
    ({ worker, reason, numLeaves: own, steps }) =>
      `${counted(own, 'leaf', 'leaves')} of ${worker} (${reason}), in step ${steps.join(', ')}`,
  ),
)}
${list('Skipped leaves: loss or gradient not finite', ledger.skipped.map(leafText))}
${list(
  'Leaves with an unusual gradient: look at their masks',
  ledger.outliers.map(
    (leaf) => `${leafText(leaf)}: norm ${compact(leaf.norm)}, the usual is ${compact(leaf.median)}`,
  ),
)}`,
  );
}

function integrity({ missing, numDamagedLines, numStaleLines, numStarts, totalMs }: LedgerSummary): string {
  const faults = [
    missing.length > 0 &&
      `it misses ${missing.map(({ first, last }) => (first === last ? `step ${first}` : `steps ${first} to ${last}`)).join(', ')}`,
    numDamagedLines > 0 && `${counted(numDamagedLines, 'line')} are damaged`,
    numStaleLines > 0 && `${counted(numStaleLines, 'line')} are of a coordinator that another had replaced`,
  ].filter(Boolean);
  const whole = `Written by ${counted(numStarts, 'start')} of the coordinator over ${duration(totalMs)} of steps`;
  return faults.length === 0 ? `${whole}; no step is missing.` : `${whole}; ${faults.join('; ')}.`;
}

const leafText = ({ step, leaf, worker, samples }: NotableLeaf): string =>
  `step ${step}, leaf ${leaf} (${samples.join(', ')}), computed by ${worker}`;

function list(title: string, lines: readonly string[]): Html {
  if (lines.length === 0) return html``;
  return html`<h3>${title} (${whole(lines.length)})</h3><ul class="events">${lines.slice(0, maxShown).map((line) => html`<li>${line}</li>`)}</ul>${
    lines.length > maxShown &&
    html`<p class="quiet">and ${whole(lines.length - maxShown)} more: <code>unet-fleet ledger --json</code> has them all.</p>`
  }`;
}
