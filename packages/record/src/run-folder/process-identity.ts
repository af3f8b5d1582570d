/**
 * Which process this is, such that another can tell whether it still runs. A process id alone is used again by later
 * processes, and means nothing in another container; its start time and its id namespace tell.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  pid: number;
  host: string;
  /** Since boot, in clock ticks, and the id namespace; '' where the system does not say. */
  startTicks: string;
  pidNamespace: string;
}

/** The 22nd field of /proc/<pid>/stat; the second, in parentheses, may contain spaces. */
function startTicksOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

export const thisProcess = (): ProcessIdentity => ({
  pid: process.pid,
  host: hostname(),
  startTicks: startTicksOf(process.pid),
  pidNamespace: pidNamespace(),
});

/** Whether the process still runs; null if that cannot be told from here. */
export function processIsAlive(other: ProcessIdentity): boolean | null {
  const self = thisProcess();
  if (other.host !== self.host || other.pidNamespace !== self.pidNamespace) return null;
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startTicksOf(other.pid) === other.startTicks;
}
