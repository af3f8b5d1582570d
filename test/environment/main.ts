/**
 * `pnpm matrix:environment`: every command in each situation that terminals, signals, disks, homes and limits make, held
 * against one table. Prints what differs; exit code 0 only if nothing does.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from '../tools/arguments.ts';
import { program, programsOf, root } from '../tools/known.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { endCells } from './cell.ts';
import { makeFixture } from './fixture.ts';
import { type CellReport, runMatrix } from './matrix.ts';
import { situations } from './situations.ts';
import { cells } from './table.ts';

const usage = `Usage: pnpm matrix:environment [options]
  --only <text>     cells whose situation or command has it; may be given several times
  --list            print the cells and what is expected, and run none
  --at-once <n>     cells that run at a time (default 2)
  --minutes <n>     no cell begins after this (default 60)
  --seconds <n>     a cell that takes longer has failed (default 120)
  --json            print the figures as JSON
${toolUsage}`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    list: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '2' },
    minutes: { type: 'string', default: '60' },
    seconds: { type: 'string', default: '120' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const tell = (text: string) => process.stderr.write(`${text}\n`);
const all = cells();
const chosen = all.filter(({ situation, command }) =>
  values.only.every((text) => situation.includes(text) || command.includes(text)),
);
const isRoot = process.getuid?.() === 0;
const needsRoot = new Set(situations.filter((situation) => situation.needsRoot).map(({ name }) => name));
const wanted = chosen.filter(({ situation }) => isRoot || !needsRoot.has(situation));
if (values.list) {
  for (const { situation, command, expected } of wanted) {
    console.log(
      `${situation} · ${command}: ${[expected.code].flat().join(' or ')} ${expected.says?.source ?? ''}`,
    );
  }
  process.exit(0);
}
const numForRoot = chosen.filter(({ situation }) => needsRoot.has(situation)).length;
await requireTools(
  'matrix:environment',
  [
    program('python3', 'pseudo-terminals'),
    ...programsOf('coreutils', ['mkfifo', 'chown', 'nohup'], 'pipes and folders of others'),
    ...programsOf('util-linux', isRoot ? ['prlimit', 'setpriv', 'unshare'] : ['prlimit'], 'limits and users'),
    ...(numForRoot === 0
      ? []
      : [{ ...root(`${numForRoot} cells of users and disks`), part: `${numForRoot} cells that need root` }]),
  ],
  values,
);

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-matrix-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
process.on('exit', () => {
  endCells(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
// Cells of another user must get there.
chmodSync(folder, 0o755);
const startedAtMs = performance.now();
const fixture = makeFixture(folder);
tell(`${wanted.length} cells; data and a run made in ${seconds(performance.now() - startedAtMs)} s`);
let numDone = 0;
const reports = await runMatrix(wanted, {
  fixture,
  folder,
  numAtOnce: Number(values['at-once']),
  limitMs: Number(values.seconds) * 1000,
  deadlineMs: startedAtMs + Number(values.minutes) * 60_000,
  onReport: (report) => {
    numDone++;
    if (report.failures.length > 0) tell(textOf(report));
    else if (numDone % 25 === 0) tell(`${numDone} of ${wanted.length}`);
  },
});
const failed = reports.filter(({ failures }) => failures.length > 0);
const numLeftOut = all.length - reports.length;
const tookMs = performance.now() - startedAtMs;
if (values.json) {
  console.log(
    JSON.stringify(
      { numCells: reports.length, numFailed: failed.length, numLeftOut, tookMs, reports },
      null,
      2,
    ),
  );
} else {
  console.log(
    `${reports.length} cells, ${failed.length} not as expected, ${numLeftOut} left out, in ${seconds(tookMs)} s`,
  );
}
process.exitCode = failed.length > 0 ? 1 : 0;

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function textOf({ situation, command, failures, result }: CellReport): string {
  const said = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-6).join('\n    ');
  return `${situation} · ${command}: ${failures.join('; ')}\n    ${said}`;
}
