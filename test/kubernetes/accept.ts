/**
 * Whether a real cluster takes the manifests: each variant of `unet-fleet deploy render` and each overlay of
 * deploy/kubernetes in a namespace of its own, with unknown fields refused and the restricted level of Pod Security
 * enforced; then all pods must be made, let in and bound to a node. Nothing runs here: the nodes are idle.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runCommand } from '@unet-fleet/install';
import type { Json, KubeObject } from './client.ts';
import { type Cluster, documentsOf, makeVolume, startCluster, unetFleet } from './cluster.ts';
import type { ControlPlanePrograms } from './control-plane/build.ts';
import { Informer } from './informer.ts';
import { repository } from './kubelet/images.ts';

export interface Acceptance {
  name: string;
  numObjects: number;
  numPods: number;
  /** Sentences; none: all is well. */
  faults: string[];
}

const data = ['--images', 'photos', '--masks', 'masks'];
const s3 = {
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_ENDPOINT_URL: 'http://minio:9000',
};

/** Options of each variant. Claims that a cluster has already are made beforehand. */
const variants: Record<string, { flags: string[]; env?: Record<string, string>; claim?: string }> = {
  plain: { flags: data },
  gpu: {
    flags: [
      ...data,
      '--gpu',
      '--workers',
      '8',
      '--runtime-class',
      'nvidia',
      '--image-prefix',
      'r.example/ml',
    ],
  },
  'one-small-worker': { flags: [...data, '--workers', '1', '--worker-cpu', '500m', '--drain-seconds', '0'] },
  'spot-gpu': { flags: [...data, '--spot', '--gpu', '--worker-nodes', 'pool=a'] },
  'shared-volume': {
    flags: [...data, '--data-volume', 'photos', '--storage-class', 'fast'],
    claim: 'photos',
  },
  'pack-https': { flags: ['--pack', 'https://data.example.org/clothes/', '--pack-token', 'secret'] },
  'pack-s3': { flags: ['--pack', 's3://bucket/clothes'], env: s3 },
  'pack-volume': { flags: ['--pack', 'clothes', '--data-volume', 'photos'], claim: 'photos' },
  'jobset-queue': { flags: [...data, '--jobset', '--queue', 'team', '--workers', '3'] },
  queue: { flags: [...data, '--queue', 'team'] },
  monitoring: { flags: [...data, '--monitoring', '--dashboard-from', 'ingress'] },
  'nats-outside': { flags: [...data, '--nats-url', 'nats://10.0.0.5:4222'] },
  'nats-outside-keys': {
    flags: [...data, '--nats-url', 'tls://nats.example.org:4222', '--credentials', 'credentials'],
  },
};

/** Most that the scheduler gets for all pods of a variant. */
const withinMs = 60_000;

/** Each variant and overlay, told as it comes. */
export async function accept(
  programs: ControlPlanePrograms,
  folder: string,
  tini: string,
  tell: (acceptance: Acceptance) => void,
): Promise<Acceptance[]> {
  const isIdle = true;
  const nodes = [
    { name: 'idle', isIdle },
    { name: 'idle-gpu', isIdle, devices: { 'nvidia.com/gpu': '1000' }, labels: { pool: 'a' } },
  ];
  const cluster = await startCluster(programs, folder, nodes, tini);
  try {
    const runtime = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'nvidia' } };
    await cluster.client.apply({ ...runtime, handler: 'nvidia' });
    const pods = new Informer(cluster.client, '/api/v1/pods').start();
    const results: Acceptance[] = [];
    const check = async (name: string, objectsOf: () => Promise<KubeObject[]>, claim?: string) => {
      const result = await acceptance(cluster, pods, name, objectsOf, claim);
      results.push(result);
      tell(result);
    };
    await unetFleet(['deploy', 'render', ...data, '--only', 'secrets'], folder);
    for (const [name, { flags, env, claim }] of Object.entries(variants)) {
      const objects = async () =>
        JSON.parse(
          await unetFleet(['deploy', 'render', '--namespace', name, ...flags, '--json'], folder, env),
        );
      await check(name, objects, claim);
    }
    await check('loader', async () => [
      ...(await rendered(folder, 'loader', ['namespace', 'accounts', 'storage', 'loader'])),
    ]);
    const fault = await controlFault(cluster, pods, folder);
    if (fault !== '') throw new Error(fault);
    const manifests = join(repository, 'deploy/kubernetes');
    const overlays = readdirSync(join(manifests, 'overlays')).map(
      (name) => [name, `overlays/${name}`] as const,
    );
    for (const [name, path] of [['base', 'base'] as const, ...overlays]) {
      const namespace = `kustomize-${name}`;
      await check(namespace, async () => [
        ...(await kustomized(programs.programs.kubectl, join(manifests, path), folder, namespace)),
        ...(await rendered(folder, namespace, ['secrets'])),
      ]);
    }
    return results;
  } finally {
    cluster.stop();
  }
}

const rendered = async (folder: string, namespace: string, only: string[]): Promise<KubeObject[]> =>
  JSON.parse(
    await unetFleet(
      ['deploy', 'render', '--namespace', namespace, ...data, '--only', only.join(), '--json'],
      folder,
    ),
  );

