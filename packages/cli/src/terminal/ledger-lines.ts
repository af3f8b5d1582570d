/** A ledger as people read it. Pure. */

import { bytes, leavesOf } from '@unet-fleet/law';
import type { LedgerLine, LedgerSummary, NotableLeaf } from '@unet-fleet/record';

export interface LedgerStep extends LedgerLine {
  /** Ids of the samples of each leaf. */
  samples: string[][];
  /** They are not those that the line has the hash of. */
  hasOtherSamples: boolean;
}

import { compact, counted, duration, facts, lossText, seconds, whole } from './format.ts';

/** Leaves shown of each kind; --json has them all. */
const maxShown = 10;

export function summaryLines(summary: LedgerSummary, columns: number): string[] {
  const { firstStep, lastStep, numLeaves, numBytes, totalMs, medianStepMs, numStarts } = summary;
  const rows: [string, string][] = [
    ['steps', `${whole(firstStep)} to ${whole(lastStep)}, ${counted(numLeaves, 'leaf', 'leaves')}`],
    ['time', `${duration(totalMs)}, ${seconds(medianStepMs)} a step (median)`],
    ['gradients', `${bytes(numBytes)} fetched from workers`],
    ['coordinator', counted(numStarts, 'start')],
  ];
  for (const { first, last } of summary.missing) {
    rows.push(['missing', first === last ? `step ${first}` : `steps ${first} to ${last}`]);
  }
  if (summary.numDamagedLines > 0) rows.push(['damaged', counted(summary.numDamagedLines, 'line')]);
  if (summary.numStaleLines > 0) {
    rows.push([
      'replaced',
      `${counted(summary.numStaleLines, 'line')} of a coordinator that another had replaced`,
    ]);
  }
  return [
    ...facts(rows, columns),
    '',
    'workers',
    ...workerTable(summary),
    ...section(
      'rejected answers',
      summary.rejected.map(({ worker, reason, count }) => `${worker}: ${whole(count)} ${reason}`),
    ),
    ...section(
      'leaves leased again',
      summary.repeated.map(
        ({ worker, reason, numLeaves: count, steps }) =>
          `${counted(count, 'leaf', 'leaves')} of ${worker} (${reason}), in step ${steps.join(', ')}`,
      ),
    ),
    ...section('skipped leaves: loss or gradient not finite', summary.skipped.map(notable)),
    ...section(
      'leaves with an unusual gradient',
      summary.outliers.map(
        (leaf) => `${notable(leaf)}: norm ${compact(leaf.norm)}, the usual is ${compact(leaf.median)}`,
      ),
    ),
  ];
}

const notable = ({ step, leaf, worker, samples }: NotableLeaf): string =>
  `step ${step}, leaf ${leaf} (${samples.join(', ')}), computed by ${worker}`;

function section(title: string, lines: string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length - maxShown;
  return [
    '',
    title,
    ...lines.slice(0, maxShown).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${whole(more)} more: --json has them all`] : []),
  ];
}

function workerTable({ workers }: LedgerSummary): string[] {
  const rows = workers.map(({ worker, numLeaves, share, numBytes, arrivedMs }) => [
    worker,
    `${counted(numLeaves, 'leaf', 'leaves')} (${(share * 100).toFixed(1)} %)`,
    bytes(numBytes),
    `answers after ${seconds(arrivedMs)}`,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}

/** One step in full. */
export function stepLines(step: LedgerStep): string[] {
  const { weightSum, lossSum, answers, numLeaves, samples } = step;
  const loss = weightSum > 0 ? lossSum / weightSum : 0;
  const lines = [
    `step ${step.step} (epoch ${step.epoch}, its step ${step.stepInEpoch}), committed ${step.at} by start ${step.term}`,
    `  loss ${lossText(loss)}, learning rate ${compact(step.learningRate)}, gradient norm ${compact(step.gradientNorm)}`,
    `  ${counted(numLeaves, 'leaf', 'leaves')}, ${whole(weightSum)} valid pixels or their weight, ${bytes(step.numBytes)}, ${seconds(step.durationMs)}`,
    `  gradient ${step.gradientSha256}`,
    ...(step.firstPass ? [`  sums     ${step.firstPass.totalsSha256}`] : []),
    `  samples  ${step.samplesSha256}${step.hasOtherSamples ? ' (NOT those that the plan gives, which are listed)' : ''}`,
  ];
  for (const { node, worker, workerId, arrivedMs, sha256, leaves, alsoFrom } of answers) {
    lines.push(`  node ${node.level}:${node.index} of ${worker} (${workerId}) after ${seconds(arrivedMs)}`);
    lines.push(`    ${sha256 ?? 'no hash: parts of it came from elsewhere'}`);
    if (alsoFrom.length > 0) lines.push(`    with parts from ${alsoFrom.join(', ')}`);
    leavesOf(node, numLeaves).forEach((leaf, i) => {
      const sums = leaves[i];
      const figures = sums?.isFinite ? leafFigures(sums) : 'not finite';
      lines.push(`    leaf ${leaf}: ${figures}; ${(samples[leaf] ?? []).join(', ')}`);
    });
  }
  for (const { node, from } of step.parts) {
    lines.push(`  part of node ${node.level}:${node.index} from ${from.join(', ')}`);
  }
  for (const { worker, reason, count } of step.rejected)
    lines.push(`  rejected: ${count} ${reason} of ${worker}`);
  for (const { leaves, worker, reason } of step.repeated) {
    lines.push(`  leased again: leaves ${leaves.join(', ')} of ${worker} (${reason})`);
  }
  if (step.skippedLeaves.length > 0) lines.push(`  skipped: leaves ${step.skippedLeaves.join(', ')}`);
  return lines;
}

/** Means over the leaf's valid pixels, as for the step. */
function leafFigures({
  lossSum,
  gradientNorm,
  weightSum,
}: LedgerStep['answers'][number]['leaves'][number]): string {
  if (weightSum <= 0) return 'no valid pixel';
  return `loss ${lossText(lossSum / weightSum)}, gradient norm ${compact(gradientNorm / weightSum)}`;
}
