/**
 * `pnpm bench:checkpoint`: what a checkpoint costs training (until the reducers have copied their weights and optimizer
 * state) and what it costs beside training, with real reducers, a real writer and the full U-Net. Copies into fresh
 * memory and into memory that was used before are measured in turns.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import { startBroker } from '@unet-fleet/coordinator';
import { ReducerPool } from '@unet-fleet/coordinator/reducer/pool';
import { describeModel, initialEarlyStopping, initialSchedule, type ModelConfig } from '@unet-fleet/law';
import { createOptimizer } from '@unet-fleet/numerics';
import { CheckpointWriter } from '@unet-fleet/record';
import { smallModel } from '../helpers/small-model.ts';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { median } from './spread.ts';

const usage = `Usage: pnpm bench:checkpoint [options]
  --base-width <n>  width of the U-Net (default 64)
  --rounds <n>      turns of each measurement (default 7)
  --json            print the figures as JSON
${toolUsage}`;

const { values } = parseArgs({
  options: {
    'base-width': { type: 'string', default: '64' },
    rounds: { type: 'string', default: '7' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
await requireTools('bench:checkpoint', [], values);

const baseWidth = Number(values['base-width']);
const config = loadConfig({ flags: { images: 'photos', masks: 'masks', baseWidth } });
const model: ModelConfig = smallModel({ numClasses: 59, baseWidth });
const { numParameters, numStatistics } = describeModel(model);
const { slots } = createOptimizer(config.train);

const vector = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));
const vectors = () => ({
  parameters: vector(numParameters),
  statistics: vector(numStatistics),
  slots: slots.map(() => vector(numParameters)),
});

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-snapshot-'));
const broker = await startBroker({ port: 0, folder: join(folder, 'broker') });
const { url, user, password } = broker;
const pool = ReducerPool.start(
  { runId: 'bench', term: 1, train: config.train, broker: { url, user, password }, sharedMemoryFolder: '' },
  describeModel(model),
  Math.min(4, availableParallelism()),
);
const writer = new CheckpointWriter({ checkpoints: join(folder, 'checkpoints'), keep: 1, fence: null });

const freshMs: number[] = [];
const reusedMs: number[] = [];
const writeMs: number[] = [];
let sizeBytes = 0;
try {
  await pool.load(0, vectors());
  const spare = vectors();
  await pool.save(spare);
  for (let round = 1; round <= Number(values.rounds); round++) {
    const fresh = vectors();
    freshMs.push(await timed(() => pool.save(fresh)));
    reusedMs.push(await timed(() => pool.save(spare)));
    const result = await writer.write({ facts: factsOf(round), slotNames: [...slots], vectors: spare });
    writeMs.push(result.writeMs);
    sizeBytes = result.written.sizeBytes;
  }
} finally {
  await writer.close();
  await pool.close();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
}

const figures = {
  baseWidth,
  numParameters,
  sizeBytes,
  snapshotFreshMs: median(freshMs),
  snapshotReusedMs: median(reusedMs),
  writeMs: median(writeMs),
};
if (values.json) console.log(JSON.stringify(figures));
else {
  console.log(`U-Net of base ${baseWidth}, ${numParameters} parameters, ${slots.length} state vectors`);
  console.log(`checkpoint           ${(sizeBytes / 1e6).toFixed(1)} MB`);
  console.log(`snapshot, fresh      ${figures.snapshotFreshMs.toFixed(1)} ms`);
  console.log(
    `snapshot, reused     ${figures.snapshotReusedMs.toFixed(1)} ms   what training can wait for at most`,
  );
  console.log(`write, hash, sync    ${figures.writeMs.toFixed(0)} ms   beside training`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

function factsOf(step: number) {
  return {
    runId: 'bench',
    term: 1,
    progress: {
      version: step,
      validationPending: false,
      schedule: initialSchedule(config.train, 10),
      earlyStopping: initialEarlyStopping(config.train),
      best: null,
    },
    epoch: 0,
    stepInEpoch: step,
    config,
    model,
    classNames: [],
    identitySha256: '',
    dataSha256: '',
    engines: [],
    numBatchesTracked: step,
  };
}
