/**
 * `pnpm matrix:files`: every kind of photo and mask file, value and name, and the layouts of public data sets, through
 * the product's commands, each compared with what independent libraries read. Ends with 1 where anything differs.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '@unet-fleet/law';
import { parseArgs } from '../../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../../tools/require.ts';
import type { Cell } from './cell.ts';
import { pythonFolder, pythonWithReaders } from './environment.ts';
import { judgeAll } from './judge-all.ts';
import { printReport, reportOf } from './report.ts';
import { runCommands } from './run-commands.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    keep: { type: 'string' },
    minutes: { type: 'string', default: '30' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const help = `pnpm matrix:files [--only REGEX] [--minutes N] [--keep FOLDER] [--json] [--install] [--allow-missing]
  --only     cells whose names match, such as '^mask--tiff' or '^shape--'
  --minutes  cells that are not begun by then are left out, and said to be; the exit code is 1 then (default 30)
  --keep     write the files there, and leave them (default: a temporary folder)
  --json     figures and failures as JSON
${toolUsage}`;

async function matrix(): Promise<number> {
  const tools = await requireTools('matrix:files', [pythonWithReaders], values);
  const deadlineMs = performance.now() + Number(values.minutes) * 60_000;
  const tell = (text: string) => void process.stderr.write(`${text}\n`);
  const root = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), 'file-matrix-'));
  try {
    const python = tools.pathOf(pythonWithReaders.name);
    const generator = [join(pythonFolder, 'generate.py'), root, '--only', values.only];
    const answer = JSON.parse(execFileSync(python, generator, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
    const cells = JSON.parse(readFileSync(join(root, 'cells.json'), 'utf8')) as Cell[];
    tell(`${cells.length} cells written to ${root}`);
    const looked = await judgeAll(cells, root, deadlineMs, tell);
    const ran = await runCommands(cells, root, deadlineMs, tell);
    const report = reportOf(cells, answer, [...looked, ...ran]);
    if (values.json) console.log(JSON.stringify(report, null, 2));
    else printReport(report);
    return report.failures.length + report.disagreements.length + report.numLeftOut > 0 ? 1 : 0;
  } finally {
    if (!values.keep) rmSync(root, { recursive: true, force: true });
  }
}

if (values.help) console.log(help);
else {
  try {
    process.exitCode = await matrix();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`matrix:files: ${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}
