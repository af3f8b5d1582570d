/** Processor time of a run's processes, by role, read from /proc: what moving bytes costs, whoever else uses the machine. */
import { readdirSync, readFileSync } from 'node:fs';

export type Role = 'coordinator' | 'broker' | 'workers';
export type ProcessorSeconds = Record<Role, number>;

/** Linux counts in these, on every architecture that Node runs on. */
const ticksPerSecond = 100;

/** Of this process, which is the coordinator, and of all that it has started, up to now. */
export function processorSeconds(): ProcessorSeconds {
  const seconds: ProcessorSeconds = { coordinator: 0, broker: 0, workers: 0 };
  const parents = new Map<number, number>();
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const all = processes.flatMap((pid) => processOf(Number(pid)) ?? []);
  for (const { pid, parent } of all) parents.set(pid, parent);
  for (const { pid, name, ticks } of all) {
    if (!isBelow(pid, process.pid, parents)) continue;
    const role = pid === process.pid ? 'coordinator' : name === 'nats-server' ? 'broker' : 'workers';
    seconds[role] += ticks / ticksPerSecond;
  }
  return seconds;
}

export const minus = (after: ProcessorSeconds, before: ProcessorSeconds): ProcessorSeconds => ({
  coordinator: after.coordinator - before.coordinator,
  broker: after.broker - before.broker,
  workers: after.workers - before.workers,
});

export const perStep = (all: ProcessorSeconds, numSteps: number): ProcessorSeconds => ({
  coordinator: all.coordinator / numSteps,
  broker: all.broker / numSteps,
  workers: all.workers / numSteps,
});

function isBelow(pid: number, ancestor: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at; at = parents.get(at)) if (at === ancestor) return true;
  return false;
}

/** Null for one that is gone. */
function processOf(pid: number) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, name, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}
