/** How somebody else gets the same weights, and how to know that they are the same. */
import { shownOptions } from './config-section.ts';
import { outcomeOf } from './head.ts';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { facts, section } from './section.ts';
import { counted, whole } from './text.ts';

const maxShown = 1_000;

const program = 'npx unet-fleet';

/** Of the run group only what a reader would type again: where it writes and how it is watched are theirs to choose. */
const ofTheRun = new Set(['run.workers']);

export function reproduceSection(report: Report): Html {
  const { record } = report.folder;
  const { finished } = report.course;
  const { interventions } = report;
  const outcome = outcomeOf(report);
  const weights = finished?.weightsSha256;
  return section(
    'reproduce',
    'How to reproduce',
    html`<p>The weights are a function of the config, the data, the seed, ${interventions.length > 0 && 'the changes made since it began, '}and the engine; the number of workers and what happened to them change nothing.</p>
<pre role="region" aria-label="The command" tabindex="0"><code>${commandOf(report)}</code></pre>
${
  interventions.length > 0 &&
  html`<p>With ${counted(interventions.length, 'change')} made since it began, as interventions.json${interventions.length > maxShown && ` (the first ${whole(maxShown)}: the file of the run folder has them all)`}:</p>
<pre role="region" aria-label="interventions.json" tabindex="0"><code>${JSON.stringify({ formatVersion: 1, interventions: interventions.slice(0, maxShown) }, null, 2)}</code></pre>`
}
${weights && outcome === 'stopped' && html`<p>The run was stopped after step ${whole(finished.step)}: its weights are those of a checkpoint of that step, not of the end.</p>`}
${facts([
  ['Seed', String(report.folder.config.train.seed)],
  ['Weights to expect', weights ? html`<code class="hash">${weights}</code>` : 'the run has not ended'],
  ['Identity of the config', html`<code class="hash">${record.identitySha256}</code>`],
  ['Data', html`<code class="hash">${record.dataSha256}</code>`],
  [
    'Versions',
    Object.entries(record.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ],
])}
${isMixed(report) && html`<p class="warn">Workers with different engines took part, so another run need not give the same bits.</p>`}
<p>To check one step against the ledger, with the run folder and the data at hand: <code>${program} replay ${quoted(report.name)} --step ${String(report.course.lastStep?.step ?? 1)}</code></p>`,
  );
}

const isMixed = ({ folder, checkpoint }: Report): boolean =>
  folder.config.engine.allowMixedEngines && (checkpoint?.engines.length ?? 0) > 1;

/** Options that differ from their defaults; threads and device as the run had them, whatever it was asked for. */
function commandOf(report: Report): string {
  const { folder, checkpoint, interventions } = report;
  const engines = checkpoint?.engines ?? [];
  const options = shownOptions(report)
    .filter(({ option, isDefault }) => !isDefault && option.group !== 'engine' && option.group !== 'broker')
    .filter(({ option }) => option.group !== 'run' || ofTheRun.has(option.path))
    .map(({ option, value }): [string, string] => [option.flag, value]);
  const { device, allowMixedEngines } = folder.config.engine;
  const used =
    device !== 'auto' ? device : engines.length === 0 ? null : engines[0]!.device === 'cpu' ? 'cpu' : 'gpu';
  if (used) options.push(['--device', used]);
  options.push(['--threads', String(folder.record.engineThreads)]);
  if (allowMixedEngines) options.push(['--allow-mixed-engines', 'true']);
  if (interventions.length > 0) options.push(['--interventions', 'interventions.json']);
  return [`${program} train`, ...options.map(([flag, value]) => `${flag} ${quoted(value)}`)].join(' \\\n  ');
}

/** As it must be typed in a shell. */
const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
