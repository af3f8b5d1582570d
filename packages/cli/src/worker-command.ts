/** How a worker process is started on this machine. */
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../bin/unet-fleet.js', import.meta.url));

export const workerCommand: readonly string[] = [process.execPath, script, 'worker'];
