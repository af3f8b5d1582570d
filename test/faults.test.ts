/**
 * Real processes under faults, one kind at a time and all together: brokers that die or can't be reached, workers that
 * come, leave and freeze, frames that are spoiled on their way. Whatever happens, the run ends with the undisturbed run's files.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodes, type RunEvent } from '@unet-fleet/law';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { chaos, differences } from './chaos/chaos.ts';
import { Fleet, type FleetOptions } from './chaos/fleet.ts';
import type { Rewriting } from './chaos/relay.ts';
import { planFaults } from './chaos/schedule.ts';
import { undisturbed } from './chaos/undisturbed.ts';
import { start } from './helpers/processes.ts';
import { eventsOf, outcomeOf, sampleFlags } from './helpers/runs.ts';
import { type Spoiling, spoilGradients } from './helpers/tampering.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'faults-'));
let recipe: string[] = [];
/** 36 steps of 4 leaves. */
const referenceDir = join(folder, 'reference');
const fleets: Fleet[] = [];
/** The references have page and TensorBoard's files, which change no bit. */
const quiet = ['--dashboard', 'false', '--tensorboard', 'false'];

beforeAll(async () => {
  recipe = [
    ...(await sampleFlags(join(folder, 'sample'), 42)),
    ...['--size', '48x64', '--base-width', '4', '--batch-size', '7', '--leaf-size', '2', '--epochs', '6'],
    ...['--device', 'cpu', '--threads', '1', '--checkpoint-every', '2', '--lease-seconds', '3'],
  ];
  await undisturbed([...recipe, '--seed', '3'], referenceDir);
});
afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Wanted {
  numWorkers: number;
  flags?: string[];
  rewrite?: Rewriting;
}

/** A fleet that trains as the reference did. A process that ends by a bug or a usage error fails the test. */
async function fleetOf(name: string, { numWorkers, flags = [], rewrite }: Wanted): Promise<Fleet> {
  const options: FleetOptions = {
    folder: join(folder, name),
    recipe: [...recipe, ...quiet, '--seed', '3', ...flags],
    numReducers: 0,
    numWorkers,
    onFailure: (message) => failures.push(message),
    ...(rewrite ? { rewrite } : {}),
  };
  const failures: string[] = [];
  mkdirSync(options.folder);
  const fleet = await Fleet.start(options);
  fleets.push(fleet);
  return Object.assign(fleet, { failures });
}

/** Waits until the run records such an event, or has it already. */
async function recorded(fleet: Fleet, isWanted: (event: RunEvent) => boolean): Promise<void> {
  const isThere = () => eventsOf(fleet.runDir).some(isWanted);
  expect(await fleet.progress.until(isThere, 60_000, () => fleet.isDone), fleet.tails()).toBe(true);
}

/** Waits until the coordinator tells this to a person. */
async function told(fleet: Fleet, sentence: RegExp): Promise<void> {
  const isTold = () => sentence.test(fleet.processOf('coordinator', 0).tail);
  expect(await fleet.progress.until(isTold, 60_000, () => fleet.isDone), fleet.tails()).toBe(true);
}

const committed = (fleet: Fleet, step: number): Promise<void> =>
  recorded(fleet, (event) => event.type === 'step' && event.step >= step);
const joined = (fleet: Fleet, worker: string): Promise<void> =>
  recorded(fleet, (event) => event.type === 'worker-joined' && event.worker === worker);

/** The run ends, and no bit of what it decided or left differs from the reference. */
async function expectReference(fleet: Fleet): Promise<void> {
  expect(await fleet.progress.until(() => fleet.isDone, 90_000), fleet.tails()).toBe(true);
  const outcome = JSON.parse(fleet.outcome);
  expect(outcome.reason).toBe('completed');
  expect(differences(referenceDir, fleet.runDir, outcome.lastCheckpoint)).toEqual([]);
  expect((fleet as Fleet & { failures: string[] }).failures).toEqual([]);
}

test('a broker that is killed in the middle of a step is found again where it was', async () => {
  const fleet = await fleetOf('broker-killed', { numWorkers: 2 });
  for (const step of [2, 5, 9]) {
    await committed(fleet, step);
    fleet.processOf('broker', 0).signal('SIGKILL');
  }
  await expectReference(fleet);
  const events = eventsOf(fleet.runDir);
  expect(events.filter(({ type }) => type === 'broker-lost').length).toBeGreaterThanOrEqual(1);
  expect(events.filter(({ type }) => type === 'broker-back').length).toBeGreaterThanOrEqual(1);
});

test('a broker that nobody reaches for 20 s is waited for, and no worker is taken for dead meanwhile', async () => {
  const fleet = await fleetOf('unreachable', { numWorkers: 2, flags: ['--lease-seconds', '10'] });
  await committed(fleet, 3);
  fleet.cutAll(20_000);
  await recorded(fleet, ({ type }) => type === 'broker-back');
  await expectReference(fleet);
  expect(eventsOf(fleet.runDir).filter(({ type }) => type === 'worker-left')).toEqual([]);
  expect(fleet.exits.get('worker code 3')).toBeUndefined();
});

