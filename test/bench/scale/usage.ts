/** Memory and processor time of processes over a run, looked at once a second in /proc. */
import { readFileSync } from 'node:fs';

const everyMs = 1_000;
/** USER_HZ, which is 100 on every Linux. */
const ticksPerSecond = 100;

export interface Usage {
  /** Resident memory of all processes of the group, in bytes, one value a look. */
  residentBytes: number[];
  /** Processor seconds, in turn with them. */
  cpuSeconds: number[];
}

export interface UsageWatch<Group extends string> {
  /** Of now on; what was before is forgotten. */
  restart(): void;
  stop(): Record<Group, Usage>;
}

/** Watches groups of processes until `stop`. A process that is gone counts as nothing. */
export function watchUsage<Group extends string>(
  groups: Record<Group, readonly number[]>,
): UsageWatch<Group> {
  const names = Object.keys(groups) as Group[];
  const fresh = () =>
    Object.fromEntries(
      names.map((name) => [name, { residentBytes: [], cpuSeconds: [] }]),
    ) as unknown as Record<Group, Usage>;
  let usages = fresh();
  const look = () => {
    for (const name of names) {
      const now = groups[name].map(usageOf);
      if (now.includes(null)) continue;
      usages[name].residentBytes.push(now.reduce((sum, one) => sum + one!.residentBytes, 0));
      usages[name].cpuSeconds.push(now.reduce((sum, one) => sum + one!.cpuSeconds, 0));
    }
  };
  const timer = setInterval(look, everyMs);
  return {
    restart() {
      usages = fresh();
      look();
    },
    stop() {
      look();
      clearInterval(timer);
      return usages;
    },
  };
}

function usageOf(pid: number): { residentBytes: number; cpuSeconds: number } | null {
  try {
    const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    // The name in brackets may hold blanks; user and system time are the 14th and 15th field.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return kib && { residentBytes: Number(kib[1]) * 1024, cpuSeconds: ticks / ticksPerSecond };
  } catch {
    return null;
  }
}
