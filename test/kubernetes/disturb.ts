/** Strikes a run as planned, and holds what it ends with against the run that nothing happened to. */
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { differences } from '../chaos/chaos.ts';
import { ApiError, type Client, type Json } from './client.ts';
import type { Deployment } from './deployment.ts';
import { type Component, nameOf, type Planned } from './disturbances.ts';

export interface Struck {
  name: string;
  /** Seconds after the run was deployed. */
  atSeconds: number;
  /** Of the newest commit then. */
  step: number;
  /** Pod, or number of workers. */
  target: string;
  /** To the next new commit, in ms; null where another one struck before it. */
  recoveryMs: number | null;
}

/** Two pods for one place, each with its process. */
export interface Overlap {
  first: string;
  second: string;
  /** How long both processes lived. */
  ms: number;
  /** How the first one ended. */
  end: string;
}

export interface DisturbOptions {
  client: Client;
  deployment: Deployment;
  planned: Planned[];
  numWorkers: number;
  onStrike(struck: Struck): void;
}

export interface Disturbed {
  struck: Struck[];
  overlaps: Overlap[];
  /** Those for which the run was too short. */
  left: Planned[];
}

/** The Job controller waits longer after each end of a pod, up to this after the fifth; and a busy machine. */
const victimWithinMs = 240_000;
const commitWithinMs = 300_000;
/** How long both processes of one place go on side by side. */
const overlapMs = 5_000;
const overlapWithinMs = 240_000;
const retryEvictionMs = 1_000;

export async function disturb(options: DisturbOptions): Promise<Disturbed> {
  const { client, deployment, numWorkers, onStrike } = options;
  const { progress } = deployment;
  const startMs = performance.now();
  const struck: Struck[] = [];
  const overlaps: Promise<Overlap>[] = [];
  const left = [...options.planned];
  let unanswered: { struck: Struck; atMs: number } | null = null;
  const isOver = () => deployment.isOver || deployment.finished !== null;
  const nextCommit = async () => {
    const step = unanswered?.struck.step ?? progress.highest;
    const came = await progress.until(() => progress.highest > step, commitWithinMs, isOver);
    if (came && unanswered) unanswered.struck.recoveryMs = performance.now() - unanswered.atMs;
    if (came) unanswered = null;
    else if (!isOver()) throw new Error(`no new commit for ${commitWithinMs / 1000} s after step ${step}`);
  };
  const victim = async (component: Component, pick: number): Promise<Json | null> => {
    const endMs = performance.now() + victimWithinMs;
    for (;;) {
      const found = deployment.running(component);
      if (found.length > 0) return found[Math.floor(pick * found.length)];
      if (isOver()) return null;
      if (performance.now() > endMs)
        throw new Error(`there is no ${component} for ${victimWithinMs / 1000} s`);
      await sleep(100);
    }
  };
  await nextCommit();
  while (left.length > 0) {
    const { disturbance, pick, afterCommit, pauseMs } = left[0]!;
    if (afterCommit) await nextCommit();
    await sleep(pauseMs);
    const pod = disturbance.kind === 'scale' ? null : await victim(disturbance.component, pick);
    if (isOver()) break;
    left.shift();
    let target = pod?.metadata.name ?? '';
    switch (disturbance.kind) {
      case 'delete':
        await client.delete(pod);
        break;
      case 'evict':
        await evict(client, pod, isOver);
        break;
      case 'preempt':
        await markDisrupted(client, pod, 'PreemptionByScheduler');
        await client.delete(pod);
        break;
      case 'cut off':
        overlaps.push(cutOff(client, deployment, pod, disturbance.component));
        break;
      case 'scale': {
        const { parallelism } = deployment.job('workers').spec;
        // Near what was asked for: from one fewer to one more.
        const wanted = parallelism + disturbance.by;
        const within =
          Math.abs(wanted - numWorkers) <= 1 && wanted > 0 ? wanted : parallelism - disturbance.by;
        await deployment.scale(within);
        target = `${parallelism} to ${within} workers`;
      }
    }
    progress.read();
    const atSeconds = (performance.now() - startMs) / 1000;
    const one = { name: nameOf(disturbance), atSeconds, step: progress.highest, target, recoveryMs: null };
    struck.push(one);
    onStrike(one);
    unanswered = { struck: one, atMs: performance.now() };
  }
  return { struck, overlaps: await Promise.all(overlaps), left };
}

