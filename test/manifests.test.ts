/**
 * What `unet-fleet deploy render` prints, and what lies in deploy/kubernetes: each object fits the API's schema with no
 * unknown field, and all of them keep what a cluster's owner relies on.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kustomizeFiles, names } from '@unet-fleet/deploy';
import { configOptions, exitCodes, loadConfig, readConfigFile } from '@unet-fleet/shared';
import type { Io } from 'unet-fleet/io';
import { buildProgram, runCli } from 'unet-fleet/program';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { schemaFaults } from './manifests/check-schema.ts';
import { type Operation, patched } from './manifests/json-patch.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects of a dozen kinds, held to their schemas by the first test
type Any = any;

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
const data = ['--images', 'photos', '--masks', 'masks'];
const pack = {
  https: ['--pack', 'https://data.example.org/clothes/'],
  s3: ['--pack', 's3://bucket/clothes'],
};
const outside = ['--nats-url', 'tls://nats.example.org:4222'];

/** Flags of each variant. */
const variants: Record<string, string[]> = {
  plain: data,
  gpu: [
    ...data,
    '--gpu',
    '--workers',
    '8',
    '--runtime-class',
    'nvidia',
    '--image-prefix',
    'registry.example.org/ml',
  ],
  'one worker': [...data, '--workers', '1', '--worker-cpu', '500m'],
  spot: [...data, '--spot', '--gpu', '--worker-nodes', 'pool=a,nvidia.com/gpu.product=NVIDIA-H200'],
  'a shared volume': [...data, '--data-volume', 'photos', '--storage-class', 'fast'],
  'a pack from a web server': [...pack.https, '--pack-token', 'secret-token'],
  'a pack from S3': pack.s3,
  'a pack on a shared volume': ['--pack', 'clothes', '--data-volume', 'photos'],
  'a JobSet': [...data, '--jobset', '--queue', 'team', '--workers', '3'],
  'a queue': [...data, '--queue', 'team'],
  monitoring: [
    ...data,
    '--monitoring',
    '--monitoring-namespace',
    'observability',
    '--dashboard-from',
    'ingress',
  ],
  'NATS outside, with keys': [...data, ...outside, '--credentials', 'shared'],
  'NATS outside, without keys': [...data, '--nats-url', 'nats://10.0.0.5:4222'],
  'a recipe': ['--config', 'recipe.yaml', '--workers', '2'],
};
const recipe = `data:
  images: photos
  masks: annotations
  size: 64x48
train: { batchSize: 8, schedule: cosine }
run: { workers: 6, checkpointSeconds: 60, runDir: elsewhere }
`;
const awsEnvironment = {
  AWS_ACCESS_KEY_ID: 'key-id',
  AWS_SECRET_ACCESS_KEY: 'secret-key',
  AWS_ENDPOINT_URL: 'http://minio.storage.svc:9000',
};

/** Runs a command line in the folder, as a person would. */
async function cli(args: readonly string[], env: Record<string, string> = {}) {
  let [stdout, stderr] = ['', ''];
  const stream = (write: (text: string) => void) => ({ write, isTTY: false }) as unknown as Io['stdout'];
  const io: Io = {
    stdout: stream((text) => {
      stdout += text;
    }),
    stderr: stream((text) => {
      stderr += text;
    }),
    env,
    cwd: folder,
    now: () => 0,
  };
  const code = await runCli(args, io);
  return { code, stdout, stderr };
}

const rendered = new Map<string, Any[]>();

