/**
 * A kubelet in the small: it registers its node and keeps it alive, runs the pods that are bound to it as processes, and
 * writes back what becomes of them. Not enforced here: limits of memory and processors, and NetworkPolicies.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Client, type Json } from '../client.ts';
import { Informer } from '../informer.ts';
import type { Ended } from './container.ts';
import type { Image } from './images.ts';
import { type Node, PodRunner } from './pod.ts';
import type { VolumeSources } from './volumes.ts';

export interface KubeletOptions {
  client: Client;
  /** Of all nodes; each gets a folder there. */
  folder: string;
  name: string;
  image: Image;
  /** Such as nvidia.com/gpu: '2'. */
  devices?: Record<string, string>;
  labels?: Record<string, string>;
  /** Runs nothing: pods that are bound to it stay as they are. */
  isIdle?: boolean;
}

const leaseMs = 5_000;
/** More than any test's pods ask for; what there is in truth is this machine. */
const capacity = { cpu: '10000', memory: '100Ti', pods: '1000', 'ephemeral-storage': '1Pi' };

export class Kubelet {
  readonly name: string;
  readonly #options: KubeletOptions;
  readonly #pods: Informer;
  readonly #slices: Informer;
  /** By uid. */
  readonly #runners = new Map<string, PodRunner>();
  /** Uids of pods of which the node hears nothing, and tells nothing. */
  readonly #cutOff = new Set<string>();
  readonly #hosts: string;
  #isStopped = false;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.name = options.name;
    this.#hosts = join(options.folder, options.name, 'hosts');
    mkdirSync(this.#hosts, { recursive: true });
    const { client, name } = options;
    const onChange = ({ type, object }: { type: string; object: Json }) => this.#take(type, object);
    this.#pods = new Informer(client, '/api/v1/pods', `fieldSelector=spec.nodeName=${name}`, onChange);
    this.#slices = new Informer(client, '/apis/discovery.k8s.io/v1/endpointslices', '', () =>
      this.#writeHosts(),
    );
  }

  /** Registers the node; resolves when pods can be bound to it. */
  async start(): Promise<this> {
    const { client, name, devices, labels = {}, isIdle = false } = this.#options;
    await client.apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels } },
    });
    await client.patch(
      { apiVersion: 'v1', kind: 'Node', metadata: { name } },
      this.#status(devices),
      '/status',
    );
    void this.#keepAlive();
    if (isIdle) return this;
    this.#slices.start();
    this.#pods.start();
    return this;
  }

  stop(): void {
    this.#isStopped = true;
    this.#pods.stop();
    this.#slices.stop();
    for (const runner of this.#runners.values()) runner.end(0);
  }

  /**
   * From now on the node hears nothing of this pod and tells nothing of it, as one that is cut off from the network of
   * the control plane: the process lives on, whatever becomes of the object. Ends with `heal`.
   */
  cutOff(uid: string): { heal(): void } {
    this.#cutOff.add(uid);
    return {
      heal: () => {
        this.#cutOff.delete(uid);
        // The object is gone: what a kubelet does about a pod that is not its any more.
        if (!this.#pods.objects.has(uid)) this.#runners.get(uid)?.end(0);
      },
    };
  }

  /** Whether the pod's process runs, whatever the API server thinks of it. */
  isRunning(uid: string): boolean {
    return this.#runners.get(uid)?.isRunning ?? false;
  }

  /** How the pod's process ended; null while it runs. */
  endOf(uid: string): Ended | null {
    return this.#runners.get(uid)?.ended ?? null;
  }

  #take(type: string, pod: Json): void {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    if (this.#cutOff.has(uid)) return;
    const runner = this.#runners.get(uid);
    if (type === 'DELETED') {
      runner?.end(0);
      return;
    }
    const isOver = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
    if (!runner) {
      if (isOver || deletionTimestamp) {
        if (deletionTimestamp) void this.#remove(pod);
        return;
      }
      const started = new PodRunner(this.#node(), pod);
      this.#runners.set(uid, started);
      started.done.then(
        () => {
          const current = this.#pods.objects.get(uid);
          if (current?.metadata.deletionTimestamp) void this.#remove(current);
        },
        // A fault of this program, not of the pod.
        (error) => {
          process.stderr.write(`${(error as Error).stack}\n`);
          process.exit(1);
        },
      );
    } else if (deletionTimestamp) {
      runner.end(deletionGracePeriodSeconds ?? 0);
      void runner.done.then(() => this.#remove(pod));
    }
  }

  /** The object of a pod whose processes have ended; those who hold it by a finalizer let it go later. */
  async #remove({ metadata: { name, namespace, uid } }: Json): Promise<void> {
    if (this.#cutOff.has(uid)) return;
    try {
      await this.#options.client.delete(
        { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } },
        { gracePeriodSeconds: 0, preconditions: { uid } },
      );
    } catch (error) {
      if (!(error instanceof ApiError && (error.status === 404 || error.status === 409))) throw error;
    }
  }

  #node(): Node {
    const { client, folder, name, image } = this.#options;
    return {
      client,
      folder: join(folder, name, 'pods'),
      image,
      hostsOf: (namespace) => {
        this.#writeHosts(namespace);
        return join(this.#hosts, namespace);
      },
      sourcesOf: (namespace) => sourcesIn(client, namespace),
      isConnected: ({ metadata }) => !this.#cutOff.has(metadata.uid),
    };
  }

  /** Names of Services as the name service of a cluster has them: of those pods that are ready. */
  #writeHosts(wanted?: string): void {
    const slices = this.#slices.all;
    const namespaces = new Set<string>(slices.map(({ metadata }) => metadata.namespace));
    if (wanted) namespaces.add(wanted);
    for (const own of namespaces) {
      const lines = slices.flatMap(({ metadata, endpoints }) => {
        const service = metadata.labels['kubernetes.io/service-name'];
        const full = `${service}.${metadata.namespace}`;
        const names = [`${full}.svc.cluster.local`, `${full}.svc`, full];
        if (metadata.namespace === own) names.push(service);
        return (endpoints ?? [])
          .filter(({ conditions }: Json) => conditions.ready)
          .flatMap(({ addresses }: Json) => addresses.map((ip: string) => `${ip} ${names.join(' ')}`));
      });
      // In place: the pods have this very file mounted.
      writeFileSync(join(this.#hosts, own), ['127.0.0.1 localhost', ...lines, ''].join('\n'));
    }
  }

  #status(devices: Record<string, string> = {}): Json {
    const all = { ...capacity, ...devices };
    const time = new Date().toISOString();
    const condition = (type: string, status: string) => ({
      type,
      status,
      reason: 'Told',
      message: '',
      lastHeartbeatTime: time,
    });
    return {
      status: {
        capacity: all,
        allocatable: all,
        conditions: [
          condition('Ready', 'True'),
          condition('MemoryPressure', 'False'),
          condition('DiskPressure', 'False'),
          condition('PIDPressure', 'False'),
        ],
        addresses: [{ type: 'InternalIP', address: '10.244.0.1' }],
        nodeInfo: {
          ...{ architecture: 'amd64', operatingSystem: 'linux', kubeletVersion: 'v1.36.3' },
          ...{ bootID: '', machineID: '', systemUUID: '', kernelVersion: '', osImage: '' },
          ...{ containerRuntimeVersion: 'processes://1', kubeProxyVersion: '' },
        },
      },
    };
  }

  async #keepAlive(): Promise<void> {
    const { client, name } = this.#options;
    while (!this.#isStopped) {
      await client
        .apply({
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace: 'kube-node-lease' },
          spec: {
            holderIdentity: name,
            leaseDurationSeconds: 40,
            renewTime: new Date().toISOString().replace('Z', '000Z'),
          },
        })
        // The next one will do.
        .catch(() => {});
      await sleep(leaseMs, undefined, { ref: false });
    }
  }
}

/** ConfigMaps, Secrets and bound claims of a namespace as they are now. */
async function sourcesIn(client: Client, namespace: string): Promise<VolumeSources> {
  const list = async (path: string): Promise<Json[]> => (await client.json('GET', path)).items;
  const inNamespace = `/api/v1/namespaces/${namespace}`;
  const [maps, secrets, claims, volumes] = await Promise.all([
    list(`${inNamespace}/configmaps`),
    list(`${inNamespace}/secrets`),
    list(`${inNamespace}/persistentvolumeclaims`),
    list('/api/v1/persistentvolumes'),
  ]);
  const named = (objects: Json[], name: string) => objects.find(({ metadata }) => metadata.name === name);
  const decoded = (data: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
    );
  return {
    configMap: (name) => {
      const found = named(maps, name);
      return found ? (found.data ?? {}) : null;
    },
    secret: (name) => {
      const found = named(secrets, name);
      return found ? decoded(found.data ?? {}) : null;
    },
    claim: (name) => {
      const claim = named(claims, name);
      if (claim?.status.phase !== 'Bound') return null;
      return named(volumes, claim.spec.volumeName)?.spec.hostPath?.path ?? null;
    },
  };
}
