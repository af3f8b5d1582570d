import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSample } from '@unet-fleet/dataset';
import { deploy, startCluster } from './cluster.ts';
import { prepareControlPlane } from './control-plane/build.ts';
import { Informer } from './informer.ts';
import { isIsolated, runIsolated } from './isolate.ts';

const tell = (text: string) => process.stderr.write(`${text}\n`);
const programs = await prepareControlPlane(tell);
if (!isIsolated()) process.exit(await runIsolated(process.argv.slice(1)));
const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-kubernetes-'));
tell(folder);
const t0 = performance.now();
const cluster = await startCluster(programs, folder);
tell(`up ${performance.now() - t0}`);
await generateSample(join(folder, 'sample'), { numImages: 42, width: 48, height: 64 });
const flags = [
  '--workers',
  '2',
  '--worker-cpu',
  '1',
  '--images',
  'photos',
  '--masks',
  'annotations/pixel-level',
  '--class-names',
  'label_list.mat',
  '--size',
  '48x64',
  '--base-width',
  '4',
  '--batch-size',
  '8',
  '--leaf-size',
  '2',
  '--seed',
  '3',
  '--epochs',
  '4',
];
await deploy(cluster, 'smoke', flags, join(folder, 'sample'));
tell(`deployed ${performance.now() - t0}`);
const show = (c: any) => {
  const o = c.object;
  tell(
    `${((performance.now() - t0) / 1000).toFixed(1)} ${c.type} ${o.kind ?? ''} ${o.metadata.name} ${o.status?.phase ?? ''} ${JSON.stringify(o.status?.conditions?.filter((x: any) => x.status === 'True').map((x: any) => x.type))} ${JSON.stringify(o.status?.containerStatuses?.[0]?.state)}`,
  );
};
const pods = new Informer(cluster.client, '/api/v1/namespaces/smoke/pods', '', show).start();
const jobs = new Informer(cluster.client, '/apis/batch/v1/namespaces/smoke/jobs', '', show).start();
const ok = await jobs.until(
  (all) =>
    all.length === 2 &&
    all.every((j) =>
      j.status.conditions?.some(
        (c: any) => c.status === 'True' && (c.type === 'Complete' || c.type === 'Failed'),
      ),
    ),
  Number(process.env.LIMIT ?? 60_000),
);
tell(String(ok));
void pods;
cluster.stop();
process.exit(0);
