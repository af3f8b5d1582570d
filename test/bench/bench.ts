/**
 * `pnpm bench`: how fast a training step is and where its time goes, with one worker and with two, beside a yardstick
 * that runs in turns with it. Absolute times say little on a shared machine; the ratio does.
 */
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { type Measurement, measure, median, type Workload } from './measure.ts';
import { runShell } from './processes.ts';

const usage = `Usage: pnpm bench [options]
  --base-width <n>     width of the U-Net (default 64)
  --size <WxH>         training size in pixels (default 256x192)
  --batch-size <n>     images per step (default 2)
  --classes <n>        (default 59)
  --steps <n>          steps of each measurement, the first two for warming up (default 6)
  --threads <n>        intra-op threads of each worker; 0: all cores (default 0)
  --workers <list>     worker counts to measure (default 1,2)
  --rounds <n>         turns of yardstick and measurement (default 3)
  --yardstick <cmd>    command that prints a JSON line with images_per_s, such as
                       "python pytorch_reference.py step --batch 2 --height 192 --width 256 --base 64 --classes 59"
  --json               print the figures as JSON
${toolUsage}`;

const { values } = parseArgs({
  options: {
    'base-width': { type: 'string', default: '64' },
    size: { type: 'string', default: '256x192' },
    'batch-size': { type: 'string', default: '2' },
    classes: { type: 'string', default: '59' },
    steps: { type: 'string', default: '6' },
    threads: { type: 'string', default: '0' },
    workers: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '3' },
    yardstick: { type: 'string', default: '' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
await requireTools('bench', [], values);

const [width, height] = values.size.split('x').map(Number) as [number, number];
const workload: Workload = {
  baseWidth: Number(values['base-width']),
  width,
  height,
  batchSize: Number(values['batch-size']),
  numClasses: Number(values.classes),
  numSteps: Number(values.steps),
  threads: Number(values.threads),
};
const workerCounts = values.workers.split(',').map(Number);

const yardstick: { imagesPerSecond: number; peakMb: number }[] = [];
const measurements = new Map<number, Measurement[]>(workerCounts.map((count) => [count, []]));
for (let round = 0; round < Number(values.rounds); round++) {
  if (values.yardstick) {
    const { lastLine, peakMb } = await runShell(values.yardstick);
    yardstick.push({ imagesPerSecond: JSON.parse(lastLine).images_per_s, peakMb });
    tell(`round ${round + 1}: yardstick ${yardstick.at(-1)!.imagesPerSecond.toFixed(3)} images/s`);
  }
  for (const count of workerCounts) {
    const measurement = await measure(workload, count);
    measurements.get(count)!.push(measurement);
    tell(`round ${round + 1}: ${workersText(count)} ${measurement.imagesPerSecond.toFixed(3)} images/s`);
  }
}
report();

function report(): void {
  const reference = yardstick.length
    ? {
        imagesPerSecond: median(yardstick.map((run) => run.imagesPerSecond)),
        peakMb: Math.max(...yardstick.map((run) => run.peakMb)),
      }
    : null;
  const results = workerCounts.map((count) => {
    const runs = measurements.get(count)!;
    const imagesPerSecond = median(runs.map((run) => run.imagesPerSecond));
    // The run in the middle stands for its parts, so that they add up.
    const typical = [...runs].sort((a, b) => a.stepMs - b.stepMs)[Math.floor(runs.length / 2)]!;
    const ratios = yardstick.map((run, i) => runs[i]!.imagesPerSecond / run.imagesPerSecond);
    return {
      ...typical,
      imagesPerSecond,
      ratio: ratios.length ? median(ratios) : null,
      peakWorkerMb: Math.max(...runs.map((run) => run.peakWorkerMb)),
    };
  });
  if (values.json) {
    console.log(JSON.stringify({ workload, yardstick: reference, results }, null, 2));
    return;
  }
  console.log(
    `\nU-Net, base width ${workload.baseWidth}, ${workload.batchSize} x ${height} x ${width}, medians`,
  );
  if (reference) {
    const { imagesPerSecond, peakMb } = reference;
    console.log(`yardstick   ${imagesPerSecond.toFixed(3)} images/s, peak memory ${peakMb.toFixed(0)} MB`);
  }
  for (const { numWorkers, imagesPerSecond, stepMs, timings, ratio, peakWorkerMb } of results) {
    const beside = ratio === null ? '' : `, ${ratio.toFixed(2)} of the yardstick`;
    const memory = `peak memory ${peakWorkerMb.toFixed(0)} MB a worker`;
    console.log(`${workersText(numWorkers)}   ${imagesPerSecond.toFixed(3)} images/s${beside}, ${memory}`);
    const { dataMs, computeMs, sendMs, reduceMs, optimizeMs, fetchMs } = timings;
    const known = dataMs + computeMs + sendMs + reduceMs + optimizeMs + fetchMs;
    const parts = { data: dataMs, compute: computeMs, send: sendMs, reduce: reduceMs, optimize: optimizeMs };
    for (const [name, ms] of Object.entries({ ...parts, fetch: fetchMs, rest: stepMs - known })) {
      console.log(
        `  ${name.padEnd(10)}${ms.toFixed(0).padStart(7)} ms${((100 * ms) / stepMs).toFixed(1).padStart(7)} %`,
      );
    }
    console.log(`  ${'step'.padEnd(10)}${stepMs.toFixed(0).padStart(7)} ms`);
  }
}

/** Progress goes to stderr, so that the figures can be piped. */
function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

function workersText(count: number): string {
  return count === 1 ? '1 worker ' : `${count} workers`;
}
