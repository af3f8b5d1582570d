/**
 * The life of one pod on its node: it waits for what its volumes are of, runs its container, starts it again where the
 * spec says so, and tells the API server what became of it. When it is asked to end, SIGTERM comes first and SIGKILL
 * after the grace period; the object goes when the process has.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Client, type Json } from '../client.ts';
import { Container, type Ended } from './container.ts';
import { environmentOf, MissingSource } from './environment.ts';
import { type Image, isOurs } from './images.ts';
import { newAddress } from './network.ts';
import { probe } from './probes.ts';
import { layOut, type VolumeSources } from './volumes.ts';

export interface Node {
  client: Client;
  /** Gets a folder for each pod. */
  folder: string;
  image: Image;
  /** The file with the names of Services, as pods of this namespace see them. */
  hostsOf(namespace: string): string;
  /** What pods of this namespace can mount and read. */
  sourcesOf(namespace: string): Promise<VolumeSources>;
  /** False while the node hears nothing of the API server, and the server nothing of it. */
  isConnected(pod: Json): boolean;
}

/** Between two tries to find what a pod needs, and between a container's end and its next start. */
const retryMs = 500;
const restartMs = [500, 1_000, 2_000, 5_000, 10_000] as const;

export class PodRunner {
  readonly name: string;
  readonly #node: Node;
  readonly #pod: Json;
  readonly #address = newAddress();
  #container: Container | null = null;
  #isEnding = false;
  #killTimer: NodeJS.Timeout | undefined;
  #numRestarts = 0;
  #lastEnd: Json = {};
  #phase = 'Pending';
  #isReady = false;
  #hasStarted = false;
  #state: Json = { waiting: { reason: 'ContainerCreating' } };
  /** One status after the other, the newest last. */
  #telling: Promise<void> = Promise.resolve();
  /** The last end of its process, when it is not started again. */
  ended: Ended | null = null;
  /** When its process has ended for good, and the server knows. */
  readonly done: Promise<void>;

  constructor(node: Node, pod: Json) {
    this.#node = node;
    this.#pod = pod;
    this.name = pod.metadata.name;
    this.done = this.#run();
  }

  get isRunning(): boolean {
    return this.#state.running !== undefined;
  }

  /** SIGTERM, and SIGKILL after `graceSeconds`; a shorter time than an earlier one counts. */
  end(graceSeconds: number): void {
    this.#isEnding = true;
    this.#container?.signal('SIGTERM');
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#container?.signal('SIGKILL'), graceSeconds * 1000);
    this.#killTimer.unref();
  }

