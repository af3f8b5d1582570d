/** What the tests of manifests have in common: command lines run in a folder of their own, and what they render. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfigFile } from '@unet-fleet/config';
import { loadConfig } from '@unet-fleet/config/load';
import type { Io } from 'unet-fleet/io';
import { runCli } from 'unet-fleet/program';
import { parseAllDocuments } from 'yaml';

// biome-ignore lint/suspicious/noExplicitAny: objects of a dozen kinds, held to their schemas by the first test
export type Any = any;

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
export const data = ['--images', 'photos', '--masks', 'masks'];
export const pack = {
  https: ['--pack', 'https://data.example.org/clothes/'],
  s3: ['--pack', 's3://bucket/clothes'],
};
export const outside = ['--nats-url', 'tls://nats.example.org:4222'];

/** Flags of each variant. */
export const variants: Record<string, string[]> = {
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
export const awsEnvironment = {
  AWS_ACCESS_KEY_ID: 'key-id',
  AWS_SECRET_ACCESS_KEY: 'secret-key',
  AWS_ENDPOINT_URL: 'http://minio.storage.svc:9000',
};

/** Runs a command line in the folder, as a person would. */
export async function cli(args: readonly string[], env: Record<string, string> = {}) {
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

/** Renders all variants, for objectsOf. */
export async function renderVariants(): Promise<void> {
  writeFileSync(join(folder, 'recipe.yaml'), recipe);
  await cli(['credentials', '--workers', '8', '--hosts', 'nats.example.org', '--out', 'shared']);
  for (const [name, flags] of Object.entries(variants)) {
    const { code, stdout, stderr } = await cli(['deploy', 'render', ...flags], awsEnvironment);
    if (code !== 0) throw new Error(`${name}: ${stderr}`);
    rendered.set(
      name,
      parseAllDocuments(stdout, { version: '1.1' }).map((document) => document.toJS()),
    );
  }
}

export const objectsOf = (variant: string): Any[] => rendered.get(variant)!;
export const found = (variant: string, kind: string, name: string): Any =>
  objectsOf(variant).find((object) => object.kind === kind && object.metadata.name === name);

/** Jobs, also those within a JobSet, by the component of their pods. */
export const jobsIn = (objects: readonly Any[]): Any[] =>
  objects.flatMap((object) => {
    if (object.kind === 'Job') return [object.spec];
    return object.kind === 'JobSet' ? object.spec.replicatedJobs.map((job: Any) => job.template.spec) : [];
  });
const componentOf = ({ metadata }: Any): string => metadata.labels['app.kubernetes.io/component'];
export const jobOf = (variant: string, component: string): Any =>
  jobsIn(objectsOf(variant)).find(({ template }) => componentOf(template) === component);

/** Pods and templates of pods. */
export const podsIn = (objects: readonly Any[]): Any[] => [
  ...jobsIn(objects).map(({ template }) => template),
  ...objects.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template),
  ...objects.filter(({ kind }) => kind === 'Pod'),
];
export const argument = (args: string[], flag: string): string | undefined =>
  args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;

/** The recipe of a render, read as the pod reads it. */
export function recipeIn(objects: readonly Any[]) {
  const text = objects.find(({ kind }) => kind === 'ConfigMap').data['recipe.yaml'];
  const path = join(folder, 'rendered.yaml');
  writeFileSync(path, text);
  return loadConfig({ files: [readConfigFile(path)] });
}
