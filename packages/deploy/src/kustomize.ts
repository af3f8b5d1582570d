/**
 * deploy/kubernetes as text: the base, and overlays as the difference of what is rendered with other options. So there
 * is one source of truth, and an overlay holds nothing but what it is about.
 */

import { loadConfig } from '@unet-fleet/config/load';
import type { Config } from '@unet-fleet/law';
import type { KubeObject, Value } from './objects.ts';
import { type DeployOptions, defaultOptions, gpuWorkerMemory } from './options.ts';
import { render, renderLoader, yamlOf } from './render.ts';

interface Overlay {
  about: string;
  options: (base: DeployOptions) => DeployOptions;
}

/** The recipe of the base: where the data is, and else the defaults. */
const recipeOfBase = (): Config => loadConfig({ flags: { images: '/data/photos', masks: '/data/masks' } });

/** Each is rendered by the same code as `unet-fleet deploy render` with the flags that `about` names. */
const overlays: Readonly<Record<string, Overlay>> = {
  'one-node-cpu': {
    about: 'One small node without a GPU: --worker-cpu 1 and less memory, for small models',
    options: (base) => ({
      ...base,
      coordinator: { cpu: '500m', memory: '1Gi' },
      worker: { cpu: '1', memory: '2Gi' },
      nats: { cpu: '100m', memory: '128Mi' },
      sampleCacheMb: 2_000,
    }),
  },
  gpu: {
    about: 'A GPU for each of four workers: --gpu --workers 4',
    options: (base) => ({
      ...base,
      gpu: true,
      workers: 4,
      worker: { ...base.worker, memory: gpuWorkerMemory },
    }),
  },
  spot: {
    about: 'Workers on spot nodes where there are any, coordinator and broker on others: --spot',
    options: (base) => ({ ...base, spot: true }),
  },
  jobset: {
    about: 'One JobSet in place of two Jobs: --jobset',
    options: (base) => ({ ...base, jobset: true }),
  },
  'external-nats': {
    about: 'A NATS server outside: --nats-url tls://nats.example.org:4222',
    options: (base) => ({ ...base, natsUrl: 'tls://nats.example.org:4222' }),
  },
  kueue: {
    about: "Workers wait in Kueue's local queue unet-fleet: --queue unet-fleet",
    options: (base) => ({ ...base, queue: 'unet-fleet' }),
  },
  monitoring: {
    about: 'What the Prometheus Operator scrapes and tells of: --monitoring',
    options: (base) => ({ ...base, monitoring: true }),
  },
};

const head = (text: string) =>
  `# ${text}.\n# Written by packages/deploy/write-kubernetes.mjs; a test keeps it current.\n`;

/** All files by their path below deploy/kubernetes. */
export function kustomizeFiles(imageTag: string): Map<string, string> {
  const base = defaultOptions(recipeOfBase(), imageTag);
  const rendered = render(base, null);
  const files = new Map<string, string>();
  const add = (path: string, about: string, objects: readonly unknown[]) =>
    files.set(path, head(about) + yamlOf(objects));
  for (const { name, objects } of rendered) {
    add(`base/${name}.yaml`, 'Part of the base: unet-fleet deploy render', objects);
  }
  add('base/kustomization.yaml', 'Two workers without a GPU, and all that they need but the Secrets', [
    kustomization(rendered.map(({ name }) => `${name}.yaml`)),
  ]);
  const { name, objects } = renderLoader(base);
  add(`${name}.yaml`, 'Holds the claims while data is copied in or results out', objects);
  for (const [folder, { about, options }] of Object.entries(overlays)) {
    const variant = render(options(base), null);
    const { added, patches } = difference(
      rendered.flatMap((file) => file.objects),
      variant.flatMap((file) => file.objects),
    );
    const resources = ['../../base', ...(added.length > 0 ? ['added.yaml'] : [])];
    add(`overlays/${folder}/kustomization.yaml`, about, [
      { ...kustomization(resources), ...(patches.length > 0 && { patches }) },
    ]);
    if (added.length > 0) add(`overlays/${folder}/added.yaml`, about, added);
  }
  return files;
}

const kustomization = (resources: readonly string[]) => ({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  resources,
});

/** What makes the objects `from` the objects `to`, in Kustomize's words. */
function difference(from: readonly KubeObject[], to: readonly KubeObject[]) {
  const key = ({ kind, metadata }: KubeObject) => `${kind}/${metadata.name}`;
  const before = new Map(from.map((object) => [key(object), object]));
  const after = new Map(to.map((object) => [key(object), object]));
  const patches: { target?: object; patch: string }[] = [];
  for (const [id, object] of before) {
    const { apiVersion, kind, metadata } = object;
    const changed = after.get(id);
    if (!changed) {
      const { name, namespace } = metadata;
      const removed = {
        $patch: 'delete',
        apiVersion,
        kind,
        metadata: { name, namespace: namespace! },
      };
      patches.push({ patch: yamlOf([removed]) });
      continue;
    }
    const operations = operationsOf(object, changed, '');
    if (operations.length > 0) {
      patches.push({ target: { kind, name: metadata.name }, patch: yamlOf([operations]) });
    }
  }
  return { added: to.filter((object) => !before.has(key(object))), patches };
}

interface Operation {
  op: 'add' | 'remove' | 'replace';
  path: string;
  value?: Value;
}

/** RFC 6902. Lists of another length are replaced as a whole, so that no operation depends on one before it. */
function operationsOf(from: Value, to: Value, path: string): Operation[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  const below = (key: string | number) =>
    `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length) {
    return from.flatMap((value, i) => operationsOf(value, to[i], below(i)));
  }
  if (!isFields(from) || !isFields(to)) return [{ op: 'replace', path, value: to }];
  return [
    ...Object.keys(from).flatMap((key): Operation[] => {
      const value = to[key];
      return value === undefined
        ? [{ op: 'remove', path: below(key) }]
        : operationsOf(from[key]!, value, below(key));
    }),
    ...Object.entries(to)
      .filter(([key]) => from[key] === undefined)
      .map(([key, value]): Operation => ({ op: 'add', path: below(key), value })),
  ];
}

const isFields = (value: Value): value is { readonly [key: string]: Value } =>
  typeof value === 'object' && !Array.isArray(value);