beforeAll(async () => {
  writeFileSync(join(folder, 'recipe.yaml'), recipe);
  await cli(['credentials', '--workers', '8', '--hosts', 'nats.example.org', '--out', 'shared']);
  for (const [name, flags] of Object.entries(variants)) {
    const { code, stdout, stderr } = await cli(['deploy', 'render', ...flags], awsEnvironment);
    expect(code, stderr).toBe(0);
    rendered.set(
      name,
      parseAllDocuments(stdout, { version: '1.1' }).map((document) => document.toJS()),
    );
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const objectsOf = (variant: string): Any[] => rendered.get(variant)!;
const found = (variant: string, kind: string, name: string): Any =>
  objectsOf(variant).find((object) => object.kind === kind && object.metadata.name === name);

/** Jobs, also those within a JobSet, by the component of their pods. */
const jobsIn = (objects: readonly Any[]): Any[] =>
  objects.flatMap((object) => {
    if (object.kind === 'Job') return [object.spec];
    return object.kind === 'JobSet' ? object.spec.replicatedJobs.map((job: Any) => job.template.spec) : [];
  });
const componentOf = ({ metadata }: Any): string => metadata.labels['app.kubernetes.io/component'];
const jobOf = (variant: string, component: string): Any =>
  jobsIn(objectsOf(variant)).find(({ template }) => componentOf(template) === component);

/** Pods and templates of pods. */
const podsIn = (objects: readonly Any[]): Any[] => [
  ...jobsIn(objects).map(({ template }) => template),
  ...objects.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template),
  ...objects.filter(({ kind }) => kind === 'Pod'),
];
const argument = (args: string[], flag: string): string | undefined =>
  args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;
const eachVariant = Object.keys(variants);

describe.each(eachVariant)('%s', (variant) => {
  test('fits the schemas of the API', () => {
    expect(objectsOf(variant).flatMap(schemaFaults)).toEqual([]);
  });

  test('runs at the restricted level of Pod Security, with a root that is read-only and no rights at the API', () => {
    const pods = podsIn(objectsOf(variant));
    expect(pods.length).toBeGreaterThanOrEqual(2);
    for (const { spec } of pods) {
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 10_001,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(spec.automountServiceAccountToken).toBe(false);
      expect(spec.enableServiceLinks).toBe(false);
      expect([spec.hostNetwork, spec.hostPID, spec.hostIPC, spec.initContainers]).toEqual(
        Array(4).fill(undefined),
      );
      for (const container of spec.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.terminationMessagePolicy).toBe('FallbackToLogsOnError');
      }
      const allowed = ['configMap', 'emptyDir', 'persistentVolumeClaim', 'secret'];
      expect(allowed).toEqual(
        expect.arrayContaining(spec.volumes.map((volume: Any) => Object.keys(volume)[1])),
      );
    }
  });

  test('asks for processors and memory, bounds memory and scratch space, and is probed', () => {
    for (const { spec } of podsIn(objectsOf(variant))) {
      const [{ resources, livenessProbe, readinessProbe, startupProbe, name }] = spec.containers;
      expect(resources.requests).toMatchObject({ cpu: expect.any(String), memory: expect.any(String) });
      expect(resources.limits.memory).toBe(resources.requests.memory);
      for (const volume of spec.volumes)
        if (volume.emptyDir) expect(volume.emptyDir.sizeLimit).toMatch(/^\d+/);
      const isNats = name === 'nats';
      expect(startupProbe[isNats ? 'tcpSocket' : 'httpGet'].port).toBe(isNats ? 'nats' : 'metrics');
      expect(isNats || livenessProbe.httpGet.path).toBe(isNats || '/healthz');
      expect(isNats || readinessProbe.httpGet.path).toBe(isNats || '/readyz');
    }
  });

  test('names only what is there: accounts, claims, Secrets, volumes, ports', () => {
    const objects = objectsOf(variant);
    const has = (kind: string, name: string) =>
      objects.some((object) => object.kind === kind && object.metadata.name === name);
    for (const { spec } of podsIn(objects)) {
      expect(has('ServiceAccount', spec.serviceAccountName)).toBe(true);
      for (const { configMap, secret, persistentVolumeClaim } of spec.volumes) {
        if (configMap) expect(has('ConfigMap', configMap.name)).toBe(true);
        if (secret) expect(has('Secret', secret.secretName)).toBe(true);
        const isGiven = persistentVolumeClaim?.claimName === 'photos';
        if (persistentVolumeClaim && !isGiven)
          expect(has('PersistentVolumeClaim', persistentVolumeClaim.claimName)).toBe(true);
      }
      const [container] = spec.containers;
      const volumes = spec.volumes.map(({ name }: Any) => name);
      for (const { name } of container.volumeMounts) expect(volumes).toContain(name);
      for (const { secretRef } of container.envFrom ?? []) expect(has('Secret', secretRef.name)).toBe(true);
    }
    const spaces = objects
      .filter(({ kind }) => kind !== 'Namespace')
      .map(({ metadata }) => metadata.namespace);
    expect(new Set(spaces)).toEqual(new Set(['unet-fleet']));
  });

  test('no secret is outside the Secrets', () => {
    const objects = objectsOf(variant);
    const secrets = objects.filter(({ kind }) => kind === 'Secret');
    const values = secrets.flatMap(({ data: files }) =>
      Object.entries(files).flatMap(([file, value]) =>
        file === 'AWS_ENDPOINT_URL'
          ? []
          : [value as string, Buffer.from(value as string, 'base64').toString()],
      ),
    );
    const rest = JSON.stringify(objects.filter(({ kind }) => kind !== 'Secret'));
    for (const value of values) expect(rest.includes(JSON.stringify(value).slice(1, -1))).toBe(false);
    expect(rest).not.toMatch(/PRIVATE KEY|\bSU[A-Z2-7]{56}\b|secret-/);
  });

  test("pods' arguments are options of their commands", () => {
    const program = buildProgram({ env: {}, cwd: folder } as unknown as Io);
    for (const { spec } of podsIn(objectsOf(variant))) {
      const [{ args = [], command }] = spec.containers;
      if (command) continue;
      const options = program.commands.find((known) => known.name() === args[0])!.options;
      const given = args.filter((arg: string) => arg.startsWith('--'));
      expect(options.map(({ long }) => long)).toEqual(expect.arrayContaining(given));
    }
  });

  test('Jobs fit what the API server demands of their policies, and exit codes', () => {
    for (const spec of jobsIn(objectsOf(variant))) {
      const { podFailurePolicy, template } = spec;
      expect(template.spec.restartPolicy).toBe('Never');
      expect(spec.podReplacementPolicy).toBe('Failed');
      const isIndexed = spec.completionMode === 'Indexed';
      expect([spec.successPolicy !== undefined, spec.backoffLimitPerIndex !== undefined]).toEqual([
        isIndexed,
        isIndexed,
      ]);
      expect(spec.completions).toBe(spec.parallelism);
      // It may not be more than completions: a Job that has it could not be scaled down below it.
      expect(spec.maxFailedIndexes).toBeUndefined();
      const hopeless = isIndexed ? 'FailIndex' : 'FailJob';
      expect(podFailurePolicy.rules.map(({ action }: Any) => action)).toEqual(['Ignore', hopeless, 'Ignore']);
      expect(podFailurePolicy.rules[0].onPodConditions).toEqual([
        { type: 'DisruptionTarget', status: 'True' },
      ]);
      for (const { onExitCodes } of podFailurePolicy.rules.slice(1)) {
        expect(onExitCodes.containerName).toBe(template.spec.containers[0].name);
        // The API server takes a sorted list without 0.
        expect(onExitCodes.values).toEqual([...new Set<number>(onExitCodes.values)].sort((a, b) => a - b));
        expect(onExitCodes.values).not.toContain(0);
      }
    }
  });

  test('a pod has longer to end than its process takes', () => {
    const { spec } = jobOf(variant, 'worker').template;
    const drainSeconds = Number(argument(spec.containers[0].args, '--drain-seconds'));
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds);
    // What the large clouds give a pod on a spot node that goes.
    expect(spec.terminationGracePeriodSeconds).toBeLessThanOrEqual(15);
    const { run } = recipeIn(objectsOf(variant));
    const coordinator = jobOf(variant, 'coordinator').template.spec;
    expect(coordinator.terminationGracePeriodSeconds).toBeGreaterThan(run.stopSeconds);
  });

  test('policies deny by default, to each pod, and let nothing in or out but what is named', () => {
    const objects = objectsOf(variant);
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy').map(({ spec }) => spec);
    const [deny] = policies;
    expect(deny).toEqual({ podSelector: expect.anything(), policyTypes: ['Ingress', 'Egress'] });
    for (const { metadata } of podsIn(objects))
      expect(metadata.labels).toMatchObject(deny.podSelector.matchLabels);
    const rules = policies.flatMap(({ ingress = [], egress = [] }) => [...ingress, ...egress]);
    for (const { from, to, ports } of rules) {
      const peers = from ?? to;
      expect(peers.length).toBeGreaterThan(0);
      for (const peer of peers)
        expect(Object.values(Object.values(peer)[0] as object).length).toBeGreaterThan(0);
      const isNamespace = peers.every((peer: Any) => peer.namespaceSelector);
      expect(isNamespace || ports.length > 0).toBe(true);
    }
    // Nobody may speak to a worker, but Prometheus.
    const toWorkers = policies.filter(
      ({ podSelector, ingress }) => ingress && podSelector.matchExpressions?.[0].values.includes('worker'),
    );
    expect(toWorkers).toHaveLength(variant === 'monitoring' ? 1 : 0);
  });
});

