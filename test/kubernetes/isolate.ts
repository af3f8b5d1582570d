/**
 * A program in namespaces of its own: network, mounts and processes. Its ports, its bridge and its mounts are nobody
 * else's, and all that it has started ends with it, whatever happens: the kernel sees to that.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Tool } from '../tools/tool.ts';

const mark = 'UNET_FLEET_TEST_ISOLATED';
const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

export const isIsolated = (): boolean => process.env[mark] === '1';

/** That this system gives this user namespaces; where the program for them is missing, that is named by itself. */
export const namespaces: Tool = {
  name: 'network and mount namespaces',
  why: 'a cluster apart from this machine',
  remedy: 'run it as root, and in a container with CAP_SYS_ADMIN and CAP_NET_ADMIN',
  find: () => {
    const { status, error } = spawnSync('unshare', [...flags, 'true'], { stdio: 'ignore' });
    return status === 0 || error ? '' : null;
  },
};

/** Runs this program again with `args` inside; resolves to its exit code. */
export async function runIsolated(args: readonly string[]): Promise<number> {
  const child = spawn(
    'unshare',
    [...flags, 'sh', '-c', 'ip link set lo up; "$@" & wait $!', 'sh', process.execPath, ...args],
    { stdio: 'inherit', env: { ...process.env, [mark]: '1' } },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGKILL'));
  process.on('exit', () => child.kill('SIGKILL'));
  const [code] = await once(child, 'exit');
  return code ?? 130;
}
