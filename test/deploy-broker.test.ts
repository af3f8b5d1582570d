/** deploy/nats-server.conf on a real server: it says what a run's own broker says, and a run can use it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  coordinatorPermissions,
  reducerPermissions,
  workerPermissions,
} from '@unet-fleet/coordinator/broker/permissions';
import { sharedWorkerIdentity, subjectsOf } from '@unet-fleet/wire';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { expect, test } from 'vitest';
import { freePort, startNatsServer } from './helpers/nats-server.ts';

const text = readFileSync(fileURLToPath(new URL('../deploy/nats-server.conf', import.meta.url)), 'utf8');

test('deploy/nats-server.conf allows what the code does, and nothing else', () => {
  const lists = [...text.matchAll(/(?:publish|subscribe): \{ allow: \[([^\]]*)\]/g)].map(([, list]) =>
    [...list!.matchAll(/"([^"]*)"/g)].map(([, subject]) => subject),
  );
  const worker = workerPermissions(sharedWorkerIdentity);
  expect(lists).toEqual([
    coordinatorPermissions.publish,
    coordinatorPermissions.subscribe,
    reducerPermissions.publish,
    reducerPermissions.subscribe,
    worker.publish,
    worker.subscribe,
  ]);
});

test('a server starts with it, and coordinator and worker hear each other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deploy-'));
  const port = await freePort();
  const path = join(folder, 'nats-server.conf');
  writeFileSync(path, text.replace('port: 4222', `port: ${port}`));
  const env = {
    UNET_FLEET_COORDINATOR_PASSWORD: 'of-the-coordinator',
    UNET_FLEET_REDUCER_PASSWORD: 'of-reducers',
    UNET_FLEET_WORKER_PASSWORD: 'of-workers',
  };
  const server = await startNatsServer(path, env);
  const url = `nats://127.0.0.1:${port}`;
  const coordinator = await connectBroker({
    url,
    user: 'coordinator',
    password: 'of-the-coordinator',
    name: 'a',
  });
  const worker = await connectBroker({ url, user: 'worker', password: 'of-workers', name: 'b' });
  await expect(connectBroker({ url, user: 'worker', password: 'guess', name: 'c' })).rejects.toThrow(
    /refuses/,
  );
  const { up, down } = subjectsOf('run');
  const heard: string[] = [];
  const hear = (_: Error | null, message: { subject: string }) => heard.push(message.subject);
  coordinator.subscribe(up('*.*'), { callback: hear });
  worker.subscribe(down('worker.b'), { callback: hear });
  await Promise.all([coordinator.flush(), worker.flush()]);
  worker.publish(up('worker.b'));
  coordinator.publish(down('worker.b'));
  for (const connection of [worker, coordinator, worker]) await connection.flush();
  expect(heard.sort()).toEqual([down('worker.b'), up('worker.b')]);
  await Promise.all([coordinator.close(), worker.close()]);
  await server.stop();
  rmSync(folder, { recursive: true });
});
