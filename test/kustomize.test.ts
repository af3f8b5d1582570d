/** deploy/kubernetes: written by the builder, current, and to Kustomize the same as what the command renders. */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { kustomizeFiles } from '@unet-fleet/deploy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { schemaFaults } from './manifests/check-schema.ts';
import { type Operation, patched } from './manifests/json-patch.ts';
import { type Any, cli, data, folder, outside, root } from './manifests/rendered.ts';

beforeAll(() => cli(['credentials', '--workers', '8', '--hosts', 'nats.example.org', '--out', 'shared']));
afterAll(() => rmSync(folder, { recursive: true }));

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
