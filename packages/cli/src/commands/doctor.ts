/**
 * `unet-fleet doctor`: what is there, and for each thing that is not, what that costs and what to do. Changes nothing
 * and never fails: a probe that fails is a finding like any other.
 */

import { natsServerHere } from '@unet-fleet/coordinator';
import { largestLeaf, type TrainingCost, trainingCost } from '@unet-fleet/coordinator/shell/training-cost';
import { pipVersion, supportedArch, thisMachine } from '@unet-fleet/install';
import { type Config, exitCodes, leafSizeOf, messageOf } from '@unet-fleet/law';
import { cacheFolder, type Environment, freeBytes } from '@unet-fleet/shared';
import { checkAddon, compilerVersion, findNvidiaDriver } from '@unet-fleet/worker';
import { bindingPath } from '@unet-fleet/worker/engine/binding';
import { Command } from 'commander';
import { addConfigFile, addConfigOptions, configFrom, type Selection } from '../config-options.ts';
import {
  brokerFinding,
  cacheDisk,
  diskFinding,
  engineFinding,
  type Finding,
  gpuFinding,
  memoryFinding,
  nodeFinding,
  type Probed,
  platformFinding,
  processorFinding,
  runDisk,
  sharedMemoryDisk,
  toolFinding,
} from '../doctor-checks.ts';
import { findMemory, findProcessor } from '../doctor-machine.ts';
import { type Io, printJson } from '../io.ts';
import { wrap } from '../terminal/format.ts';
import { createScreen, type Screen, type Style } from '../terminal/screen.ts';

/** What the memory is asked for: by default a leaf of the classic U-Net. */
const selection: Selection = [
  'model',
  'data.size',
  'data.channels',
  'data.numClasses',
  'train.batchSize',
  'train.leafSize',
  'run.workers',
  'engine.precision',
];
/** Of which a photo is taken to be where no --size says more, before --scale. */
const usualPhoto = { width: 512, height: 384 };

export interface Diagnosis {
  /** Whether all is there that training on this machine needs. */
  canTrain: boolean;
  findings: Finding[];
  /** What training with these options costs, and the photos of the largest leaf for which each worker has memory. */
  cost: TrainingCost;
  largestLeaf: number;
}

export interface DoctorOptions {
  config: Config;
  env: Environment;
  cwd: string;
}

export const doctorCommand = (io: Io): Command =>
  addConfigOptions(addConfigFile(new Command('doctor')).option('--json', 'as JSON'), selection).action(
    async (flags: { json?: boolean }) => {
      const diagnosis = await runDoctor({
        env: io.env,
        cwd: io.cwd,
        config: configFrom({ ...flags }, selection, io),
      });
      if (flags.json) printJson(io, diagnosis);
      else printDiagnosis(diagnosis, createScreen(io.stdout, io.env));
      process.exitCode = diagnosis.canTrain ? exitCodes.ok : exitCodes.unavailable;
    },
  );

/** Looks at everything. Rejects only with a UserError, for a model that can't compute photos of the size. */
export async function runDoctor({ config, env, cwd }: DoctorOptions): Promise<Diagnosis> {
  const { numClasses } = config.data;
  const samples = new Array<typeof usualPhoto>(leafSizeOf(config.train)).fill(usualPhoto);
  const cost = trainingCost(config, { samples, numClasses: numClasses || 2 })!;
  const numWorkers = Math.max(1, config.run.workers);
  const memory = findMemory();

  const [python, compiler, engine, driver, broker] = await Promise.all([
    probe(() => pipVersion(env)),
    probe(() => compilerVersion(env)),
    probe(() => engineState(env)),
    probe(() => findNvidiaDriver(env)),
    probe(() => brokerState(env)),
  ]);
  const isEngineThere = 'value' in engine;
  const isSetUp = isEngineThere && 'value' in broker;
  const cache = cacheFolder(env);
  const disk = (path: string) => probeNow(() => freeBytes(path));
  const findings = [
    nodeFinding(process.version),
    platformFinding(probeNow(platform)),
    processorFinding(findProcessor()),
    memoryFinding(memory, cost, numWorkers),
    toolFinding('Python', python, 'set-up cannot fetch TensorFlow and nats-server', isSetUp),
    toolFinding('g++', compiler, 'set-up cannot compile the engine', isEngineThere),
    engineFinding(engine),
    gpuFinding({
      driver: 'value' in driver ? driver.value : null,
      isUsed: isEngineThere && engine.value.usesGpu,
    }),
    brokerFinding(broker),
    diskFinding('disk for runs', cwd, disk(cwd), runDisk),
    diskFinding('disk for cache', cache, disk(cache), cacheDisk(isSetUp)),
    diskFinding('shared memory', '/dev/shm', disk('/dev/shm'), sharedMemoryDisk),
  ];
  return {
    canTrain: findings.every(({ state }) => state !== 'missing'),
    findings,
    cost,
    largestLeaf: largestLeaf(cost, memory.availableBytes / numWorkers),
  };
}

async function engineState(env: Environment) {
  const engine = await checkAddon(bindingPath(), env);
  if (!engine.loads) throw new Error(engine.problem);
  return engine;
}

async function brokerState(env: Environment) {
  const server = await natsServerHere(env);
  if (server === null) throw new Error('no nats-server on PATH or in the cache');
  return server;
}

function platform(): string {
  const { glibcVersion } = thisMachine();
  return `Linux ${supportedArch('TensorFlow')}, glibc ${glibcVersion}`;
}

async function probe<T>(find: () => Promise<T>): Promise<Probed<T>> {
  try {
    return { value: await find() };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function probeNow<T>(find: () => T): Probed<T> {
  try {
    return { value: find() };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

const marks: Readonly<Record<Finding['state'], readonly [string, Style]>> = {
  ok: ['ok', 'green'],
  limited: ['limited', 'yellow'],
  missing: ['MISSING', 'red'],
};

function printDiagnosis({ canTrain, findings }: Diagnosis, screen: Screen): void {
  const nameWidth = Math.max(...findings.map(({ name }) => name.length)) + 2;
  const markWidth = 9;
  const indent = nameWidth + markWidth;
  for (const { name, state, found, costs, remedy } of findings) {
    const [mark, style] = marks[state];
    const [first, ...rest] = wrap(found, Math.max(20, screen.columns - indent));
    screen.print(
      `${name.padEnd(nameWidth)}${mark.padEnd(markWidth)}${first}`,
      state === 'ok' ? undefined : style,
    );
    const more = costs === '' ? [] : wrap(`${costs}; ${remedy}`, Math.max(20, screen.columns - indent));
    for (const line of [...rest, ...more]) screen.print(' '.repeat(indent) + line);
  }
  screen.print(
    canTrain ? 'Ready to train.' : 'Not ready to train: see what is MISSING above.',
    canTrain ? 'bold' : 'red',
  );
}