/** What `kubectl apply -k` would send, from an overlay that does nothing but name a namespace. */
async function kustomized(
  kubectl: string,
  path: string,
  folder: string,
  namespace: string,
): Promise<KubeObject[]> {
  const overlay = join(folder, namespace);
  mkdirSync(overlay);
  const text = JSON.stringify({ resources: [relative(overlay, path)], namespace });
  writeFileSync(join(overlay, 'kustomization.yaml'), text);
  const missing = 'kubectl does not run';
  const { exitCode, stdout, stderr } = await runCommand(kubectl, ['kustomize', overlay], { missing });
  if (exitCode !== 0) throw new Error(stderr);
  return documentsOf(stdout);
}

async function acceptance(
  cluster: Cluster,
  pods: Informer,
  name: string,
  objectsOf: () => Promise<KubeObject[]>,
  claim?: string,
  limitMs = withinMs,
): Promise<Acceptance> {
  const { client } = cluster;
  const faults: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    await work().catch((error: Error) => faults.push(`${what}: ${error.message}`));
  };
  let objects: KubeObject[] = [];
  await attempt('rendering', async () => {
    objects = await objectsOf();
  });
  const all = [...objects.filter(({ kind }) => kind === 'Namespace')];
  if (claim) all.push(existingClaim(name, claim));
  all.push(...objects.filter(({ kind }) => kind !== 'Namespace'), ...objects.flatMap(jobsOf));
  client.warnings.length = 0;
  for (const object of all) {
    if (object.kind === 'PersistentVolumeClaim') {
      await attempt('volume', () => makeVolume(cluster, name, object));
    }
    await attempt(`${object.kind} ${object.metadata.name}`, () => client.apply(object));
  }
  faults.push(...client.warnings.map((warning) => `warning: ${warning}`));
  const namespace = await client.get({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  if (namespace?.metadata.labels['pod-security.kubernetes.io/enforce'] !== 'restricted') {
    faults.push('the restricted level of Pod Security is not enforced');
  }
  const numPods = all.map(numPodsOf).reduce((sum, count) => sum + count, 0);
  const own = (found: Json[]) => found.filter(({ metadata }) => metadata.namespace === name);
  const isBound = ({ spec }: Json) => spec.nodeName !== undefined;
  const areBound = await pods.until((found) => own(found).filter(isBound).length >= numPods, limitMs);
  if (!areBound) faults.push(...(await reasons(cluster, name, own(pods.all), numPods)));
  for (const { metadata, spec } of own(pods.all)) {
    const wantsGpu = spec.containers[0].resources.limits?.['nvidia.com/gpu'] !== undefined;
    if (wantsGpu && spec.nodeName !== 'idle-gpu')
      faults.push(`${metadata.name} is on ${spec.nodeName}, without a GPU`);
  }
  return { name, numObjects: objects.length, numPods, faults };
}

/** What is no good must be noticed here: a pod of more rights than the restricted level gives, and an unknown field. */
async function controlFault(cluster: Cluster, pods: Informer, folder: string): Promise<string> {
  const namespace = 'control';
  const objects = await rendered(folder, namespace, ['namespace', 'accounts', 'recipe', 'workers']);
  const [job, recipe] = ['Job', 'ConfigMap'].map((wanted) => objects.find(({ kind }) => kind === wanted)!);
  job!.spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation = true;
  recipe!.dat = {};
  const { faults } = await acceptance(cluster, pods, namespace, async () => objects, undefined, 5_000);
  const isNoticed = [
    /^0 of \d+ pods were made/,
    /violates PodSecurity "restricted/,
    /\.dat: field not declared/,
  ].every((pattern) => faults.some((fault) => pattern.test(fault)));
  return isNoticed ? '' : `faulty manifests are not noticed: ${faults.join('; ') || 'no word of them'}`;
}

/** Why pods are not there or on no node, in the words of the controllers. */
async function reasons(
  { client }: Cluster,
  namespace: string,
  pods: Json[],
  numPods: number,
): Promise<string[]> {
  const { items } = await client.json('GET', `/api/v1/namespaces/${namespace}/events`);
  const told = items
    .filter(({ type }: Json) => type === 'Warning')
    .map(({ involvedObject, message }: Json) => `${involvedObject.kind} ${involvedObject.name}: ${message}`);
  const numBound = pods.filter(({ spec }) => spec.nodeName !== undefined).length;
  return [`${pods.length} of ${numPods} pods were made, ${numBound} are bound`, ...new Set<string>(told)];
}

function numPodsOf({ kind, spec }: KubeObject): number {
  if (kind === 'Job') return spec.parallelism;
  if (kind === 'Deployment' || kind === 'StatefulSet') return spec.replicas;
  return kind === 'Pod' ? 1 : 0;
}

/** The Jobs that the controller of JobSet would make of one: it is not here, their templates are to be checked. */
const jobsOf = ({ kind, metadata, spec }: KubeObject): KubeObject[] =>
  kind === 'JobSet'
    ? spec.replicatedJobs.map(({ name, template }: Json) => ({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: `${metadata.name}-${name}-0`, namespace: metadata.namespace },
        spec: template.spec,
      }))
    : [];

const existingClaim = (namespace: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: {
    accessModes: ['ReadWriteMany'],
    storageClassName: '',
    resources: { requests: { storage: '1Gi' } },
  },
});
