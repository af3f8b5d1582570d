/**
 * One run of a fleet whose workers are shells of the product around a stand-in for the engine: the real coordinator, its
 * reducers, a real broker, real frames. What it took, what went wrong though the run went on, and its weights.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SampleSet } from '@unet-fleet/dataset';
import { exitCodes, type RunEvent } from '@unet-fleet/law';
import { eventsIn, readLedger } from '@unet-fleet/record';
import { script } from '../../chaos/command.ts';
import { type StandIn, standInVariable } from '../stand-in/settings.ts';
import { type BrokerCounts, startMonitoredBroker } from './broker.ts';
import { type Usage, watchUsage } from './usage.ts';
import { hostedVariable, troublesVariable } from './variables.ts';

export type Carrier = 'shared' | 'nats';

export interface PointOptions {
  numWorkers: number;
  carrier: Carrier;
  /** Of the coordinator, beside what the point says: of model, step and plan. */
  flags: readonly string[];
  standIn: StandIn;
  set: SampleSet;
  /** Of everything that the point writes; removed at its end. */
  folder: string;
  /** Ends the run after this time, counted from the first step; null: with its last step. */
  stopAfterMs: number | null;
}

type Step = Extract<RunEvent, { type: 'step' }>;
export type Group = 'coordinator' | 'broker' | 'workers';

export interface Point {
  numWorkers: number;
  carrier: Carrier;
  numReducers: number;
  numParameters: number;
  steps: Step[];
  /** From the first step on. */
  usage: Record<Group, Usage>;
  broker: BrokerCounts;
  /** What happened beside steps, and how often: all that is no plain course, by its name. */
  disturbances: Record<string, number>;
  /** Of each step's sum, and of the weights at the end. */
  gradientSha256s: string[];
  weightsSha256: string;
}

/** More workers than this in one process would wait for its one main thread. */
const mostWorkersOfHost = 8;
const leastHosts = 2;
const host = fileURLToPath(new URL('./worker-host.js', import.meta.url));
const preload = new URL('./troubles-preload.js', import.meta.url).href;
const pollMs = 100;
/** A fleet that has not made its first step by then never will. */
const startPatienceMs = 180_000;

