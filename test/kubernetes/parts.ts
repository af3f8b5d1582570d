/** The parts of the test one after the other, and what each of them found. */
import { join } from 'node:path';
import { generateSample } from '@unet-fleet/dataset';
import { type Undisturbed, undisturbed } from '../chaos/undisturbed.ts';
import { type Acceptance, accept } from './accept.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type ConfigError, configErrors } from './config-errors.ts';
import type { ControlPlanePrograms } from './control-plane/build.ts';
import { Deployment } from './deployment.ts';
import { disturb, judge, type Overlap, type Struck } from './disturb.ts';
import { type Planned, planDisturbances } from './disturbances.ts';
import { makeBridge } from './kubelet/network.ts';

export const parts = ['accept', 'sample', 'disturb', 'errors'] as const;
export type Part = (typeof parts)[number];

export interface PartsOptions {
  only: readonly Part[];
  programs: ControlPlanePrograms;
  /** Path of process 1 of each pod. */
  tini: string;
  folder: string;
  seed: number;
  numDisturbances: number;
  numRounds: number;
  numWorkers: number;
  numEpochs: number;
  tell(text: string): void;
}

export interface Round {
  seconds: number;
  numSteps: number;
  numRedone: number;
  struck: Struck[];
  overlaps: Overlap[];
  /** Ends of pods, by component and code. */
  ends: Record<string, number>;
}

export interface Report {
  seed: number;
  startSeconds: number;
  acceptances: Acceptance[];
  sample: { reference: Undisturbed; seconds: number } | null;
  reference: Undisturbed | null;
  rounds: Round[];
  errors: ConfigError[];
  /** Sentences; none: everything held. */
  faults: string[];
}

/** From the last disturbance to the end of both Jobs: the Job controller may wait 160 s with a pod after five of them. */
const endWithinMs = 600_000;
/** Rounds beyond those planned, where runs were too short for what was planned for them. */
const maxExtraRounds = 4;

export async function runParts(options: PartsOptions): Promise<Report> {
  const { only, programs, tini, folder, seed, tell } = options;
  const report: Report = {
    seed,
    startSeconds: 0,
    acceptances: [],
    sample: null,
    reference: null,
    rounds: [],
    errors: [],
    faults: [],
  };
  if (only.includes('accept')) {
    report.acceptances = await accept(
      programs,
      join(folder, 'accept'),
      tini,
      ({ name, numObjects, numPods, faults }) => {
        tell(
          `${name}: ${numObjects} objects, ${numPods} pods ${faults.length === 0 ? 'accepted' : 'REFUSED'}`,
        );
        report.faults.push(...faults.map((fault) => `${name}: ${fault}`));
      },
    );
  }
  if (!only.some((part) => part !== 'accept')) return report;
  await generateSample(join(folder, 'sample'), { numImages: 42, width: 48, height: 64 });
  await makeBridge();
  const startMs = performance.now();
  const cluster = await startCluster(programs, folder, [{ name: 'node-1' }, { name: 'node-2' }], tini);
  report.startSeconds = (performance.now() - startMs) / 1000;
  try {
    if (only.includes('sample')) await sample(cluster, options, report);
    if (only.includes('disturb')) await disturbed(cluster, options, report);
    if (only.includes('errors')) {
      report.errors = await configErrors(cluster, recipe('.', 1), join(folder, 'sample'));
      report.faults.push(...report.errors.flatMap(({ faults }) => faults));
    }
  } finally {
    cluster.stop();
  }
  return report;
}

/** Options that make the run, for data in `folder`. */
const recipe = (folder: string, numEpochs: number): string[] => [
  ...['--images', join(folder, 'photos'), '--masks', join(folder, 'annotations/pixel-level')],
  ...['--class-names', join(folder, 'label_list.mat')],
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '8', '--leaf-size', '2', '--seed', '3'],
  ...['--epochs', String(numEpochs), '--device', 'cpu', '--checkpoint-every', '10', '--lease-seconds', '5'],
];

/** Of `deploy render`: a worker's processors are its threads. */
const cluster1 = (numWorkers: number): string[] => [
  ...['--workers', String(numWorkers), '--worker-cpu', '1', '--worker-memory', '1Gi'],
];

async function referenceOf(
  folder: string,
  numEpochs: number,
): Promise<{ dir: string; reference: Undisturbed }> {
  const dir = join(folder, `undisturbed-${numEpochs}`);
  const flags = [...recipe(join(folder, 'sample'), numEpochs), '--threads', '1'];
  return { dir, reference: await undisturbed(flags, dir) };
}

/** The sample run, to which nothing happens. */
async function sample(cluster: Cluster, options: PartsOptions, report: Report): Promise<void> {
  const { folder, numWorkers, tell } = options;
  const numEpochs = 4;
  const { dir, reference } = await referenceOf(folder, numEpochs);
  const startMs = performance.now();
  const flags = [...recipe('.', numEpochs), ...cluster1(numWorkers)];
  const deployment = await Deployment.start(cluster, 'sample', flags, join(folder, 'sample'));
  const faults = await judge(deployment, dir, reference.weightsSha256, endWithinMs);
  const seconds = (performance.now() - startMs) / 1000;
  await deployment.remove();
  if (faults.length === 0) report.sample = { reference, seconds };
  report.faults.push(...faults);
  tell(
    `sample: ${reference.numSteps} steps in ${seconds.toFixed(0)} s, ${faults.length === 0 ? 'Complete' : 'FAILED'}`,
  );
}

async function disturbed(cluster: Cluster, options: PartsOptions, report: Report): Promise<void> {
  const { folder, numWorkers, numEpochs, numDisturbances, numRounds, seed, tell } = options;
  const { dir, reference } = await referenceOf(folder, numEpochs);
  report.reference = reference;
  tell(
    `undisturbed: ${reference.numSteps} steps in ${(reference.durationMs / 1000).toFixed(0)} s, weights ${reference.weightsSha256}`,
  );
  const planned = planDisturbances(numDisturbances, numRounds, seed);
  const left: Planned[] = [];
  for (let number = 1; planned.length + left.length > 0; number++) {
    if (number > numRounds + maxExtraRounds) {
      report.faults.push(
        `${left.length} disturbances did not strike: the runs are too short for them (--epochs)`,
      );
      return;
    }
    const startMs = performance.now();
    const flags = [...recipe('.', numEpochs), ...cluster1(numWorkers)];
    const deployment = await Deployment.start(cluster, `disturbed-${number}`, flags, join(folder, 'sample'));
    try {
      const done = await disturb({
        client: cluster.client,
        deployment,
        planned: planned.shift() ?? left.splice(0),
        numWorkers,
        onStrike: ({ name, atSeconds, step, target }) =>
          tell(`round ${number}, ${atSeconds.toFixed(1)} s, step ${step}: ${name} ${target}`),
      });
      left.push(...done.left);
      report.faults.push(...(await judge(deployment, dir, reference.weightsSha256, endWithinMs)));
      deployment.progress.read();
      const { highest, numRedone } = deployment.progress;
      const seconds = (performance.now() - startMs) / 1000;
      const { struck, overlaps } = done;
      const ends = Object.fromEntries(deployment.ends);
      report.rounds.push({ seconds, numSteps: highest, numRedone, struck, overlaps, ends });
      tell(`round ${number}: over after ${seconds.toFixed(0)} s`);
    } catch (error) {
      report.faults.push(`disturbed-${number}: ${(error as Error).message}\n${deployment.describe()}`);
    }
    if (report.faults.length > 0) return;
    await deployment.remove();
  }
}
