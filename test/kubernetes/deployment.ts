/** One deployment of unet-fleet on the cluster of a test: its pods and Jobs as they are, and the course of its run. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedOf } from '@unet-fleet/law';
import { eventsIn } from '@unet-fleet/record';
import { Progress } from '../chaos/progress.ts';
import type { Client, Json } from './client.ts';
import { type Cluster, deploy } from './cluster.ts';
import type { Component } from './disturbances.ts';
import { Informer } from './informer.ts';
import type { Kubelet } from './kubelet/kubelet.ts';

const jobs = { coordinator: 'unet-fleet-coordinator', workers: 'unet-fleet-workers' } as const;
const componentLabel = 'app.kubernetes.io/component';

export interface Outcome {
  /** Complete or Failed, or '' while it goes on. */
  state: '' | 'Complete' | 'Failed';
  reason: string;
  message: string;
}

export class Deployment {
  readonly namespace: string;
  readonly runDir: string;
  readonly progress: Progress;
  /** Pod and reason where a container's command could never be run; no new try mends that. */
  startError = '';
  /** Ends of pods, by component, exit code and how the object went. */
  readonly ends = new Map<string, number>();
  readonly #client: Client;
  readonly #nodes: readonly Kubelet[];
  readonly #pods: Informer;
  readonly #jobs: Informer;
  readonly #seen = new Set<string>();

  private constructor({ client, nodes }: Cluster, namespace: string, runDir: string) {
    this.namespace = namespace;
    this.runDir = runDir;
    this.progress = new Progress(join(runDir, 'metrics.jsonl'));
    this.#client = client;
    this.#nodes = nodes;
    this.#pods = new Informer(client, `/api/v1/namespaces/${namespace}/pods`, '', ({ object }) =>
      this.#count(object),
    ).start();
    this.#jobs = new Informer(client, `/apis/batch/v1/namespaces/${namespace}/jobs`).start();
  }

  static async start(
    cluster: Cluster,
    namespace: string,
    flags: readonly string[],
    data: string,
  ): Promise<Deployment> {
    const volumes = await deploy(cluster, namespace, flags, data);
    return new Deployment(cluster, namespace, join(volumes['unet-fleet-run']!, 'run'));
  }

  /** Pods whose process runs and that nobody has asked to end, in a fixed order. */
  running(component: Component): Json[] {
    return this.#pods.all
      .filter(({ metadata, status, spec }) => {
        const isMine = metadata.labels?.[componentLabel] === component && !metadata.deletionTimestamp;
        return isMine && status.phase === 'Running' && this.nodeOf(spec.nodeName).isRunning(metadata.uid);
      })
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** All of a component that the API server has. */
  pods(component: Component): Json[] {
    return this.#pods.all.filter(({ metadata }) => metadata.labels?.[componentLabel] === component);
  }

  nodeOf(name: string): Kubelet {
    return this.#nodes.find((node) => node.name === name)!;
  }

  job(name: keyof typeof jobs): Json {
    return this.#jobs.all.find(({ metadata }) => metadata.name === jobs[name]);
  }

  outcome(name: keyof typeof jobs): Outcome {
    const conditions: Json[] = this.job(name)?.status.conditions ?? [];
    const last = conditions.find(({ type, status }) => /^(Complete|Failed)$/.test(type) && status === 'True');
    return { state: last?.type ?? '', reason: last?.reason ?? '', message: last?.message ?? '' };
  }

  /** Whether both Jobs are Complete, or one has Failed, or nothing can run. */
  get isOver(): boolean {
    if (this.startError !== '') return true;
    const states = [this.outcome('coordinator').state, this.outcome('workers').state];
    return states.includes('Failed') || states.every((state) => state === 'Complete');
  }

  async untilOver(limitMs: number): Promise<boolean> {
    const endMs = performance.now() + limitMs;
    while (!this.isOver && performance.now() < endMs) await sleep(100);
    return this.isOver;
  }

  /** What the run's last life says of its end; null while it has none. */
  get finished(): RecordedOf<'finished'> | null {
    const last = [...eventsIn(join(this.runDir, 'metrics.jsonl'))].at(-1);
    return last?.type === 'finished' ? last : null;
  }

  /** Changes the number of workers, as `kubectl patch` does. */
  async scale(numWorkers: number): Promise<void> {
    const reference = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: jobs.workers, namespace: this.namespace },
    };
    await this.#client.patch(reference, { spec: { completions: numWorkers, parallelism: numWorkers } });
  }

  /** Pods in a line each, for a person who has to find out why nothing moves. */
  describe(): string {
    return this.#pods.all
      .map(({ metadata, status }) => {
        const [container] = status.containerStatuses ?? [{}];
        const deleted = metadata.deletionTimestamp ? ', asked to end' : '';
        return `${metadata.name}: ${status.phase}${deleted} ${JSON.stringify(container.state ?? {})}`;
      })
      .join('\n');
  }

  /** Takes all of it from the cluster again. */
  async remove(): Promise<void> {
    const reference = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } };
    await this.#client.delete(reference);
    // A pod's object may be held a while by the Job controller's finalizer; what counts is that nothing runs.
    const isQuiet = (pods: Json[]) =>
      pods.every(
        ({ metadata, spec }) => !spec.nodeName || !this.nodeOf(spec.nodeName).isRunning(metadata.uid),
      );
    await this.#pods.until(isQuiet, 60_000);
    this.#pods.stop();
    this.#jobs.stop();
  }

  #count({ metadata, status }: Json): void {
    const [{ state = {}, lastState = {} } = {}]: Json[] = status.containerStatuses ?? [];
    const failed = [state, lastState].find(({ terminated }) => terminated?.reason === 'StartError');
    if (failed) this.startError ||= `${metadata.name} does not start: ${failed.terminated.message}`;
    const end = state.terminated;
    if (!end || this.#seen.has(metadata.uid)) return;
    this.#seen.add(metadata.uid);
    const isDisrupted = status.conditions.some(
      ({ type, status }: Json) => type === 'DisruptionTarget' && status === 'True',
    );
    const how = isDisrupted ? ', disrupted' : metadata.deletionTimestamp ? ', deleted' : '';
    const name = `${metadata.labels[componentLabel]} code ${end.exitCode}${how}`;
    this.ends.set(name, (this.ends.get(name) ?? 0) + 1);
  }
}