/** Runs it; throws where the run did not end well, with what it said. */
export async function runPoint(options: PointOptions): Promise<Point> {
  const { folder, numWorkers, stopAfterMs } = options;
  mkdirSync(folder, { recursive: true });
  const runDir = join(folder, 'run');
  const metrics = join(runDir, 'metrics.jsonl');
  const troubles = join(folder, 'troubles.tsv');
  const broker = await startMonitoredBroker(join(folder, 'broker'), numWorkers);
  const processes: ChildProcess[] = [];
  try {
    const env = { ...process.env, ...standInVariable(options.standIn), [troublesVariable]: troubles };
    const start = (name: string, args: string[], more: NodeJS.ProcessEnv = {}) => {
      const said = openSync(join(folder, `${name}.log`), 'a');
      const child = spawn(process.execPath, ['--import', preload, ...args], {
        env: { ...env, ...more },
        stdio: ['ignore', said, said, 'ipc'],
      });
      processes.push(child);
      return child;
    };
    const coordinator = start('coordinator', [script, 'coordinator', ...flagsOf(options, runDir)], {
      UNET_FLEET_NATS_URL: broker.coordinator.url,
      UNET_FLEET_NATS_USER: broker.coordinator.user,
      UNET_FLEET_NATS_PASSWORD: broker.coordinator.password,
    });
    const ended = once(coordinator, 'exit') as Promise<[number | null]>;
    const numHosts = Math.max(Math.min(leastHosts, numWorkers), Math.ceil(numWorkers / mostWorkersOfHost));
    const hosts = Array.from({ length: numHosts }, (_, index) => {
      const logins = broker.workers.filter((_, worker) => worker % numHosts === index);
      return start(`host-${index + 1}`, [host], { [hostedVariable]: JSON.stringify(logins) });
    });
    const watch = watchUsage<Group>({
      coordinator: [coordinator.pid!],
      broker: [broker.pid],
      workers: hosts.map(({ pid }) => pid!),
    });
    await firstStep(metrics, coordinator, folder);
    watch.restart();
    if (stopAfterMs !== null) {
      setTimeout(() => coordinator.kill('SIGTERM'), stopAfterMs).unref();
    }
    let counts = await broker.counts();
    while (coordinator.exitCode === null && coordinator.signalCode === null) {
      counts = await broker.counts();
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, pollMs))]);
    }
    const usage = watch.stop();
    const [code] = await ended;
    const wanted = stopAfterMs === null ? exitCodes.ok : exitCodes.leftOnRequest;
    if (code !== wanted) throw new Error(`the coordinator ended with ${code}: ${lastWords(folder)}`);
    return { ...factsOf(options, runDir, troubles), usage, broker: counts };
  } finally {
    await Promise.all(processes.map(endNow));
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const flagsOf = ({ set, numWorkers, carrier, flags }: PointOptions, runDir: string): string[] => [
  ...['--images', set.images, '--masks', set.masks, '--class-names', set.classNames],
  ...['--min-workers', `${numWorkers}`, '--shared-memory', `${carrier === 'shared'}`],
  ...['--threads', '1', '--run-dir', runDir, '--dashboard-port', '0', ...flags],
];

async function firstStep(metrics: string, coordinator: ChildProcess, folder: string): Promise<void> {
  const deadlineMs = performance.now() + startPatienceMs;
  for (;;) {
    if (existsSync(metrics) && readFileSync(metrics, 'utf8').includes('"type":"step"')) return;
    if (coordinator.exitCode !== null) throw new Error(`no step: ${lastWords(folder)}`);
    if (performance.now() > deadlineMs) throw new Error(`no step in time: ${lastWords(folder)}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

const lastWords = (folder: string): string =>
  readFileSync(join(folder, 'coordinator.log'), 'utf8').trim().split('\n').slice(-3).join(' / ');

async function endNow(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Events that a run without any trouble has. */
const plainEvents = new Set<string>([
  ...['run-started', 'worker-joined', 'epoch-started', 'step', 'validated', 'checkpoint'],
  ...['evaluation-kept', 'finished', 'note'],
]);

/** What the run has left in its folder. */
function factsOf(
  { numWorkers, carrier }: PointOptions,
  runDir: string,
  troubles: string,
): Omit<Point, 'usage' | 'broker'> {
  const events = [...eventsIn(join(runDir, 'metrics.jsonl'))] as RunEvent[];
  const disturbances: Record<string, number> = {};
  const count = (name: string, times = 1) => {
    disturbances[name] = (disturbances[name] ?? 0) + times;
  };
  let weightsSha256 = '';
  let numParameters = 0;
  for (const event of events) {
    if (event.type === 'run-started') numParameters = event.numParameters!;
    if (event.type === 'finished') weightsSha256 = event.weightsSha256;
    if (event.type === 'warning') count(`warning: ${event.message}`);
    else if (!plainEvents.has(event.type)) count(event.type);
  }
  if (existsSync(troubles)) {
    for (const line of readFileSync(troubles, 'utf8').trim().split('\n'))
      count(`frame ${line.split('\t')[0]}`);
  }
  const log = readFileSync(join(runDir, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const dropped = log.findLast(({ msg }) => msg === 'messages dropped');
  const { core, malformed, otherTerm, late, cutOff, brokerAway } = dropped;
  for (const [name, times] of Object.entries({ malformed, otherTerm, late, cutOff, brokerAway, ...core })) {
    if (Number(times) > 0) count(`message dropped: ${name}`, Number(times));
  }
  return {
    numWorkers,
    carrier,
    numParameters,
    numReducers: log.find(({ numReducers }) => numReducers !== undefined).numReducers,
    steps: events.filter((event): event is Step => event.type === 'step'),
    disturbances,
    gradientSha256s: readLedger(join(runDir, 'ledger.jsonl')).lines.map((line) => line.gradientSha256),
    weightsSha256,
  };
}
