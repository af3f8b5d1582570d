/**
 * `pnpm bench:recovery`: how long a run stands still when a worker or the coordinator is killed, in real processes on
 * drawn photos. Times are those of the events in the run's own record, in units of the undisturbed step that is
 * measured between the kills, with all workers there.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateSample } from '@unet-fleet/dataset';
import { RandomStream, type TimedEvent } from '@unet-fleet/law';
import { Fleet } from '../chaos/fleet.ts';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { printRecovery, type Recovery } from './recovery-report.ts';

const usage = `Usage: pnpm bench:recovery [options]
  --kills <n>              SIGKILLs of a worker (default 30)
  --coordinator-kills <n>  SIGKILLs of the coordinator (default 15)
  --workers <n>            worker processes of one thread (default 2)
  --base-width <n>         width of the U-Net (default 16)
  --seed <n>               when and whom the kills hit (default 1)
  --json                   print the figures as JSON
${toolUsage}`;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    'coordinator-kills': { type: 'string', default: '15' },
    workers: { type: 'string', default: '2' },
    'base-width': { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
await requireTools('bench:recovery', [], values);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const numWorkers = Number(values.workers);
const checkpointEvery = 4;
/** Between two kills: what is measured as undisturbed. */
const numCalmSteps = 3;
const timeoutMs = 120_000;

type Step = Extract<TimedEvent, { type: 'step' }>;

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-recovery-'));
const draws = new RandomStream('recovery', Number(values.seed));
const set = await generateSample(join(folder, 'sample'), {
  // 160 of them to train on, so that all steps have 16.
  numImages: 178,
  width: 128,
  height: 96,
});
const fleet = await Fleet.start({
  folder,
  recipe: [
    ...['--images', set.images, '--masks', set.masks, '--class-names', set.classNames],
    ...['--size', '128x96', '--base-width', values['base-width'], '--batch-size', '16', '--leaf-size', '2'],
    ...['--epochs', '1000', '--validate-every', '1000000', '--device', 'cpu', '--threads', '1'],
    ...['--checkpoint-every', String(checkpointEvery), '--min-workers', '1'],
  ],
  numReducers: 0,
  numWorkers,
  onFailure: (message) => {
    process.stderr.write(`${message}\n`);
    process.exitCode = 1;
  },
});
const { progress } = fleet;
const events: TimedEvent[] = [];
progress.onEvent = (event) => events.push(event);

const calmMs: number[] = [];
const workerKills: Recovery['workerKills'] = [];
const coordinatorKills: Recovery['coordinatorKills'] = [];
try {
  for (let i = 0; i < Number(values.kills); i++) {
    await calm();
    // Spread evenly over the step, so that few kills tell as much as many.
    workerKills.push(await killWorker((i + draws.uniform()) / Number(values.kills)));
    tell('worker', i + 1, values.kills);
  }
  for (let i = 0; i < Number(values['coordinator-kills']); i++) {
    await calm();
    coordinatorKills.push(await killCoordinator());
    tell('coordinator', i + 1, values['coordinator-kills']);
  }
} finally {
  await fleet.close();
  rmSync(folder, { recursive: true, force: true });
}
printRecovery({ numWorkers, calmMs, workerKills, coordinatorKills }, values.json);

/** Waits for steps with all workers from beginning to end, and takes their times. */
async function calm(): Promise<void> {
  const from = events.length;
  let found: Step[] = [];
  await wait('undisturbed steps', () => {
    // The first step after a worker has joined began without it.
    const joined = events.findLastIndex(({ type }) => type === 'worker-joined' || type === 'worker-left');
    const steps = events.slice(Math.max(from, joined + 1)).filter((event) => event.type === 'step');
    found = steps.filter((step) => step.numWorkers === numWorkers).slice(1);
    return found.length >= numCalmSteps;
  });
  calmMs.push(...found.map(({ stepMs }) => stepMs));
}

/** When this share of the step under way is done; resolves to the ms until the next commit. */
async function killWorker(share: number): Promise<Recovery['workerKills'][number]> {
  await sleep(share * calmMs.at(-1)!);
  const killedAt = Date.now();
  fleet.processOf('worker', draws.uniform()).signal('SIGKILL');
  progress.read();
  const after = progress.step;
  let next: Step | undefined;
  await wait('a commit', () => {
    next = events.find((event): event is Step => event.type === 'step' && event.step > after);
    return next !== undefined;
  });
  // A step that was committed while the worker died, and is read only now, is no answer to it.
  return { recoveryMs: Date.parse(next!.at) - killedAt };
}

async function killCoordinator(): Promise<Recovery['coordinatorKills'][number]> {
  await sleep(draws.between(0, checkpointEvery * calmMs.at(-1)!));
  progress.read();
  const { highest } = progress;
  const from = events.length;
  const killedAt = Date.now();
  fleet.processOf('coordinator', 0).signal('SIGKILL');
  const since = () => events.slice(from).filter(({ at }) => Date.parse(at) >= killedAt);
  const next = () => since().find((event) => event.type === 'step' && event.step > highest);
  await wait('a new commit', () => next() !== undefined);
  const atOf = (event: TimedEvent | undefined) => Date.parse(event!.at) - killedAt;
  const startedMs = atOf(since().find(({ type }) => type === 'run-started'));
  const joinedMs = atOf(since().find(({ type }) => type === 'worker-joined'));
  const newCommitMs = atOf(next());
  const redone = since().filter((event): event is Step => event.type === 'step' && event.step <= highest);
  const redoneMs = redone.length > 0 ? atOf(redone.at(-1)) - joinedMs : 0;
  return {
    startMs: startedMs,
    rejoinMs: joinedMs - startedMs,
    redoneMs,
    numRedone: redone.length,
    stepMs: newCommitMs - joinedMs - redoneMs,
    newCommitMs,
  };
}

async function wait(what: string, isThere: () => boolean): Promise<void> {
  if (await progress.until(isThere, timeoutMs)) return;
  throw new Error(`no ${what} within ${timeoutMs / 1000} s:\n${fleet.tails()}`);
}

/** Progress goes to stderr, so that the figures can be piped. */
function tell(party: string, done: number, all: string): void {
  if (done % 5 === 0) process.stderr.write(`${done} of ${all} kills of a ${party}\n`);
}
