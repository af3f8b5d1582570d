/**
 * The confusion matrix, each row normalised to its class's true pixels, so that a rare class can be read beside the
 * background: a table with figures where it fits, a drawing with a list of the largest confusions where it does not.
 */
import type { Metrics } from '@unet-fleet/shared';
import { classLabel, metricsIn, nameOf, noEvaluation } from './classes-section.ts';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { absent, section, table } from './section.ts';
import { counted, percent, whole } from './text.ts';

const maxTableClasses = 12;
const maxDrawnClasses = 80;
const maxListed = 20;
/** Shares below this are left white. */
const leastDrawn = 0.005;

interface Cell {
  truth: number;
  prediction: number;
  count: number;
  /** Of the true pixels of its row. */
  share: number;
}

interface Matrix {
  /** Class indices: those with most true pixels first; predicted-only ones last. */
  shown: number[];
  numLeftOut: number;
  cell(truth: number, prediction: number): Cell;
}

export function confusionSection(report: Report): Html {
  const title = 'Confusion';
  if (!report.evaluation) return section('confusion', title, absent(noEvaluation));
  const scored = metricsIn(report);
  if (!scored) return section('confusion', title, absent('There are too many classes for a matrix.'));
  const matrix = matrixOf(scored.metrics, scored.confusion);
  const isSmall = matrix.shown.length <= maxTableClasses;
  const sentence = `Each row is a true class, and its cells are the shares of its pixels that were predicted as each class, at step ${whole(report.evaluation.step)}.`;
  const left =
    matrix.numLeftOut > 0
      ? ` The ${counted(matrix.numLeftOut, 'rarest class', 'rarest classes')} are left out of the drawing.`
      : '';
  return section(
    'confusion',
    title,
    html`<p>${sentence}${left}</p>
${isSmall ? matrixTable(report, matrix) : drawing(report, matrix)}
${mistakes(report, scored.metrics, scored.confusion)}`,
  );
}

function matrixOf({ classes }: Metrics, confusion: Float64Array): Matrix {
  const numClasses = classes.length;
  const occurring = classes
    .filter(({ presence }) => presence !== 'absent')
    .sort((a, b) => b.numTruthPixels - a.numTruthPixels || a.classIndex - b.classIndex)
    .map(({ classIndex }) => classIndex);
  return {
    shown: occurring.slice(0, maxDrawnClasses),
    numLeftOut: Math.max(0, occurring.length - maxDrawnClasses),
    cell(truth, prediction) {
      const count = confusion[truth * numClasses + prediction]!;
      const total = classes[truth]!.numTruthPixels;
      return { truth, prediction, count, share: total > 0 ? count / total : 0 };
    },
  };
}

function matrixTable(report: Report, { shown, cell }: Matrix): Html {
  const caption = 'Confusion matrix: row truth, column prediction, in per cent of the row';
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table class="matrix">
<caption>${caption}</caption>
<thead><tr><th scope="col">truth \\ prediction</th>${shown.map((column) => html`<th scope="col" title="${nameOf(report, column)}">${fitted(nameOf(report, column))}</th>`)}</tr></thead>
<tbody>${shown.map(
    (row) => html`<tr><th scope="row">${classLabel(report, row)}</th>${shown.map((column) => {
      const { share, count } = cell(row, column);
      return html`<td class="${heat(share, row === column)}" title="${whole(count)} pixels">${count === 0 ? '·' : shortShare(share)}</td>`;
    })}</tr>
`,
  )}</tbody>
</table></div>`;
}

const shortShare = (share: number): string => {
  const value = 100 * share;
  if (value < 0.1) return '<0.1';
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
};

/** In ten tones: right ones on the diagonal, wrong ones off it. */
const heat = (share: number, isRight: boolean): string => {
  const tone = share < leastDrawn ? 0 : Math.max(1, Math.min(10, Math.ceil(Math.sqrt(share) * 10)));
  return `${isRight ? 'right' : 'wrong'}-${tone}`;
};

const cellSize = 13;
/** Of a character, at the most that names take. */
const characterWidth = 6.2;
const leastGutter = 112;

function drawing(report: Report, { shown, cell }: Matrix): Html {
  const names = shown.map((classIndex) => fitted(nameOf(report, classIndex)));
  const gutter = Math.max(leastGutter, 10 + characterWidth * Math.max(...names.map((name) => name.length)));
  const side = shown.length * cellSize;
  const size = gutter + side + 4;
  const cells: Html[] = [];
  shown.forEach((truth, row) => {
    shown.forEach((prediction, column) => {
      const { share } = cell(truth, prediction);
      if (share < leastDrawn) return;
      cells.push(
        html`<rect class="${heat(share, truth === prediction)}" x="${gutter + column * cellSize}" y="${gutter + row * cellSize}" width="${cellSize}" height="${cellSize}"><title>${nameOf(report, truth)} as ${nameOf(report, prediction)}: ${percent(share)}</title></rect>
`,
      );
    });
  });
  const words = `Confusion matrix of ${counted(shown.length, 'class', 'classes')} as a heat map, row truth and column prediction; the table below lists its largest confusions.`;
  return html`<div class="scroll" role="region" aria-label="Confusion matrix" tabindex="0"><svg class="heat-map" viewBox="0 0 ${size} ${size}" role="img" aria-label="${words}">
<g class="names">${names.map((name, index) => {
    const middle = gutter + (index + 0.5) * cellSize + 3.2;
    return html`<text x="${gutter - 5}" y="${middle}" text-anchor="end">${name}</text><text transform="translate(${middle} ${gutter - 5}) rotate(-90)">${name}</text>`;
  })}<text class="axis-name" x="${gutter - 5}" y="${gutter - 6}" text-anchor="end">truth ↓ prediction →</text></g>
${cells}
<rect class="frame" x="${gutter}" y="${gutter}" width="${side}" height="${side}"/>
</svg></div>
<p class="quiet">Blue: right; orange: wrong; the stronger the colour, the larger the share of the row. Cells below ${percent(leastDrawn)} are left out.</p>`;
}

const fitted = (name: string): string => (name.length > 16 ? `${name.slice(0, 15)}…` : name);

function mistakes(report: Report, { classes, numPixels }: Metrics, confusion: Float64Array): Html {
  const cells: Cell[] = [];
  for (const { classIndex: truth, numTruthPixels } of classes) {
    if (numTruthPixels === 0) continue;
    for (let prediction = 0; prediction < classes.length; prediction++) {
      const count = confusion[truth * classes.length + prediction]!;
      if (count > 0 && prediction !== truth)
        cells.push({ truth, prediction, count, share: count / numTruthPixels });
    }
  }
  if (cells.length === 0) return html`<p>Not one pixel was wrong.</p>`;
  cells.sort((a, b) => b.count - a.count);
  const rows = cells.slice(0, maxListed);
  return table<Cell>(
    `The ${rows.length < cells.length ? `${rows.length} largest of ${whole(cells.length)}` : 'largest'} confusions, by pixels`,
    [
      { title: 'Truth', cell: ({ truth }) => classLabel(report, truth) },
      {
        title: 'Predicted as',
        cell: ({ prediction }) => classLabel(report, prediction),
      },
      { title: 'Pixels', isNumber: true, cell: ({ count }) => whole(count) },
      { title: 'Of the class', isNumber: true, cell: ({ share }) => percent(share) },
      { title: 'Of all pixels', isNumber: true, cell: ({ count }) => percent(count / numPixels, 2) },
    ],
    rows,
  );
}