/** The recipe of a render, read as the pod reads it. */
function recipeIn(objects: readonly Any[]) {
  const text = objects.find(({ kind }) => kind === 'ConfigMap').data['recipe.yaml'];
  const path = join(folder, 'rendered.yaml');
  writeFileSync(path, text);
  return loadConfig({ files: [readConfigFile(path)] });
}

test('the schemas refuse a field that there is none of, a wrong type and an unknown kind', () => {
  const job = structuredClone(objectsOf('plain').find(({ kind }) => kind === 'Job'));
  job.spec.template.spec.containers[0].imagePullPolcy = 'Always';
  job.spec.backoffLimit = 'many';
  expect(schemaFaults(job).join('\n')).toMatch(/imagePullPolcy[\s\S]*|backoffLimit must be integer/);
  expect(schemaFaults(job)).toHaveLength(2);
  expect(schemaFaults({ apiVersion: 'batch/v1', kind: 'Jop' })).toHaveLength(1);
});

test('what exit codes mean to a Job is what docs/exit-codes.md says of trying again', () => {
  const table = readFileSync(join(root, 'docs/exit-codes.md'), 'utf8');
  const rows = [...table.matchAll(/^\| (\d+) \|.*\| ?([^|]*)\|$/gm)].map(
    ([, code, again]) => [Number(code), again!] as const,
  );
  expect(rows.map(([code]) => code)).toEqual(Object.values(exitCodes));
  const again = (pattern: RegExp) => rows.filter(([, text]) => pattern.test(text)).map(([code]) => code);
  const [, hopeless, onRequest] = jobOf('plain', 'coordinator').podFailurePolicy.rules;
  expect(hopeless.onExitCodes.values).toEqual(again(/^(Fails|Differs) again/));
  expect(onRequest.onExitCodes.values).toEqual(again(/^Goes on/));
});

