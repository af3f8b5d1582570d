/** The whole report: one file that a browser opens from disk, with no script and nothing from elsewhere. */
import { createHash } from 'node:crypto';
import { classesSection } from './classes-section.ts';
import { configSection } from './config-section.ts';
import { confusionSection } from './confusion-section.ts';
import { curvesSection } from './curves-section.ts';
import { faultsSection, ledgerSection } from './faults-section.ts';
import { headOf } from './head.ts';
import { Html, html } from './html.ts';
import { masksSection } from './masks-section.ts';
import type { Report } from './report.ts';
import { reproduceSection } from './reproduce-section.ts';
import { style } from './style.ts';
import { moment } from './text.ts';
import { timelineSection } from './timeline-section.ts';

/** Not even a mistake of ours could load or run anything. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const sections: readonly { id: string; title: string; of: (report: Report) => Html }[] = [
  { id: 'config', title: 'Config', of: configSection },
  { id: 'curves', title: 'Curves', of: curvesSection },
  { id: 'masks', title: 'Masks', of: masksSection },
  { id: 'classes', title: 'Classes', of: classesSection },
  { id: 'confusion', title: 'Confusion', of: confusionSection },
  { id: 'timeline', title: 'Timeline', of: timelineSection },
  { id: 'faults', title: 'Faults', of: faultsSection },
  { id: 'ledger', title: 'Ledger', of: ledgerSection },
  { id: 'reproduce', title: 'How to reproduce', of: reproduceSection },
];

/** The report as a document. */
export function reportPage(report: Report): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="unet-fleet ${report.version}">
<title>Run ${report.name} – unet-fleet</title>
<style>${new Html(style)}</style>
</head>
<body>
${headOf(report)}
<nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>
${sections.map(({ of }) => of(report))}
</main>
<footer><p>Made by unet-fleet ${report.version} on ${moment(report.madeAt)} from the folder of run ${report.name}. Times are UTC.</p></footer>
</body>
</html>
`;
  return page.toString();
}
