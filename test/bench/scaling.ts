/**
 * `pnpm bench:scaling`: the tables of docs/scaling.md. Measures what the parts of a step cost on this machine (fleets of a small
 * and a larger model over the broker, crowds in virtual time, kernels), fits the cost model to it, and prints constants,
 * prediction beside measurement, and what both say of fleets that are not here.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { lineOf, summaryOf } from './scale/report.ts';
import { drawSet, measureFleet } from './scale/workload.ts';
import { type CrowdPoint, constantsOf, type ScalePoint } from './scaling/fit.ts';
import { type KernelTimes, timeKernels } from './scaling/kernels.ts';
import * as tables from './scaling/tables.ts';

const usage = `Usage: pnpm bench:scaling [options]
  --base-widths <list> models whose fleets are measured (default 8,32)
  --workers <list>     their sizes, a leaf for each worker (default 1,2,4,8,16)
  --leaf-ms <n>        what a leaf takes (default 20)
  --steps <n>          of each point (default 24)
  --crowds <list>      fleets in virtual time (default 125,1000)
  --save <file>        keep what was measured, as JSON
  --from <file>        measure nothing, and take that
  --write <page>       put the tables into this page, between their marks
  -- <options>         of unet-fleet coordinator, such as --wire bf16
${toolUsage}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'base-widths': { type: 'string', default: '8,32' },
    workers: { type: 'string', default: '1,2,4,8,16' },
    'leaf-ms': { type: 'string', default: '20' },
    steps: { type: 'string', default: '24' },
    crowds: { type: 'string', default: '125,1000' },
    save: { type: 'string', default: '' },
    from: { type: 'string', default: '' },
    write: { type: 'string', default: '' },
    ...toolOptions,
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

interface Measurements {
  machine: string;
  numCores: number;
  points: (ScalePoint & tables.MeasuredPoint)[];
  crowds: CrowdPoint[];
  kernels: KernelTimes;
}

const numKernelValues = 2 ** 23;
const numKernelRounds = 7;
const numbersOf = (text: string): number[] => text.split(',').map(Number);

const measurements: Measurements = values.from
  ? JSON.parse(readFileSync(values.from, 'utf8'))
  : await measureAll();
if (values.save) writeFileSync(values.save, `${JSON.stringify(measurements, null, 2)}\n`);
const made = tablesOf(measurements);
if (values.write) {
  writeFileSync(values.write, tables.withTables(readFileSync(values.write, 'utf8'), made));
} else console.log(Object.values(made).join('\n\n'));

async function measureAll(): Promise<Measurements> {
  await requireTools('bench:scaling', [], values);
  const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-scaling-'));
  try {
    return {
      machine: cpus()[0]?.model ?? 'unknown',
      numCores: cpus().length,
      points: await measureFleets(folder),
      crowds: measureCrowds(),
      kernels: timeKernels(numKernelValues, numKernelRounds),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureFleets(folder: string): Promise<Measurements['points']> {
  const leafMs = Number(values['leaf-ms']);
  const points: Measurements['points'] = [];
  for (const baseWidth of numbersOf(values['base-widths'])) {
    for (const numWorkers of numbersOf(values.workers)) {
      const workload = { folder, baseWidth, batchSize: numWorkers, flags: positionals };
      const set = await drawSet(workload);
      const numSteps = Number(values.steps);
      const point = await measureFleet(workload, set, { numWorkers, carrier: 'nats', leafMs, numSteps });
      process.stderr.write(`base width ${baseWidth}: ${lineOf(point)}\n`);
      const { cpuSecondsOfStep, numParameters, stepMs } = summaryOf(point);
      points.push({ numWorkers, parameterBytes: 4 * numParameters, leafMs, stepMs, cpuSecondsOfStep });
    }
  }
  return points;
}

function measureCrowds(): CrowdPoint[] {
  const crowd = fileURLToPath(new URL('../simulator/crowd/main.js', import.meta.url));
  // A process for each: what one has compiled makes the next one faster.
  return numbersOf(values.crowds).flatMap((numWorkers) =>
    JSON.parse(
      execFileSync(process.execPath, [crowd, '--workers', `${numWorkers}`, '--json'], { encoding: 'utf8' }),
    ),
  );
}

function tablesOf({ machine, numCores, points, crowds, kernels }: Measurements): Record<string, string> {
  const constants = constantsOf(points, crowds);
  return {
    constants: `${numCores} cores, ${machine}.\n\n${tables.constantsTable(constants)}`,
    comparison: tables.comparisonTable(points, constants, numCores),
    outlook: tables.outlookTable(constants),
    limits: tables.limitsTable(constants),
    price: tables.priceTable(constants, kernels, 4 * numKernelValues),
  };
}
