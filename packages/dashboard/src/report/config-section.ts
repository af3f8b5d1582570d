/** The run's options: what differs from the defaults first, then all. */
import { configOptions, groupTitles, type Intervention, type OptionInfo, optionValue } from '@unet-fleet/law';
import { type Content, type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { section, table } from './section.ts';
import { compact, moment, whole } from './text.ts';

/** An option with its value as it may be shown. */
export interface ShownOption {
  option: OptionInfo;
  value: string;
  isDefault: boolean;
}

/** Without what must never be shown, and without the passwords that an address can hold. */
export function shownOptions({ folder }: Pick<Report, 'folder'>): ShownOption[] {
  return configOptions
    .filter(({ sensitive }) => !sensitive)
    .map((option) => {
      const value = optionValue(folder.config, option);
      const text = option.format === 'url' ? withoutPassword(String(value)) : String(value);
      return { option, value: text, isDefault: value === option.default };
    });
}

const withoutPassword = (url: string): string => url.replace(/\/\/[^/@]*@/g, '//***@');

export function configSection(report: Report): Html {
  const options = shownOptions(report);
  const changed = options.filter(({ isDefault }) => !isDefault);
  const byDefault = options.filter(({ isDefault }) => isDefault);
  return section(
    'config',
    'Config',
    html`${
      changed.length === 0
        ? html`<p>Every option has its default.</p>`
        : optionTable('Options that differ from their defaults', changed, true)
    }
<details><summary>All ${options.length} options</summary>${optionTable('Options as the run has them', [...changed, ...byDefault].sort(inOrder), false)}</details>
${changesByHand(report)}`,
  );
}

/** They are of the config as much as an option is: the weights depend on them. */
function changesByHand({ interventions }: Report): Html {
  if (interventions.length === 0) return html``;
  const shown = interventions.slice(0, maxShownRates);
  return html`${table(
    'Changes of the run since it began',
    [
      { title: 'From step', isNumber: true, cell: ({ step }) => whole(step) },
      {
        title: 'Learning rate',
        isNumber: true,
        cell: ({ learningRate }) => (learningRate === undefined ? '–' : compact(learningRate)),
      },
      {
        title: 'Instead of',
        isNumber: true,
        cell: ({ learningRate, previousRate }) =>
          learningRate === undefined || previousRate === null ? '–' : compact(previousRate),
      },
      { title: 'Options given anew', cell: ({ options }) => optionsText(options) },
      { title: 'When', cell: ({ at }) => (Number.isNaN(Date.parse(at)) ? '–' : moment(at)) },
      { title: 'By', cell: ({ by }) => by || '–' },
    ],
    shown,
  )}
${
  shown.length < interventions.length &&
  html`<p class="quiet">and ${whole(interventions.length - shown.length)} more in interventions.json of the run folder.</p>`
}`;
}

const optionsText = (options: Intervention['options'] = {}): string =>
  Object.entries(options)
    .map(([key, value]) => `${configOptions.find((option) => option.key === key)?.flag ?? key} ${value}`)
    .join(', ') || '–';

const maxShownRates = 200;

const inOrder = (a: ShownOption, b: ShownOption): number =>
  configOptions.indexOf(a.option) - configOptions.indexOf(b.option);

const optionTable = (caption: string, rows: readonly ShownOption[], hasDefault: boolean): Html =>
  table<ShownOption>(
    caption,
    [
      { title: 'Option', cell: ({ option }) => html`<code>${option.flag}</code>` },
      { title: 'Value', cell: ({ value }) => html`<code>${value === '' ? '–' : value}</code>` },
      hasDefault
        ? { title: 'Default', cell: ({ option }) => defaultText(option) }
        : { title: 'Group', cell: ({ option }) => groupTitles[option.group] },
      { title: 'What it is', cell: ({ option }) => option.doc },
    ],
    rows,
    'options',
  );

const defaultText = ({ default: value }: OptionInfo): Content =>
  value === '' ? '–' : html`<code>${String(value)}</code>`;