test('the namespace enforces the restricted level', () => {
  expect(found('plain', 'Namespace', 'unet-fleet').metadata.labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
  });
});

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

test('deploy/kubernetes is what the builder makes, and nothing else', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const files = kustomizeFiles(version);
  const kept = join(root, 'deploy/kubernetes');
  const there = readdirSync(kept, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.yaml'),
  );
  expect(there.sort()).toEqual([...files.keys()].sort());
  for (const [path, text] of files) {
    expect(readFileSync(join(kept, path), 'utf8'), `${path}: node packages/deploy/write-kubernetes.mjs`).toBe(
      text,
    );
  }
});

describe('overlays', () => {
  const kept = join(root, 'deploy/kubernetes');
  const documentsIn = (path: string): Any[] =>
    parseAllDocuments(readFileSync(path, 'utf8'), { version: '1.1' }).map((document) => document.toJS());
  const resourcesOf = (path: string): Any[] =>
    documentsIn(join(path, 'kustomization.yaml'))[0].resources.flatMap((resource: string) => {
      const resolved = join(path, resource);
      return statSync(resolved).isDirectory() ? resourcesOf(resolved) : documentsIn(resolved);
    });
  /** What Kustomize makes of an overlay. */
  function built(path: string): Any[] {
    const { patches = [] } = documentsIn(join(path, 'kustomization.yaml'))[0];
    let objects = resourcesOf(path);
    for (const { target, patch } of patches) {
      const content = parse(patch, { version: '1.1' });
      const { kind, metadata = { name: target?.name } } = target ? { kind: target.kind } : content;
      const isMeant = (object: Any) => object.kind === kind && object.metadata.name === metadata.name;
      expect(objects.filter(isMeant)).toHaveLength(1);
      objects = target
        ? objects.map((object) => (isMeant(object) ? patched(object, content as Operation[]) : object))
        : objects.filter((object) => !isMeant(object));
    }
    return objects;
  }

  test.each(readdirSync(join(kept, 'overlays')))(
    '%s fits the schemas, and is what its flags render',
    async (name) => {
      const objects = built(join(kept, 'overlays', name));
      expect(objects.flatMap(schemaFaults)).toEqual([]);
      const flags: Record<string, string[]> = {
        'one-node-cpu': [
          ...[
            '--worker-cpu',
            '1',
            '--worker-memory',
            '2Gi',
            '--coordinator-cpu',
            '500m',
            '--coordinator-memory',
            '1Gi',
          ],
          ...['--sample-cache-mb', '2000'],
        ],
        gpu: ['--gpu', '--workers', '4'],
        spot: ['--spot'],
        jobset: ['--jobset'],
        'external-nats': [...outside, '--credentials', 'shared'],
        kueue: ['--queue', 'unet-fleet'],
        monitoring: ['--monitoring'],
      };
      const { stdout } = await cli([
        'deploy',
        'render',
        ...data,
        '--workers',
        '2',
        ...flags[name]!,
        '--json',
      ]);
      // The small node's broker asks for less, for which there is no flag.
      const isComparable = (object: Any) =>
        object.kind !== 'Secret' && !(name === 'one-node-cpu' && object.kind === 'Deployment');
      const sorted = (list: Any[]) =>
        list
          .filter(isComparable)
          .map((object) => JSON.stringify(canonical(object)))
          .sort();
      expect(sorted(objects)).toEqual(sorted(JSON.parse(stdout)));
    },
  );
});

