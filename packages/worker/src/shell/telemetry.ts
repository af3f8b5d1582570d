/**
 * What this process takes of its machine, told with each heartbeat. Asking a driver takes time, so it is asked beside the
 * work, at most every five seconds, and only where the engine computes on a GPU; an answer is as old as that.
 */
import { execFile } from 'node:child_process';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import type { Telemetry } from '@unet-fleet/wire';

const run = promisify(execFile);

const everyMs = 5_000;
const patienceMs = 5_000;
const mebibyte = 2 ** 20;

export class TelemetrySource {
  #gpu: Telemetry['gpu'] = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #hasTool = true;

  /** Returns at once. `usesGpu`: the engine computes on one. */
  now(usesGpu: boolean, nowMs: number): Telemetry {
    if (usesGpu && this.#hasTool && !this.#isAsking && nowMs - this.#askedAtMs >= everyMs) {
      this.#askedAtMs = nowMs;
      void this.#ask();
    }
    return {
      host: hostname(),
      pid: process.pid,
      residentBytes: process.memoryUsage.rss(),
      gpu: this.#gpu,
    };
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    try {
      // TensorFlow uses the first visible one; binding.ts has CUDA count GPUs as nvidia-smi does.
      const visible = process.env.CUDA_VISIBLE_DEVICES?.split(',')[0]?.trim() || '0';
      const query = '--query-gpu=utilization.gpu,memory.used,memory.total';
      const { stdout } = await run(
        'nvidia-smi',
        [`--id=${visible}`, query, '--format=csv,noheader,nounits'],
        {
          timeout: patienceMs,
          maxBuffer: 64 * 1024,
        },
      );
      this.#gpu = parseGpu(stdout);
    } catch (error) {
      this.#gpu = null;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#hasTool = false;
    } finally {
      this.#isAsking = false;
    }
  }
}

/** The line "35, 10240, 81559": per cent, MiB, MiB. Null where the driver says something else, such as [N/A]. */
export function parseGpu(line: string): Telemetry['gpu'] {
  const fields = line.trim().split('\n')[0]!.split(',');
  if (fields.length !== 3 || fields.some((field) => !/^\s*\d+(\.\d+)?\s*$/.test(field))) return null;
  const [percent, used, total] = fields.map(Number) as [number, number, number];
  return {
    utilization: Math.min(1, percent / 100),
    memoryBytes: Math.round(used * mebibyte),
    memoryTotalBytes: Math.round(total * mebibyte),
  };
}
