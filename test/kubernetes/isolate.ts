/**
 * A program in namespaces of its own: network, mounts and processes. Its ports, its bridge and its mounts are nobody
 * else's, and all that it has started ends with it, whatever happens: the kernel sees to that.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { exitCodes, runCommand, UserError } from '@unet-fleet/shared';

const mark = 'UNET_FLEET_TEST_ISOLATED';
const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

export const isIsolated = (): boolean => process.env[mark] === '1';

/** @throws UserError if the machine does not let this user have namespaces */
export async function requireNamespaces(): Promise<void> {
  const missing = 'there is no unshare on this machine (apt-get install util-linux)';
  const { exitCode } = await runCommand('unshare', [...flags, 'ip', 'link', 'set', 'lo', 'up'], { missing });
  if (exitCode === 0) return;
  throw new UserError(
    'this user may not make network and mount namespaces: run it as root, with iproute2 installed',
    exitCodes.unavailable,
  );
}

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