/** With keys in one order. */
const canonical = (value: Any): Any => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, canonical(value[key])]),
  );
};

test('--out writes the parts as files, secrets for their owner alone; --only some; credentials are made once', async () => {
  const before = readFileSync(join(folder, 'credentials/coordinator.seed'), 'utf8');
  const { stdout } = await cli(['deploy', 'render', ...data, '--out', 'manifests', '--json']);
  const { files } = JSON.parse(stdout);
  expect(files.map(({ path }: Any) => path)).toEqual(
    [
      'namespace',
      'accounts',
      'network',
      'recipe',
      'secrets',
      'storage',
      'nats',
      'coordinator',
      'workers',
    ].map((part) => join(folder, 'manifests', `${part}.yaml`)),
  );
  expect(statSync(join(folder, 'manifests/secrets.yaml')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, 'credentials/coordinator.seed'), 'utf8')).toBe(before);
  const only = await cli(['deploy', 'render', '--only', 'namespace,loader', '--json']);
  expect(JSON.parse(only.stdout).map(({ kind }: Any) => kind)).toEqual(['Namespace', 'Pod']);
  expect(JSON.parse(only.stdout).flatMap(schemaFaults)).toEqual([]);
});

test('a worker whose key was revoked has none in the Secret', async () => {
  await cli(['deploy', 'render', '--only', 'secrets', '--max-workers', '3', '--credentials', 'revoked']);
  await cli(['credentials', '--out', 'revoked', '--revoke', 'worker-2']);
  const { stdout } = await cli([
    'deploy',
    'render',
    '--only',
    'secrets',
    '--credentials',
    'revoked',
    '--json',
  ]);
  const { data: files } = JSON.parse(stdout).find(({ metadata }: Any) => metadata.name === names.workers);
  const texts = Object.values(files).map((value) => Buffer.from(value as string, 'base64').toString());
  expect(texts.join('')).toMatch(/identity: worker-1[\s\S]*identity: worker-3/);
  expect(texts.join('')).not.toContain('identity: worker-2');
});

