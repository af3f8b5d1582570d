import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { connectBroker } from '@unet-fleet/shared';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Broker, startBroker } from './embedded.ts';

let folder = '';
const started: Broker[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'broker-test-'));
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((broker) => broker.stop()));
  rmSync(folder, { recursive: true });
});

async function start(port = 0): Promise<Broker> {
  const broker = await startBroker({ port, folder });
  started.push(broker);
  return broker;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('listens when it is returned, carries messages up to 2 MiB, and ends at stop', async () => {
  const broker = await start();
  const connection = await connectBroker({ ...broker, name: 'test' });
  expect(connection.info?.max_payload).toBe(2 * 1024 ** 2);
  const subscription = connection.subscribe('a', { max: 1 });
  connection.publish('a', new Uint8Array(1 << 20).fill(7));
  for await (const message of subscription) expect(message.data.length).toBe(1 << 20);
  await connection.close();
  await broker.stop();
  expect(isAlive(broker.pid)).toBe(false);
  await expect(connectBroker({ ...broker, name: 'test' })).rejects.toThrow(/no broker answers at nats:/);
  // The credentials are gone with it, the log stays.
  expect(readdirSync(folder)).toEqual(['nats-server.log']);
});

test('keeps its credentials to the user, and lets nobody in without them', async () => {
  const broker = await start();
  const name = readdirSync(folder).find((file) => file.startsWith('broker-'))!;
  expect(statSync(join(folder, name, 'nats-server.conf')).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, name)).mode & 0o777).toBe(0o700);
  expect(readFileSync(join(folder, 'nats-server.log'), 'utf8')).not.toContain(broker.password);
  await expect(connectBroker({ ...broker, user: '', password: '', name: 'test' })).rejects.toThrow(
    /asks for a user: give --nats-user and --nats-password/,
  );
  await expect(connectBroker({ ...broker, password: 'guess', name: 'test' })).rejects.toThrow(
    /refuses the password of user fleet: check --nats-user and --nats-password/,
  );
});

test('two brokers at once get ports of their own', async () => {
  const [first, second] = await Promise.all([start(), start()]);
  expect(first.port).not.toBe(second.port);
  expect(first.password).not.toBe(second.password);
});

test('the system user learns at once that a client went away', async () => {
  const broker = await start();
  const system = await connectBroker({
    url: broker.url,
    user: broker.sysUser,
    password: broker.sysPassword,
    name: 'watch',
  });
  const events = system.subscribe('$SYS.ACCOUNT.*.DISCONNECT', { max: 1 });
  await system.flush();
  const client = await connectBroker({ ...broker, name: 'worker-7' });
  await client.close();
  for await (const message of events) {
    expect(message.json()).toMatchObject({ client: { name: 'worker-7', acc: 'FLEET' } });
  }
  await system.close();
});

test('a port in use is named, with the flag that changes it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  await expect(startBroker({ port, folder })).rejects.toThrow(
    `port ${port} on 127.0.0.1 is in use: choose another by --nats-port, or 0 for any free one`,
  );
  other.close();
  // What failed left no server behind and nothing in the way of the next start.
  expect((await start()).port).toBeGreaterThan(0);
});

test('says so when the server ends on its own', async () => {
  const broker = await start();
  process.kill(broker.pid, 'SIGKILL');
  expect(await broker.ended).toMatch(/the embedded broker ended unexpectedly: its log is .*nats-server\.log/);
});

test('dies with the process that started it, even one that is killed, and does not hear its Ctrl-C', async () => {
  const module = pathToFileURL(fileURLToPath(new URL('../../dist/broker/embedded.js', import.meta.url))).href;
  const script = `
    const { startBroker } = await import(${JSON.stringify(module)});
    const broker = await startBroker({ port: 0, folder: ${JSON.stringify(folder)} });
    console.log(broker.pid);
    setInterval(() => {}, 1000);
    process.on('SIGINT', () => console.log('interrupted'));
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const lines: string[] = [];
  parent.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  await vi.waitUntil(() => lines.length > 0, { timeout: 20_000 });
  const pid = Number(lines[0]);
  // As a terminal does: to the whole group of the process in front.
  process.kill(-parent.pid!, 'SIGINT');
  await vi.waitUntil(() => lines.includes('interrupted'), { timeout: 20_000 });
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitUntil(() => !isAlive(pid), { timeout: 20_000 });
});
