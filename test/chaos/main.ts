/**
 * `pnpm chaos`: real processes on drawn photos, and faults as fast as the run can make progress between them. Prints
 * what struck and what it cost; exit code 0 only if every run ended with the undisturbed run's files.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSample } from '@unet-fleet/dataset';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { chaos } from './chaos.ts';
import { printReport } from './report.ts';
import { planFaults } from './schedule.ts';
import { undisturbed } from './undisturbed.ts';

const usage = `Usage: pnpm chaos [options]
  --kills <n>     SIGKILLs each of worker, coordinator and broker; other faults in proportion (default 200)
  --seed <n>      order and kinds of the faults (default: drawn)
  --workers <n>   worker processes (default 3)
  --reducers <n>  processes with reducers, which are killed as well (default 0: the coordinator reduces)
  --epochs <n>    length of each run, 5 steps an epoch (default 100)
  --minutes <m>   no fault strikes after this; the run under way goes on to its end (default 60)
  --log <file>    where to write a line of JSON for each fault (default: with the runs, kept when one fails)
  --json          print the figures as JSON
${toolUsage}`;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    workers: { type: 'string', default: '3' },
    reducers: { type: 'string', default: '0' },
    epochs: { type: 'string', default: '100' },
    minutes: { type: 'string', default: '60' },
    log: { type: 'string', default: '' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
await requireTools('chaos', [], values);

// Exits, which ends the processes of the run with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const tell = (text: string) => process.stderr.write(`${text}\n`);
const seed = Number(values.seed);
const numReducers = Number(values.reducers);
const faults = planFaults(Number(values.kills), seed, numReducers > 0);
const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-chaos-'));
tell(`seed ${seed}: ${faults.length} faults; logs in ${folder}`);

const set = await generateSample(join(folder, 'sample'), { numImages: 42, width: 48, height: 64 });
const recipe = [
  ...['--images', set.images, '--masks', set.masks, '--class-names', set.classNames],
  // Two buckets where there are reducers to have them.
  ...[
    '--size',
    '48x64',
    '--base-width',
    numReducers > 0 ? '16' : '4',
    '--batch-size',
    '8',
    '--leaf-size',
    '2',
    '--seed',
    '3',
  ],
  ...['--epochs', values.epochs, '--device', 'cpu', '--threads', '1'],
  ...['--checkpoint-every', '2', '--lease-seconds', '3'],
];
const referenceDir = join(folder, 'undisturbed');
const reference = await undisturbed(recipe, referenceDir);
tell(
  `undisturbed: ${reference.numSteps} steps in ${(reference.durationMs / 1000).toFixed(1)} s, weights ${reference.weightsSha256}`,
);

mkdirSync(join(folder, 'chaos'));
const report = await chaos({
  folder: join(folder, 'chaos'),
  faultLog: values.log || join(folder, 'faults.jsonl'),
  recipe,
  numReducers,
  numWorkers: Number(values.workers),
  faults,
  referenceDir,
  limitMs: Number(values.minutes) * 60_000,
  tell,
});
printReport({ seed, reference, report, asJson: values.json });
if (report.failures.length > 0) {
  tell(`logs and run folder are kept in ${folder}`);
  process.exitCode = 1;
} else {
  rmSync(folder, { recursive: true, force: true });
}
