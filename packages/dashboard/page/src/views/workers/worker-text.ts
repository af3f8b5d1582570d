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

/** How long ago; never negative, whatever the clocks say. */
export function agoText(iso: string, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - Date.parse(iso)) / 1000);
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

/** Workers by name, as people count: local-2 before local-10. */
export const byName = (workers: readonly WorkerRow[]): WorkerRow[] =>
  [...workers].sort((left, right) => left.name.localeCompare(right.name, 'en', { numeric: true }));
