/** Processes on the hosts of a network: what they said is kept for when something fails, and none outlives this one. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface HostProcess {
  name: string;
  said(): string;
  hasEnded(): boolean;
  /** Resolves to what it wrote to stdout. Rejects with what it said if its exit code is another than 0. */
  ended: Promise<string>;
  signal(name: NodeJS.Signals): void;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The environment without options of the developer's shell; the cache holds the engine. */
const cleanEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith('UNET_FLEET_') || /^UNET_FLEET_(CACHE|ENGINE)$/.test(name),
    ),
  );

export function startProcess(name: string, command: readonly string[]): HostProcess {
  const [program, ...args] = command;
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], env: cleanEnv() });
  running.add(child);
  let stdout = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running.delete(child);
      if (code === 0) resolve(stdout);
      else reject(new Error(`${name} ended with ${signal ?? `exit code ${code}`}; it said:\n${said}`));
    });
  });
  ended.catch(() => {});
  return {
    name,
    said: () => said,
    hasEnded: () => !running.has(child),
    ended,
    signal: (signal) => void child.kill(signal),
  };
}
