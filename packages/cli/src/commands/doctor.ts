/**
 * `unet-fleet doctor`: what is there, and for each thing that is not, what that costs and what to do. Changes nothing
 * and never fails: a probe that fails is a finding like any other.
 */

import { natsServerHere } from '@unet-fleet/coordinator';
import { pipVersion, supportedArch, thisMachine } from '@unet-fleet/install';
import { exitCodes, messageOf } from '@unet-fleet/law';
import { cacheFolder, type Environment, freeBytes } from '@unet-fleet/shared';
import { checkAddon, compilerVersion, findNvidiaDriver } from '@unet-fleet/worker';
import { bindingPath } from '@unet-fleet/worker/engine/binding';
import { Command } from 'commander';
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

export interface Diagnosis {
  /** Whether all is there that training on this machine needs. */
  canTrain: boolean;
  findings: Finding[];
}

export interface DoctorOptions {
  env: Environment;
  cwd: string;
}

export const doctorCommand = (io: Io): Command =>
  new Command('doctor').option('--json', 'as JSON').action(async (flags: { json?: boolean }) => {
    const diagnosis = await runDoctor(io);
    if (flags.json) printJson(io, diagnosis);
    else printDiagnosis(diagnosis, createScreen(io.stdout, io.env));
    process.exitCode = diagnosis.canTrain ? exitCodes.ok : exitCodes.unavailable;
  });

/** Looks at everything. Never rejects. */
export async function runDoctor({ env, cwd }: DoctorOptions): Promise<Diagnosis> {
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
    memoryFinding(findMemory()),
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
  return { canTrain: findings.every(({ state }) => state !== 'missing'), findings };
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
