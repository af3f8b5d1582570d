/**
 * `pnpm bench:scale`: what becomes of a step when the fleet grows, with one worker up to 64 on this machine: workers' shells,
 * coordinator, reducers, broker and frames are those of a run, and a stand-in takes the engine's place. Exit code 1 where
 * the coordinator's memory grows, a frame is lost, or the weights are not those of one worker.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import type { Carrier, Point } from './scale/point.ts';
import { lineOf, summaryOf, tableOf } from './scale/report.ts';
import { faultsOf } from './scale/verdict.ts';
import { drawSet, type Measured, measureFleet, type Workload } from './scale/workload.ts';

const usage = `Usage: pnpm bench:scale [options] [-- options of unet-fleet coordinator, such as --clip norm]
  --workers <list>     worker counts (default 1,2,4,8,16,32,64)
  --carriers <list>    shared: shared memory of one host; nats: through the broker (default nats,shared)
  --base-width <n>     width of the U-Net (default 8)
  --leaf-ms <n>        what a leaf takes (default 20)
  --batch-size <n>     leaves of a step, of one photo each, whoever computes them (default 64)
  --steps <n>          steps of each point, the first two for warming up (default 12)
  --minutes <n>        beside these points: the largest fleet for so long, with each carrier (default 0)
  --json               print the figures as JSON
${toolUsage}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workers: { type: 'string', default: '1,2,4,8,16,32,64' },
    carriers: { type: 'string', default: 'nats,shared' },
    'base-width': { type: 'string', default: '8' },
    'leaf-ms': { type: 'string', default: '20' },
    'batch-size': { type: 'string', default: '64' },
    steps: { type: 'string', default: '12' },
    minutes: { type: 'string', default: '0' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
await requireTools('bench:scale', [], values);

const batchSize = Number(values['batch-size']);
const leafMs = Number(values['leaf-ms']);
const numSteps = Number(values.steps);
const minutes = Number(values.minutes);
const workerCounts = values.workers.split(',').map(Number);
const carriers = values.carriers.split(',') as Carrier[];

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-scale-'));
try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<boolean> {
  const workload: Workload = {
    folder,
    baseWidth: Number(values['base-width']),
    batchSize,
    flags: positionals,
  };
  const set = await drawSet(workload);
  const measure = (measured: Measured) => measureFleet(workload, set, measured);
  const ofOne = (steps: number) => measure({ numWorkers: 1, carrier: 'shared', leafMs: 0, numSteps: steps });
  const points: { point: Point; faults: string[]; minutes: number }[] = [];
  const take = (point: Point, reference: Pick<Point, 'gradientSha256s'>, ofMinutes = 0) => {
    const faults = faultsOf(point, reference);
    points.push({ point, faults, minutes: ofMinutes });
    tell(`${lineOf(point)}${faults.length > 0 ? `  WRONG: ${faults.join('; ')}` : ''}`);
  };
  const reference = await ofOne(numSteps);
  for (const carrier of carriers) {
    for (const numWorkers of workerCounts) {
      take(await measure({ numWorkers, carrier, leafMs, numSteps }), reference);
    }
  }
  if (minutes > 0) {
    const numWorkers = Math.max(...workerCounts);
    const long: Point[] = [];
    for (const carrier of carriers) {
      const stopAfterMs = minutes * 60_000;
      long.push(await measure({ numWorkers, carrier, leafMs, numSteps: null, stopAfterMs }));
      tell(lineOf(long.at(-1)!));
    }
    const most = Math.max(...long.map((point) => point.gradientSha256s.length));
    tell(`the same ${most} steps with one worker`);
    const toCompare = await ofOne(most);
    for (const point of long) take(point, toCompare, minutes);
  }
  const [cpu] = cpus();
  const machine = `${cpus().length} cores, ${cpu?.model ?? 'unknown'}`;
  if (values.json) {
    const results = points.map(({ point, ...more }) => ({ ...summaryOf(point), ...more }));
    const { folder: _, ...shown } = workload;
    console.log(JSON.stringify({ machine, workload: { ...shown, leafMs }, results }, null, 2));
  } else console.log(`\n${machine}; base width ${workload.baseWidth}\n\n${tableOf(points)}`);
  return points.every(({ faults }) => faults.length === 0);
}

/** Progress goes to stderr, so that the figures can be piped. */
function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
