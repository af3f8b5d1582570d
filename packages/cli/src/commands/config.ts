/** `unet-fleet config`: every option with its names, help, unit, default and range; docs/configuration.md is its output. */
import { type GroupName, groupTitles } from '@unet-fleet/law';
import { Command } from 'commander';
import { type OptionRow, optionRows } from '../config-options.ts';
import { type Io, printJson } from '../io.ts';
import { wrap } from '../terminal/format.ts';
import { createScreen, type Screen } from '../terminal/screen.ts';

export const configCommand = (io: Io): Command =>
  new Command('config')
    .option('--json', 'as JSON')
    .option('--markdown', 'as docs/configuration.md')
    .action((flags: { json?: boolean; markdown?: boolean }) => {
      if (flags.json) printJson(io, optionRows());
      else if (flags.markdown) io.stdout.write(configMarkdown(optionRows()));
      else printOptions(createScreen(io.stdout, io.env), optionRows());
    });

const groupsOf = (rows: readonly OptionRow[]): GroupName[] => [...new Set(rows.map(({ group }) => group))];

function printOptions(screen: Screen, rows: readonly OptionRow[]): void {
  for (const group of groupsOf(rows)) {
    screen.print(groupTitles[group], 'bold');
    for (const row of rows.filter((option) => option.group === group)) {
      screen.print(`  ${row.flag}`);
      for (const text of [`${row.help}.`, detailsOf(row), `${row.env}, in a file ${row.key}`]) {
        for (const line of wrap(text, screen.columns - 6)) screen.print(`      ${line}`);
      }
    }
    screen.print('');
  }
}

function detailsOf(row: OptionRow): string {
  const value = row.default === '' ? 'No default' : `Default ${row.default}${row.unit && ` ${row.unit}`}`;
  return `${value}; ${row.allowed}${row.onlyWith && `; only with ${row.onlyWith}`}.`;
}

/** The page docs/configuration.md, whole. */
function configMarkdown(rows: readonly OptionRow[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const code = (text: string) => `\`${text}\``;
  const tables = groupsOf(rows).map((group) => {
    const lines = rows
      .filter((row) => row.group === group)
      .map((row) => {
        const only = row.onlyWith ? ` Only with ${code(row.onlyWith)}.` : '';
        const value = row.default === '' ? '' : code(String(row.default));
        const help = `${row.help[0]!.toUpperCase()}${row.help.slice(1)}.${only}`;
        return `| ${[code(row.flag), code(row.key), cell(help), row.unit, value, cell(row.allowed)].join(' | ')} |`;
      });
    return [
      `## ${groupTitles[group]}`,
      '',
      '| Flag | Key in the config file | What it is | Unit | Default | Allowed |',
      '| --- | --- | --- | --- | --- | --- |',
      ...lines,
      '',
    ].join('\n');
  });
  return `${introduction}\n${tables.join('\n')}`;
}

const introduction = `<!-- Written by \`npx unet-fleet config --markdown > docs/configuration.md\`; a test keeps it current. -->
# Configuration

Every option can be given in three ways. Where several give it, the first in this list counts:

1. a flag: \`--batch-size 8\`
2. an environment variable: \`UNET_FLEET_BATCH_SIZE=8\`. It is the flag in capitals, with \`_\` for \`-\`, after \`UNET_FLEET_\`. An empty one counts as not set.
3. a config file, JSON or YAML, named by \`--config\`:

   \`\`\`yaml
   data:
     images: photos
     masks: masks
     size: 256x192
   train:
     epochs: 12
     batchSize: 8
   \`\`\`

Relative paths start at the folder where the command is run.
An unknown option or key, and a value that is not allowed, end the command with one sentence that names it.
A run folder keeps the whole config that its run was made with; \`--resume\` starts from that. Of the options that the
weights depend on, a run that has begun can be given more or fewer \`--epochs\`, another \`--learning-rate\`,
\`--plateau-patience\`, \`--plateau-factor\` or \`--early-stopping\`, from its next step on: what each does then, and what
becomes of a cosine, is in [checkpoints.md](checkpoints.md#more-epochs-another-rate-more-patience).
`;
