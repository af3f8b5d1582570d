import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MissingSource } from './environment.ts';
import { layOut } from './volumes.ts';

const folder = mkdtempSync(join(tmpdir(), 'volumes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sources = {
  configMap: (name: string) => (name === 'm' ? { 'a.yaml': 'a', b: 'b' } : null),
  secret: (name: string) => (name === 's' ? { key: 'k' } : null),
  claim: (name: string) => (name === 'bound' ? '/somewhere' : null),
};
const podWith = (volumes: object[]) => ({ metadata: { labels: { l: 'v' } }, spec: { volumes } });
const modeOf = (path: string) => statSync(path).mode & 0o7777;

test('files of ConfigMaps, Secrets and projections have their names, modes and contents', () => {
  const all = layOut(
    podWith([
      { name: 'map', configMap: { name: 'm' } },
      { name: 'secret', secret: { secretName: 's', defaultMode: 0o400 } },
      {
        name: 'both',
        projected: {
          sources: [
            { secret: { name: 's', items: [{ key: 'key', path: 'deep/seed', mode: 0o440 }] } },
            { downwardAPI: { items: [{ path: 'label', fieldRef: { fieldPath: "metadata.labels['l']" } }] } },
          ],
        },
      },
      { name: 'empty', emptyDir: {} },
      { name: 'claim', persistentVolumeClaim: { claimName: 'bound' } },
    ]),
    folder,
    sources,
  );
  expect(readFileSync(join(all.get('map')!, 'a.yaml'), 'utf8')).toBe('a');
  expect(modeOf(join(all.get('map')!, 'b'))).toBe(0o644);
  expect(modeOf(join(all.get('secret')!, 'key'))).toBe(0o400);
  expect(readFileSync(join(all.get('both')!, 'deep/seed'), 'utf8')).toBe('k');
  expect(readFileSync(join(all.get('both')!, 'label'), 'utf8')).toBe('v');
  expect(modeOf(all.get('empty')!)).toBe(0o777);
  expect(all.get('claim')).toBe('/somewhere');
});

test('what is not there yet is said, unless it is optional', () => {
  const missing = (volume: object) => () => layOut(podWith([{ name: 'v', ...volume }]), folder, sources);
  expect(missing({ secret: { secretName: 'none' } })).toThrow(MissingSource);
  expect(missing({ configMap: { name: 'm', items: [{ key: 'z', path: 'z' }] } })).toThrow(MissingSource);
  expect(missing({ persistentVolumeClaim: { claimName: 'unbound' } })).toThrow(
    'claim "unbound" is not bound',
  );
  expect(missing({ secret: { secretName: 'none', optional: true } })).not.toThrow();
});
