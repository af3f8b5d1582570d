/**
 * What one input costs: processor time of all threads (which another process on the machine does not change) and the
 * peak of the memory that was really used, which Linux keeps for a process and forgets on request.
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** Processor time of this process so far, in ms. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const kilobytes = (field: string): number =>
  Number(
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0,
  );

/** From here on; the result tells by how many MB memory has risen above what it is now, at its peak. */
export function watchMemory(): () => number {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    const before = process.memoryUsage.rss();
    return () => Math.max(0, process.memoryUsage.rss() - before) / 2 ** 20;
  }
  const before = kilobytes('VmRSS');
  return () => Math.max(0, kilobytes('VmHWM') - before) / 1024;
}