const wrong: [string, string[], RegExp][] = [
  ['no data', [], /--images \(the folder of photos\) and --masks/],
  ['a namespace with capitals', [...data, '--namespace', 'My_Run'], /--namespace "My_Run" is not allowed/],
  [
    'no quantity',
    [...data, '--worker-memory', '8 GB'],
    /--worker-memory 8 GB is not allowed: give a quantity/,
  ],
  ['no workers', [...data, '--workers', '0'], /--workers 0 is not allowed: it must be a whole number from 1/],
  [
    'a part that there is none of',
    [...data, '--only', 'pods'],
    /--only pods is not allowed: it takes namespace/,
  ],
  [
    'a part that these options make none of',
    [...data, '--only', 'monitoring'],
    /these options make no monitoring/,
  ],
  [
    'two places for the data',
    [...pack.https, '--data-volume', 'photos'],
    /--data-volume and a --pack with a URL/,
  ],
  ['a GPU and none', [...data, '--gpu', '--device', 'cpu'], /--gpu and --device cpu are both given/],
  ['a GPU that is not asked for', [...data, '--device', 'gpu'], /--device gpu needs --gpu/],
  [
    'more workers than keys',
    [...data, '--workers', '40'],
    /has keys for 32 workers, not for 40: add some with/,
  ],
  [
    'a broker elsewhere without its keys',
    [...data, ...outside, '--credentials', 'none'],
    /holds no credentials/,
  ],
  ["keys of a broker on a person's machine", [...data, '--credentials', 'shared'], /is not for a cluster/],
  [
    'no labels',
    [...data, '--worker-nodes', 'gpu'],
    /--worker-nodes gpu is not allowed: give labels as key=value/,
  ],
  ['an unknown option', [...data, '--gpus'], /unknown option --gpus; did you mean --gpu\?/],
  [
    'an unknown key in the recipe',
    ['--config', 'wrong.yaml'],
    /unknown key train\.batchsize in .*wrong\.yaml/,
  ],
  ['a folder that cannot be', [...data, '--out', 'recipe.yaml/below'], /the manifests can't be written to/],
];

test.each(wrong)('%s: one sentence, nothing printed', async (_, flags, sentence) => {
  writeFileSync(join(folder, 'wrong.yaml'), 'train: { batchsize: 2 }\n');
  const { code, stdout, stderr } = await cli(['deploy', 'render', ...flags]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(sentence);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('docs/kubernetes.md tells of every option that is not the training’s', () => {
  const page = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8');
  const { commands } = buildProgram({ env: {}, cwd: folder } as unknown as Io);
  const { options } = commands.find((command) => command.name() === 'deploy')!.commands[0]!;
  const configured = new Set(configOptions.map(({ flag }) => flag));
  const own = options
    .map(({ long }) => long!)
    .filter((flag) => !configured.has(flag) || flag === '--workers');
  expect(own.length).toBeGreaterThan(25);
  expect(own.filter((flag) => flag !== '--config' && !page.includes(`\`${flag}\``))).toEqual([]);
});
