/** Photos with truth, prediction and error, and how the predictions of a few came to be. */

import { ignoredSwatch, nameOf, swatch } from './classes-section.ts';
import { type Html, html } from './html.ts';
import type { PhotoRow, Picture, Progress, Report } from './report.ts';
import { absent, section } from './section.ts';
import { percent, score, whole } from './text.ts';

export function masksSection(report: Report): Html {
  const { masks } = report;
  const title = 'Masks';
  if (!masks || masks.rows.length === 0) {
    const sentence =
      'No predictions were kept: the run has not validated yet, nobody followed a photo, or an older version made it.';
    return section('masks', title, absent(sentence));
  }
  return section(
    'masks',
    title,
    html`<p>Followed validation photos at step ${whole(masks.step)}${masks.step === report.history.best?.step && ', the best validation'}. Wrong pixels are red in the error${masks.hasIgnored && '; pixels that do not count are white in the truth'}.</p>
${masks.withoutPhotos !== '' && absent(masks.withoutPhotos)}
<ul class="legend classes">${masks.labels.map((label) => html`<li>${swatch(label)}${nameOf(report, label)}</li>`)}${masks.hasIgnored && html`<li>${ignoredSwatch}does not count</li>`}</ul>
<div class="photos">${masks.rows.map(photoRow)}</div>
${masks.progress.length > 0 && html`<h3>Getting better</h3>${masks.progress.map(progressStrip)}`}`,
  );
}

function photoRow({ sampleId, photo, truth, prediction, error, accuracy }: PhotoRow): Html {
  const panels: [string, Picture | null, string][] = [
    ['Photo', photo, `Photo ${sampleId}`],
    ['Truth', truth, `True classes of ${sampleId}, in the colours of the legend`],
    ['Prediction', prediction, `Predicted classes of ${sampleId}, in the colours of the legend`],
    [
      'Error',
      error,
      `Wrong pixels of ${sampleId} in red: ${accuracy === null ? 'share unknown' : `${percent(1 - accuracy)} of the pixels`}`,
    ],
  ];
  return html`<article class="photo"><h3>${sampleId}${accuracy !== null && html` <small>${percent(accuracy)} of its pixels right</small>`}</h3>
<div class="panels">${panels.map(([name, picture, words]) => picture && figureOf(picture, name, words))}</div></article>`;
}

const figureOf = ({ source, width, height, isExact }: Picture, caption: string, words: string): Html =>
  html`<figure><img src="${source}" width="${width}" height="${height}"${isExact && html` class="exact"`} alt="${words}"><figcaption>${caption}</figcaption></figure>
`;

function progressStrip({ sampleId, steps }: Progress): Html {
  return html`<article class="photo"><h4>${sampleId}</h4><div class="panels strip">${steps.map(
    ({ step, meanIou, prediction }) =>
      figureOf(
        prediction,
        `step ${whole(step)}, mean IoU ${score(meanIou)}`,
        `Predicted classes of ${sampleId} after step ${step}`,
      ),
  )}</div></article>`;
}
