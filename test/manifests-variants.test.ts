/** What each option of `unet-fleet deploy render` makes of the manifests. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { names } from '@unet-fleet/deploy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Any,
  argument,
  awsEnvironment,
  folder,
  found,
  jobOf,
  objectsOf,
  recipeIn,
  renderVariants,
  root,
} from './manifests/rendered.ts';

beforeAll(renderVariants);
afterAll(() => rmSync(folder, { recursive: true }));

test('a worker sees the key of its own index alone, and there are keys to scale up to', () => {
  const { data: files } = found('plain', 'Secret', names.workers);
  const seeds = Object.keys(files).filter((file) => file.endsWith('.seed'));
  expect(seeds).toHaveLength(32);
  expect(new Set(seeds.map((file) => files[file])).size).toBe(32);
  const identity = (index: number) =>
    /identity: (\S+)/.exec(Buffer.from(files[`${index}.seed`], 'base64').toString())?.[1];
  expect([identity(0), identity(9), identity(31)]).toEqual(['worker-1', 'worker-10', 'worker-32']);
  const { containers } = jobOf('plain', 'worker').template.spec;
  const mounts = containers[0].volumeMounts.filter(({ name }: Any) => name === 'keys');
  expect(mounts.map(({ subPath, subPathExpr }: Any) => subPath ?? subPathExpr).sort()).toEqual([
    '$(JOB_COMPLETION_INDEX).seed',
    'ca.pem',
  ]);
  const keysOf = (name: string) => Object.keys(found('plain', 'Secret', name).data).sort();
  expect(keysOf(names.coordinator)).toEqual(['ca.pem', 'nats.seed']);
  expect(keysOf(names.nats)).toEqual(['nats-server.conf', 'server-key.pem', 'server.pem']);
});

test('the recipe is read as it was meant: paths in the pods, what the cluster settles, nothing of this machine', () => {
  const { data: options, train, engine, run, broker } = recipeIn(objectsOf('a recipe'));
  expect(options).toMatchObject({ images: '/data/photos', masks: '/data/annotations', size: '64x48' });
  expect(train).toMatchObject({ batchSize: 8, schedule: 'cosine' });
  expect(engine).toMatchObject({ device: 'cpu', threads: 4 });
  expect(run).toMatchObject({
    sharedMemory: false,
    checkpointSeconds: 60,
    runDir: '',
    dashboardHost: '127.0.0.1',
  });
  expect(broker.natsUrl).toBe('');
  expect(jobOf('a recipe', 'worker').completions).toBe(2);
  expect(recipeIn(objectsOf('gpu')).engine.device).toBe('gpu');
  expect(recipeIn(objectsOf('monitoring')).run.dashboardHost).toBe('0.0.0.0');
  expect(recipeIn(objectsOf('one worker')).engine.threads).toBe(1);
});

test('GPUs, spot nodes, queues and JobSets are asked for in the words of those who give them', () => {
  const { spec } = jobOf('gpu', 'worker').template;
  expect(spec.containers[0].resources.limits['nvidia.com/gpu']).toBe(1);
  expect(spec.containers[0].image).toMatch(/^registry\.example\.org\/ml\/unet-fleet-worker-gpu:/);
  expect(spec.runtimeClassName).toBe('nvidia');
  expect(jobOf('spot', 'worker').template.spec.nodeSelector).toEqual({
    pool: 'a',
    'nvidia.com/gpu.product': 'NVIDIA-H200',
  });
  const affinityOf = (component: string) => jobOf('spot', component).template.spec.affinity.nodeAffinity;
  expect(affinityOf('worker').preferredDuringSchedulingIgnoredDuringExecution).toHaveLength(4);
  expect(JSON.stringify(affinityOf('coordinator'))).toContain('"operator":"NotIn"');
  expect(found('a queue', 'Job', names.workers).metadata.labels['kueue.x-k8s.io/queue-name']).toBe('team');
  expect(found('a queue', 'Job', names.coordinator).metadata.labels).not.toHaveProperty(
    'kueue.x-k8s.io/queue-name',
  );
  expect(objectsOf('a JobSet').filter(({ kind }) => kind === 'Job')).toEqual([]);
  expect(objectsOf('one worker').filter(({ kind }) => kind === 'PodDisruptionBudget')).toEqual([]);
});

test('alerts are made of metrics that there are', () => {
  const documented = readFileSync(join(root, 'docs/metrics.md'), 'utf8');
  const rule = found('monitoring', 'PrometheusRule', 'unet-fleet');
  const metrics = JSON.stringify(rule.spec).match(/unet_fleet_\w+/g)!;
  expect(metrics.length).toBeGreaterThanOrEqual(6);
  for (const metric of metrics) expect(documented).toContain(`| \`${metric}\` |`);
});

test('data: workers get it over the broker, from a volume, or from a server that the policy lets them reach', () => {
  const argsOf = (variant: string) => jobOf(variant, 'worker').template.spec.containers[0].args;
  const mountsOf = (variant: string, component: string) =>
    jobOf(variant, component).template.spec.containers[0].volumeMounts.filter(
      ({ mountPath }: Any) => mountPath === '/data',
    );
  expect(
    [mountsOf('plain', 'worker'), mountsOf('a shared volume', 'worker')].map((mounts) => mounts.length),
  ).toEqual([0, 1]);
  expect(mountsOf('plain', 'coordinator')).toMatchObject([{ readOnly: true }]);
  expect(argument(argsOf('a pack from S3'), '--pack')).toBe('s3://bucket/clothes');
  expect(argument(argsOf('a pack on a shared volume'), '--pack')).toBe('/data/clothes');
  expect(argument(argsOf('plain'), '--pack')).toBeUndefined();
  const egressOf = (variant: string) => found(variant, 'NetworkPolicy', 'unet-fleet-peers').spec.egress;
  expect(egressOf('plain')).toHaveLength(2);
  expect(egressOf('a pack from S3')[2].to).toEqual([
    { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'storage' } } },
  ]);
  expect(egressOf('a pack from a web server')[2].ports).toEqual([{ protocol: 'TCP', port: 443 }]);
  expect(egressOf('NATS outside, without keys')[1].to).toEqual([{ ipBlock: { cidr: '10.0.0.5/32' } }]);
  expect(Object.keys(found('a pack from S3', 'Secret', names.pack).data)).toEqual(
    Object.keys(awsEnvironment),
  );
});

test('NATS outside: no broker of its own, and its keys where a folder has them', () => {
  const kinds = objectsOf('NATS outside, with keys').map(({ kind }) => kind);
  expect(kinds).not.toContain('Deployment');
  expect(kinds.filter((kind) => kind === 'Secret')).toHaveLength(2);
  expect(objectsOf('NATS outside, without keys').map(({ kind }) => kind)).not.toContain('Secret');
  const { args } = jobOf('NATS outside, without keys', 'worker').template.spec.containers[0];
  expect(argument(args, '--nats-url')).toBe('nats://10.0.0.5:4222');
  expect(args).not.toContain('--nats-seed');
});
