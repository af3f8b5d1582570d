/** A coordinator whose broker goes away while its reducers start: they wait for it, and what went wrong first is what is told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import { NodeUnavailable } from '@unet-fleet/coordinator/reducer/failure';
import { ReducerPool } from '@unet-fleet/coordinator/reducer/pool';
import { describeModel } from '@unet-fleet/law';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort, startNatsServer } from './helpers/nats-server.ts';
import { smallModel } from './helpers/small-model.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-reducers-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config = loadConfig({ flags: { images: 'photos', masks: 'masks' } });
const model = describeModel(smallModel({ baseWidth: 4 }));
const vector = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));
const weights = () => ({
  parameters: vector(model.numParameters),
  statistics: vector(model.numStatistics),
  slots: [vector(model.numParameters), vector(model.numParameters)],
});
const optionsAt = (url: string) => ({
  runId: 'waiting',
  term: 1,
  train: config.train,
  broker: { url, user: '', password: '' },
  sharedMemoryFolder: '',
});

test('reducers wait for a broker that is away, and say so', async () => {
  const port = await freePort();
  let told = (_: string) => {};
  const waits = new Promise<string>((resolve) => {
    told = resolve;
  });
  const pool = ReducerPool.start(optionsAt(`nats://127.0.0.1:${port}`), model, 1, {
    onFault: () => {},
    onWait: (reason) => told(reason),
  });
  const loaded = pool.load(0, weights());
  expect(await waits).toContain(`no broker answers at nats://127.0.0.1:${port}`);
  const path = join(folder, 'nats.conf');
  writeFileSync(path, `listen: "127.0.0.1:${port}"\n`);
  const server = await startNatsServer(path);
  await loaded;
  await pool.close();
  await server.stop();
});

test('a node of a worker that is gone is unavailable, which is no fault of the reducers', async () => {
  const path = join(folder, 'nats.conf');
  const port = await freePort();
  writeFileSync(path, `listen: "127.0.0.1:${port}"\n`);
  const server = await startNatsServer(path);
  const pool = ReducerPool.start(optionsAt(`nats://127.0.0.1:${port}`), model, 2);
  await pool.load(0, weights());
  const collected = expect(pool.collect('gone', false, 0, { level: 0, index: 0 }, 1)).rejects.toThrow(
    NodeUnavailable,
  );
  await pool.forgetPeer('gone');
  await collected;
  await pool.save(weights());
  await pool.close();
  await server.stop();
});

test('a reducer that has failed says why at every call, and can be closed', async () => {
  const pool = ReducerPool.start(optionsAt('no address'), model, 2);
  await expect(pool.load(0, weights())).rejects.toThrow('is no broker address');
  await expect(pool.load(0, weights())).rejects.toThrow('is no broker address');
  await pool.close();
});