test('workers join in the middle and leave when they are asked to, down to the last one and its successor', async () => {
  const fleet = await fleetOf('elastic', { numWorkers: 1, flags: ['--min-workers', '2'] });
  await joined(fleet, 'worker-1');
  await told(fleet, /waiting: 1 of at least 2 workers/);
  expect(fleet.progress.highest).toBe(0);
  await fleet.join();
  await committed(fleet, 2);
  await fleet.join();
  await joined(fleet, 'worker-3');
  expect(await fleet.drain(0).ended).toEqual({ code: exitCodes.leftOnRequest, signal: null });
  const { highest } = fleet.progress;
  await committed(fleet, highest + 2);
  // Two are left; without both of them the run waits, and goes on by itself with the next.
  expect(await fleet.drain(0).ended).toEqual({ code: exitCodes.leftOnRequest, signal: null });
  expect(await fleet.drain(0).ended).toEqual({ code: exitCodes.leftOnRequest, signal: null });
  await recorded(fleet, (event) => event.type === 'worker-left' && event.worker === 'worker-3');
  await fleet.join();
  await fleet.join();
  await expectReference(fleet);
  const left = eventsOf(fleet.runDir).flatMap((event) =>
    event.type === 'worker-left' && /asked to leave/.test(event.reason) ? [event.worker] : [],
  );
  expect(left).toEqual(['worker-1', 'worker-2', 'worker-3']);
});

test('leaves of a worker that freezes are given to another, and the run does not wait for it', async () => {
  const fleet = await fleetOf('frozen', { numWorkers: 2, flags: ['--lease-seconds', '30'] });
  await joined(fleet, 'worker-1');
  await joined(fleet, 'worker-2');
  const { highest } = fleet.progress;
  await committed(fleet, highest + 6);
  fleet.processOf('worker', 0).stopFor(60_000);
  await recorded(fleet, ({ type }) => type === 'lease-repeated');
  await expectReference(fleet);
});

test('two runs on one broker do not see each other, and a second coordinator of a run is refused', async () => {
  const flags = [...recipe, '--seed', '4'];
  const otherReference = join(folder, 'other-reference');
  await undisturbed(flags, otherReference);
  const fleet = await fleetOf('shared', { numWorkers: 1 });
  await committed(fleet, 1);
  // The run is still on when the others have come.
  fleet.processOf('worker', 0).stopFor(60_000);
  const { url, env } = fleet.access('coordinator');
  const twin = start(['coordinator', '--nats-url', url, '--run-dir', fleet.runDir, '--resume'], { env });
  const otherDir = join(folder, 'other');
  const other = start(
    ['coordinator', '--nats-url', url, '--run-dir', otherDir, '--json', ...flags, ...quiet],
    { env },
  );
  await fleet.progress.until(() => eventsOf(otherDir).length > 0, 30_000);
  const { runId } = JSON.parse(readFileSync(join(otherDir, 'run.json'), 'utf8'));
  const worker = start(['worker', '--nats-url', url, '--run', runId], { env: fleet.access('worker-9').env });

  const refused = await twin.ended;
  fleet.processOf('worker', 0).goOn();
  expect(refused.code).toBe(exitCodes.unavailable);
  expect(refused.stderr).toMatch(/Process \d+ on .+ is training in/);
  const outcome = outcomeOf(await other.ended);
  expect(differences(otherReference, otherDir, outcome.lastCheckpoint)).toEqual([]);
  expect((await worker.ended).code).toBe(exitCodes.ok);
  await expectReference(fleet);
});

test('gradient frames that are damaged or older than they claim are asked for again', async () => {
  const spoiled: Spoiling[] = [];
  const plan = (n: number): Spoiling => (n === 5 ? 'damage' : n === 9 ? 'replay' : 'pass');
  const fleet = await fleetOf('spoiled', {
    numWorkers: 1,
    flags: ['--shared-memory', 'false'],
    rewrite: spoilGradients(plan, (how) => spoiled.push(how)),
  });
  await expectReference(fleet);
  expect(spoiled).toEqual(['damage', 'replay']);
});

test('kills, stops, broken connections, joins and drains in an order drawn from a seed', async () => {
  mkdirSync(join(folder, 'chaos'));
  const report = await chaos({
    folder: join(folder, 'chaos'),
    faultLog: join(folder, 'faults.jsonl'),
    recipe: [...recipe, ...quiet, '--seed', '3'],
    numReducers: 0,
    numWorkers: 2,
    faults: planFaults(1, 5),
    referenceDir,
    limitMs: 150_000,
    tell: () => {},
  });
  expect(report.failures).toEqual([]);
  expect(report.faults).toMatchObject({ 'SIGKILL worker': 1, 'SIGKILL coordinator': 1, 'SIGKILL broker': 1 });
});
