/** The benchmark of a GPU says in one sentence that there is none. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '@unet-fleet/law';
import { expect, test } from 'vitest';

const command = fileURLToPath(new URL('./dist/bench/gpu.js', import.meta.url));
/** Without a driver's tool on the path, as on a machine without a GPU. */
const run = (...args: string[]) =>
  spawnSync(process.execPath, [command, ...args], { encoding: 'utf8', env: { ...process.env, PATH: '' } });

test.skipIf(existsSync('/proc/driver/nvidia/version'))(
  'without a GPU it ends with one sentence that names the way out, and does nothing',
  () => {
    const { status, stdout, stderr } = run();
    expect(status).toBe(exitCodes.unavailable);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'bench:gpu: no NVIDIA driver is found on this machine: run this where nvidia-smi shows a GPU, or try its parts on the processor by --device cpu\n',
    );
  },
);

test('a part that there is not is named', () => {
  const { status, stderr } = run('--device', 'cpu', '--parts', 'set-up,speed');
  expect(status).toBe(exitCodes.usage);
  expect(stderr).toBe('bench:gpu: there is no part speed (--help lists what there is)\n');
});
