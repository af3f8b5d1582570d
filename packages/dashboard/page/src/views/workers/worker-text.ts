/** A worker's facts as short texts. Pure. */
import type { WorkerRow } from '../../../../src/protocol.ts';

export function bytesText(bytes: number): string {
  if (bytes <= 0) return '–';
  const gib = bytes / 2 ** 30;
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

export function gpuText(gpu: WorkerRow['gpu']): string {
  if (gpu === null) return '–';
  const { utilization, memoryBytes, memoryTotalBytes } = gpu;
  return `${Math.round(utilization * 100)} %, ${bytesText(memoryBytes)} of ${bytesText(memoryTotalBytes)}`;
}

/** Workers by name, as people count: local-2 before local-10. */
export const byName = (workers: readonly WorkerRow[]): WorkerRow[] =>
  [...workers].sort((left, right) => left.name.localeCompare(right.name, 'en', { numeric: true }));
