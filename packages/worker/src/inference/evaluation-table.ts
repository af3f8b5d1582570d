/** An evaluation as text for the terminal: the scores beside those of the baseline, then one line per class. */
import { type ClassMetrics, classMeans, classScoreNames, classScores } from '@unet-fleet/law';
import type { EvaluationReport } from './evaluate.ts';

/** The policy for absent classes in one sentence; also part of the JSON. */
export const absentPolicy =
  'Means are over the classes that occur in truth or prediction. A class that was predicted but is nowhere in the truth scores 0; one that occurs in neither has no score and does not count.';

/**
 * Lines of plain text. Classes are sorted by IoU, best first; those only predicted follow, and absent ones are listed
 * by name below.
 */
export function formatEvaluation(report: EvaluationReport): string {
  const { metrics, classNames } = report;
  const scored = metrics.classes.filter(({ presence }) => presence !== 'absent').sort(byIou);
  const absent = metrics.classes.filter(({ presence }) => presence === 'absent');
  const lines = [
    `model   ${printable(report.modelName)}`,
    `images  ${report.numImages}, ${metrics.numPixels} pixels that count`,
    ...(report.numNotFinite > 0 ? [notFiniteLine(report)] : []),
    ...(metrics.numPixels === 0 ? ['        no pixel counts, so there is no score'] : []),
    '',
    ...aligned(summaryRows(report), 'lrr'),
    '',
    ...aligned(classRows(scored, report), `rl${'r'.repeat(classScoreNames.length)}r`),
  ];
  if (absent.length > 0) {
    const names = absent.map(({ classIndex }) => printable(classNames[classIndex]!)).join(', ');
    lines.push('', `absent from truth and prediction (${absent.length}): ${names}`);
  }
  if (scored.some(({ presence }) => presence === 'predicted-only')) {
    lines.push('', '* predicted, but nowhere in the truth');
  }
  lines.push(
    '',
    `Means are over the ${metrics.numClassesCounted} classes of the table, each counting alike.`,
  );
  return lines.join('\n');
}

const notFiniteLine = ({ numNotFinite, numImages }: EvaluationReport): string =>
  `        ${numNotFinite === numImages ? 'all' : numNotFinite} of them left out: their loss is not a finite number, so the weights have most likely diverged`;

function summaryRows({ loss, hasClassWeights, metrics, classNames }: EvaluationReport): string[][] {
  const { baseline } = metrics;
  return [
    ['', 'model', `always "${printable(classNames[baseline.classIndex]!)}"`],
    [hasClassWeights ? 'loss (class weights)' : 'loss', loss === null ? '-' : loss.toFixed(4), ''],
    ['pixel accuracy', percent(metrics.pixelAccuracy), percent(baseline.pixelAccuracy)],
    ...classMeans.map(({ name, title }) => [title, score(metrics[name]), score(baseline[name])]),
  ];
}

function classRows(classes: ClassMetrics[], { metrics, classNames }: EvaluationReport): string[][] {
  const rows = classes.map((scored) => [
    String(scored.classIndex),
    printable(classNames[scored.classIndex]!) + (scored.presence === 'predicted-only' ? ' *' : ''),
    ...classScoreNames.map((name) => score(scored[name])),
    percent(scored.numTruthPixels / metrics.numPixels),
  ]);
  const titles = classScoreNames.map((name) => classScores[name].title);
  return [['class', 'name', ...titles, 'of truth'], ...rows];
}

/** Best first; among equals (most often 0) the one with more pixels, as it matters more. */
const byIou = (a: ClassMetrics, b: ClassMetrics): number =>
  b.iou! - a.iou! || b.numTruthPixels - a.numTruthPixels || a.classIndex - b.classIndex;

const score = (value: number | null): string => (value === null ? '-' : value.toFixed(3));

function percent(share: number | null): string {
  if (share === null) return '-';
  if (!(share > 0)) return '0 %';
  const value = share * 100;
  return value < 0.01 ? '<0.01 %' : `${value.toFixed(value < 1 ? 2 : 1)} %`;
}

/** Names without control characters, which could move the terminal's cursor, and not longer than a column. */
function printable(name: string): string {
  const characters = Array.from(name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' '));
  return characters.length > 40 ? `${characters.slice(0, 39).join('')}…` : characters.join('');
}

/** Columns of one width each, aligned left or right. */
function aligned(rows: string[][], columns: string): string[] {
  const widths = Array.from(columns, (_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        columns[column] === 'l' ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}