/** A budget that allows no disruption now may allow it in a moment, as with a drain. */
async function evict(client: Client, pod: Json, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    try {
      return await client.evict(pod);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404) return;
      if (error.status !== 429) throw error;
      await sleep(retryEvictionMs);
    }
  }
}

/** The condition by which Jobs tell a disruption from a failure. */
async function markDisrupted(
  client: Client,
  pod: Json,
  reason: string,
  phase = pod.status.phase,
): Promise<void> {
  const { name, namespace } = pod.metadata;
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message: 'by the test' };
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
  const body = {
    status: { phase, conditions: [{ ...condition, lastTransitionTime: new Date().toISOString() }] },
  };
  await client.json('PATCH', path, body, 'application/strategic-merge-patch+json');
}

/** Its node is cut off, its object given up; both processes are left to themselves for a while once the next one runs. */
async function cutOff(
  client: Client,
  deployment: Deployment,
  pod: Json,
  component: Component,
): Promise<Overlap> {
  const { uid, name, annotations } = pod.metadata;
  const node = deployment.nodeOf(pod.spec.nodeName);
  const index = annotations?.['batch.kubernetes.io/job-completion-index'];
  const connection = node.cutOff(uid);
  await markDisrupted(client, pod, 'DeletionByPodGC', 'Failed');
  await client.delete(pod, { gracePeriodSeconds: 0 });
  const endMs = performance.now() + overlapWithinMs;
  const replacement = () =>
    deployment
      .running(component)
      .find(
        ({ metadata }) =>
          metadata.uid !== uid &&
          metadata.annotations?.['batch.kubernetes.io/job-completion-index'] === index,
      );
  const isScaledAway = () =>
    index !== undefined && Number(index) >= deployment.job('workers').spec.completions;
  const isOver = () => deployment.isOver || isScaledAway() || performance.now() > endMs;
  while (!replacement() && !isOver()) await sleep(50);
  const second = replacement()?.metadata.name ?? '';
  const startMs = performance.now();
  const isBoth = () => second !== '' && node.isRunning(uid);
  while (isBoth() && performance.now() - startMs < overlapMs) await sleep(50);
  const ms = second === '' ? 0 : performance.now() - startMs;
  const ended = node.endOf(uid);
  connection.heal();
  const end = ended ? `by itself, code ${ended.exitCode}` : 'by its node, when that was back';
  return { first: name, second, ms, end };
}

/** Sentences that say how a deployment's end differs from Complete with the reference's files; none: in nothing. */
export async function judge(
  deployment: Deployment,
  referenceDir: string,
  weightsSha256: string,
  limitMs: number,
): Promise<string[]> {
  const name = deployment.namespace;
  if (!(await deployment.untilOver(limitMs))) {
    return [`${name}: the Jobs are not over after ${limitMs / 1000} s\n${deployment.describe()}`];
  }
  if (deployment.startError !== '') return [`${name}: ${deployment.startError}`];
  const faults = (['coordinator', 'workers'] as const).flatMap((job) => {
    const { state, reason, message } = deployment.outcome(job);
    return state === 'Complete'
      ? []
      : [`${name}: the ${job}' Job is ${state || 'going on'}: ${reason} ${message}`];
  });
  const { finished } = deployment;
  if (finished === null) return [...faults, `${name}: the run has not ended`];
  if (finished.weightsSha256 !== weightsSha256) {
    faults.push(`${name}: the weights are ${finished.weightsSha256} instead of ${weightsSha256}`);
  }
  const checkpoint = join(deployment.runDir, 'checkpoints', basename(finished.lastCheckpoint!));
  return [
    ...faults,
    ...differences(referenceDir, deployment.runDir, checkpoint).map((text) => `${name}: ${text}`),
  ];
}
