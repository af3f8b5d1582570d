/** A nats-server as an operator runs it: with a configuration file, and nobody who starts it again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { findNatsServer } from '@unet-fleet/coordinator';
import { afterAll } from 'vitest';

export interface OperatedServer {
  pid: number;
  /** What it has logged so far. */
  said(): string;
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || !address) throw new Error('a listening server has no port');
  return address.port;
}

/** Starts a server and waits until it listens. Rejects with its log if it ends before. */
export async function startNatsServer(
  configPath: string,
  env: Record<string, string> = {},
): Promise<OperatedServer> {
  const { path } = await findNatsServer();
  const child = spawn(path, ['-c', configPath], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  let log = '';
  const ended = once(child, 'close');
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Server is ready')) resolve();
    });
    child.on('error', reject);
    child.on('close', () => {
      running.delete(child);
      reject(new Error(`nats-server ended:\n${log}`));
    });
  });
  return {
    pid: child.pid!,
    said: () => log,
    signal: (name) => void child.kill(name),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
