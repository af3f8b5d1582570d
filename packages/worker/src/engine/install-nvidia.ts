/** Which NVIDIA GPUs the machine has, by what the driver itself says. */
import { existsSync } from 'node:fs';
import { runCommand } from '@unet-fleet/install';
import type { Environment } from '@unet-fleet/shared';

export interface Gpu {
  name: string;
  memoryBytes: number;
}

export interface NvidiaDriver {
  /** '' if it is not known. */
  version: string;
  /** Empty if the driver has none, or nvidia-smi is missing. */
  gpus: Gpu[];
}

/** null where there is no driver; a nvidia-smi without one does not count. Never throws. */
export async function findNvidiaDriver(env: Environment = process.env): Promise<NvidiaDriver | null> {
  const query = ['--query-gpu=driver_version,memory.total,name', '--format=csv,noheader,nounits'];
  try {
    const { exitCode, stdout } = await runCommand('nvidia-smi', query, { env, missing: 'no nvidia-smi' });
    if (exitCode === 0) return parseGpus(stdout);
  } catch {
    // Containers often have the driver and not its tool.
  }
  return existsSync('/proc/driver/nvidia/version') ? { version: '', gpus: [] } : null;
}

/** Pure, for the tests. Lines such as "550.54.15, 81559, NVIDIA H100 80GB HBM3". */
export function parseGpus(csv: string): NvidiaDriver {
  const rows = csv
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter((fields) => fields.length >= 3);
  const gpus = rows.map(([, mebibytes, ...name]) => ({
    name: name.join(', '),
    memoryBytes: Number(mebibytes) * 1024 ** 2,
  }));
  return { version: rows[0]?.[0] ?? '', gpus };
}