  async #run(): Promise<void> {
    const { metadata, spec } = this.#pod;
    const folder = join(this.#node.folder, metadata.uid);
    mkdirSync(join(folder, 'volumes'), { recursive: true });
    for (;;) {
      const ended = await this.#runContainer(folder);
      const isFailure = ended.exitCode !== 0;
      this.#lastEnd = { terminated: this.#terminated(ended) };
      const again = spec.restartPolicy === 'Always' || (spec.restartPolicy === 'OnFailure' && isFailure);
      if (this.#isEnding || !again) {
        this.#phase = isFailure ? 'Failed' : 'Succeeded';
        this.#state = this.#lastEnd;
        this.ended = ended;
        break;
      }
      this.#state = { waiting: { reason: 'CrashLoopBackOff' } };
      this.#tell();
      await sleep(restartMs[Math.min(this.#numRestarts++, restartMs.length - 1)]);
    }
    clearTimeout(this.#killTimer);
    this.#tell();
    await this.#telling;
    for (const volume of spec.volumes ?? []) {
      if (volume.emptyDir) rmSync(join(folder, 'volumes', volume.name), { recursive: true, force: true });
    }
  }

  /** One life of the container; a pod whose container can't be made fails with the reason. */
  async #runContainer(folder: string): Promise<Ended> {
    const startedAt = new Date().toISOString();
    const notStarted = (exitCode: number): Ended => ({
      exitCode,
      signal: 0,
      startedAt,
      finishedAt: new Date().toISOString(),
      startError: '',
    });
    const { containers, initContainers = [] } = this.#pod.spec;
    const [spec] = containers;
    if (containers.length !== 1 || initContainers.length > 0 || !isOurs(spec.image)) {
      throw new Error(`${this.name}: this kubelet runs pods of one container, from an image of unet-fleet`);
    }
    let container: Container | null = null;
    while (container === null) {
      if (this.#isEnding) return notStarted(137);
      try {
        const sources = await this.#node.sourcesOf(this.#pod.metadata.namespace);
        container = await Container.start({
          pod: this.#pod,
          container: spec,
          image: this.#node.image,
          environment: environmentOf(spec, this.#pod, sources),
          volumes: layOut(this.#pod, join(folder, 'volumes'), sources),
          folder,
          hosts: this.#node.hostsOf(this.#pod.metadata.namespace),
          address: this.#address,
        });
      } catch (error) {
        if (!(error instanceof MissingSource)) throw error;
        this.#state = { waiting: { reason: 'ContainerCreating', message: error.message } };
        this.#tell();
        await sleep(retryMs);
      }
    }
    this.#container = container;
    this.#phase = 'Running';
    this.#state = { running: { startedAt: container.startedAt } };
    this.#hasStarted = false;
    this.#tell();
    // It was asked to end while it was made.
    if (this.#isEnding) container.signal('SIGTERM');
    const probing = new AbortController();
    void probe(container, spec, this.#address, this.#outcomes(), probing.signal);
    const ended = await container.ended;
    probing.abort();
    this.#isReady = false;
    return ended;
  }

  #outcomes() {
    return {
      onStarted: () => {
        this.#hasStarted = true;
        this.#tell();
      },
      onReady: (isReady: boolean) => {
        this.#isReady = isReady;
        this.#tell();
      },
      onUnhealthy: (why: string) => {
        process.stderr.write(`${this.name}: ${why}\n`);
        this.#container?.signal('SIGTERM');
        const { terminationGracePeriodSeconds = 30 } = this.#pod.spec;
        const container = this.#container;
        setTimeout(() => container?.signal('SIGKILL'), terminationGracePeriodSeconds * 1000).unref();
      },
    };
  }

  #terminated({ exitCode, signal, startedAt, finishedAt, startError }: Ended): Json {
    const policy = this.#pod.spec.containers[0].terminationMessagePolicy;
    const isTold = exitCode !== 0 && policy === 'FallbackToLogsOnError';
    const message = startError || (isTold ? this.#container?.lastLines : '');
    return {
      exitCode,
      ...(signal > 0 && { signal }),
      reason: startError ? 'StartError' : exitCode === 0 ? 'Completed' : 'Error',
      startedAt,
      finishedAt,
      ...(message && { message }),
    };
  }

  #tell(): void {
    const status = this.#status();
    this.#telling = this.#telling.then(() => this.#write(status));
  }

  #status(): Json {
    const [{ name, image }] = this.#pod.spec.containers;
    const isOver = this.#phase === 'Succeeded' || this.#phase === 'Failed';
    const condition = (type: string, isTrue: boolean) => ({
      type,
      status: isTrue ? 'True' : 'False',
      ...(isOver && { reason: this.#phase === 'Failed' ? 'PodFailed' : 'PodCompleted' }),
    });
    return {
      phase: this.#phase,
      podIP: this.#address,
      podIPs: [{ ip: this.#address }],
      hostIP: '10.244.0.1',
      conditions: [
        condition('Initialized', true),
        condition('ContainersReady', this.#isReady),
        condition('Ready', this.#isReady),
      ],
      containerStatuses: [
        {
          name,
          image,
          imageID: image,
          ready: this.#isReady,
          started: this.#hasStarted,
          restartCount: this.#numRestarts,
          state: this.#state,
          lastState: this.#numRestarts > 0 ? this.#lastEnd : {},
        },
      ],
    };
  }

  /** Tried until the server has it, or has no such pod any more. */
  async #write(status: Json): Promise<void> {
    const { name, namespace, uid } = this.#pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
    for (;;) {
      try {
        if (this.#node.isConnected(this.#pod)) {
          const body = { metadata: { uid }, status };
          await this.#node.client.json('PATCH', path, body, 'application/strategic-merge-patch+json');
          return;
        }
      } catch (error) {
        if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
        if (error instanceof ApiError && error.status === 422) throw error;
      }
      await sleep(retryMs);
    }
  }
}
