/**
 * `pnpm bench:exchange`: what a step takes beside computing, as a fast accelerator would feel it. The real coordinator,
 * broker and worker processes exchange the gradients and weights of the full U-Net, and a stand-in takes the place of the
 * engine (stand-in/thread.ts): so efficiency is the time that a leaf takes, over the time of the whole step. The yardstick is
 * the same pretence in PyTorch (stand_in_ddp.py): buckets all-reduced by gloo while the pretended backward pass goes on.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median, stepsOf, summary } from './measure.ts';
import { runShell } from './processes.ts';
import { type StandIn, standInVariable } from './stand-in/settings.ts';

const usage = `Usage: pnpm bench:exchange [options]
  --leaf-ms <list>     what a leaf takes, in ms (default 250,100,50,25)
  --workers <list>     worker counts (default 1,2,4)
  --carriers <list>    shared: shared memory of one host; nats: through the broker (default shared,nats)
  --base-width <n>     width of the U-Net (default 64)
  --steps <n>          steps of each measurement, the first two for warming up (default 10)
  --rounds <n>         turns (default 3)
  --yardstick <python> a Python with torch, for the same pretence there
  --json               print the figures as JSON`;

const { values } = parseArgs({
  options: {
    'leaf-ms': { type: 'string', default: '250,100,50,25' },
    workers: { type: 'string', default: '1,2,4' },
    carriers: { type: 'string', default: 'shared,nats' },
    'base-width': { type: 'string', default: '64' },
    steps: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    yardstick: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const listOf = (text: string): number[] => text.split(',').map(Number);
const carriers = values.carriers.split(',');
const baseWidth = Number(values['base-width']);
const numClasses = 59;
/** Of the photos that the moments are of; those that are loaded are as small as the network takes. */
const pretended = { width: 256, height: 192 };
const worker = fileURLToPath(new URL('./stand-in/worker.js', import.meta.url));
const pretence = fileURLToPath(new URL('../../bench/stand_in_ddp.py', import.meta.url));

interface Point {
  leafMs: number;
  numWorkers: number;
  carrier: string;
  stepMs: number[];
  parts: { reduceMs: number; optimizeMs: number; fetchMs: number; sendMs: number }[];
}

const points: Point[] = listOf(values['leaf-ms']).flatMap((leafMs) =>
  listOf(values.workers).flatMap((numWorkers) =>
    [...carriers, ...(values.yardstick ? ['pytorch'] : [])].map((carrier) => ({
      ...{ leafMs, numWorkers, carrier },
      ...{ stepMs: [], parts: [] },
    })),
  ),
);

for (let round = 1; round <= Number(values.rounds); round++) {
  for (const point of points) {
    await (point.carrier === 'pytorch' ? measurePretence(point) : measureExchange(point));
    process.stderr.write(`round ${round}: ${named(point)}  step ${point.stepMs.at(-1)!.toFixed(0)} ms\n`);
  }
}
report();

async function measureExchange({ leafMs, numWorkers, carrier, stepMs, parts }: Point): Promise<void> {
  Object.assign(process.env, standInVariable({ leafMs, ...pretended } satisfies StandIn));
  const workload = { baseWidth, width: 32, height: 32, batchSize: numWorkers, numClasses };
  const options = { leafSize: 1, threads: 1, sharedMemory: carrier === 'shared' };
  const steps = await stepsOf({ ...workload, numSteps: Number(values.steps) }, numWorkers, options, [
    process.execPath,
    worker,
  ]);
  const { timings, ...whole } = summary(steps, numWorkers);
  stepMs.push(whole.stepMs);
  parts.push(timings);
}

async function measurePretence({ leafMs, numWorkers, stepMs }: Point): Promise<void> {
  const run = `${values.yardstick} -m torch.distributed.run --nproc-per-node ${numWorkers} --master-port 29611`;
  const { lastLine } = await runShell(
    `${run} ${pretence} --leaf-ms ${leafMs} --base ${baseWidth} --classes ${numClasses} --steps ${values.steps}`,
  );
  stepMs.push(JSON.parse(lastLine).step_ms);
}

function named({ leafMs, numWorkers, carrier }: Point): string {
  return `${`${leafMs}`.padStart(4)} ms a leaf, ${numWorkers} worker${numWorkers > 1 ? 's' : ' '}, ${carrier.padEnd(7)}`;
}

function report(): void {
  const results = points.map((point) => {
    const ms = median(point.stepMs);
    const part = (name: keyof Point['parts'][number]) =>
      point.parts.length ? median(point.parts.map((parts) => parts[name])) : null;
    return {
      ...{ leafMs: point.leafMs, numWorkers: point.numWorkers, carrier: point.carrier },
      stepMs: ms,
      spreadMs: [Math.min(...point.stepMs), Math.max(...point.stepMs)],
      efficiency: point.leafMs / ms,
      sendMs: part('sendMs'),
      reduceMs: part('reduceMs'),
      optimizeMs: part('optimizeMs'),
      fetchMs: part('fetchMs'),
    };
  });
  if (values.json) {
    console.log(JSON.stringify({ baseWidth, numClasses, results }, null, 2));
    return;
  }
  for (const [i, result] of results.entries()) {
    const { stepMs, spreadMs, efficiency, sendMs, reduceMs, optimizeMs, fetchMs } = result;
    const shown = [
      `step ${stepMs.toFixed(0).padStart(5)} ms (${spreadMs.map((ms) => ms.toFixed(0)).join(' to ')})`,
      `efficiency ${efficiency.toFixed(2)}`,
    ];
    if (sendMs !== null) {
      const parts = { send: sendMs, reduce: reduceMs!, optimize: optimizeMs!, fetch: fetchMs! };
      shown.push(...Object.entries(parts).map(([name, ms]) => `${name} ${ms.toFixed(0)}`));
    }
    console.log(`${named(points[i]!)}  ${shown.join('  ')}`);
  }
}
