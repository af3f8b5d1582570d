/**
 * The confusion matrix, each row normalised to its class's true pixels, so that a rare class can be read beside the
 * background: a table with figures where it fits, a drawing with a list of the largest confusions where it does not.
 */
import {
  type CountedCell,
  cellOf,
  mistakesIn,
  occurringClasses,
} from '@unet-fleet/pictures/models/confusion';
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

export function confusionSection(report: Report): Html {
  const title = 'Confusion';
  if (!report.evaluation) return section('confusion', title, absent(noEvaluation));
  const scored = metricsIn(report);
  if (!scored) return section('confusion', title, absent('There are too many classes for a matrix.'));
  const occurring = occurringClasses(scored.metrics.classes).map(({ classIndex }) => classIndex);
  const shown = occurring.slice(0, maxDrawnClasses);
  const draw = shown.length <= maxTableClasses ? matrixTable : drawing;
  const sentence = `Each row is a true class, and its cells are the shares of its pixels that were predicted as each class, at step ${whole(report.evaluation.step)}.`;
  const left =
    occurring.length > shown.length
      ? ` The ${counted(occurring.length - shown.length, 'rarest class', 'rarest classes')} are left out of the drawing.`
      : '';
  return section(
    'confusion',
    title,
    html`<p>${sentence}${left}</p>
${draw(report, scored, shown)}
${mistakes(report, scored)}`,
  );
}

type Scored = NonNullable<ReturnType<typeof metricsIn>>;

function matrixTable(report: Report, { confusion, metrics }: Scored, shown: readonly number[]): Html {
  const caption = 'Confusion matrix: row truth, column prediction, in per cent of the row';
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table class="matrix">
<caption>${caption}</caption>
<thead><tr><th scope="col">truth \\ prediction</th>${shown.map((column) => html`<th scope="col" title="${nameOf(report, column)}">${fitted(nameOf(report, column))}</th>`)}</tr></thead>
<tbody>${shown.map(
    (row) => html`<tr><th scope="row">${classLabel(report, row)}</th>${shown.map((column) => {
      const { share, count } = cellOf(confusion, metrics.classes, { truth: row, prediction: column });
      return html`<td class="${heat(share, row === column)}" title="${whole(count)} pixels">${count === 0 ? '·' : shortShare(share)}</td>`;
    })}</tr>
`,
  )}</tbody>
</table></div>`;
}

const shortShare = (share: number | null): string => {
  const value = 100 * (share ?? 0);
  if (value < 0.1) return '<0.1';
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
};

/** In ten tones: right ones on the diagonal, wrong ones off it. */
const heat = (share: number | null, isRight: boolean): string => {
  const tone =
    share === null || share < leastDrawn ? 0 : Math.max(1, Math.min(10, Math.ceil(Math.sqrt(share) * 10)));
  return `${isRight ? 'right' : 'wrong'}-${tone}`;
};

const cellSize = 13;
/** Of a character, at the most that names take. */
const characterWidth = 6.2;
const leastGutter = 112;

function drawing(report: Report, { confusion, metrics }: Scored, shown: readonly number[]): Html {
  const names = shown.map((classIndex) => fitted(nameOf(report, classIndex)));
  const gutter = Math.max(leastGutter, 10 + characterWidth * Math.max(...names.map((name) => name.length)));
  const side = shown.length * cellSize;
  const size = gutter + side + 4;
  const cells: Html[] = [];
  shown.forEach((truth, row) => {
    shown.forEach((prediction, column) => {
      const { share } = cellOf(confusion, metrics.classes, { truth, prediction });
      if (share === null || share < leastDrawn) return;
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

function mistakes(report: Report, { metrics: { classes, numPixels }, confusion }: Scored): Html {
  const cells = mistakesIn(confusion, classes);
  if (cells.length === 0) return html`<p>Not one pixel was wrong.</p>`;
  const rows = cells.slice(0, maxListed);
  return table<CountedCell>(
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
