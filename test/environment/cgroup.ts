/**
 * A control group for one cell, as a container has: all processes of the cell together may use so much. Both layouts of
 * the kernel's tree are known (v2: one group; v1: one for each resource). A group is removed when its cell has ended.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Plan } from './situations.ts';

export interface CgroupLimit {
  memoryBytes?: number;
  maxProcesses?: number;
  /** Of processor time, in cores. */
  cores?: number;
}

const root = '/sys/fs/cgroup';
const periodUs = 100_000;

interface Group {
  path: string;
  /** What is written into which of its files. */
  settings: Readonly<Record<string, string>>;
}

function groupsOf(name: string, { memoryBytes, maxProcesses, cores }: CgroupLimit): Group[] {
  const isV2 = existsSync(join(root, 'cgroup.controllers'));
  const group = (controller: string, v1: Group['settings'], v2: Group['settings']): Group =>
    isV2 ? { path: join(root, name), settings: v2 } : { path: join(root, controller, name), settings: v1 };
  const memory = String(memoryBytes);
  const quota = String(Math.round((cores ?? 0) * periodUs));
  const processes = { 'pids.max': String(maxProcesses) };
  return [
    ...(memoryBytes ? [group('memory', { 'memory.limit_in_bytes': memory }, { 'memory.max': memory })] : []),
    ...(maxProcesses ? [group('pids', processes, processes)] : []),
    ...(cores
      ? [
          group(
            'cpu',
            { 'cpu.cfs_period_us': String(periodUs), 'cpu.cfs_quota_us': quota },
            { 'cpu.max': `${quota} ${periodUs}` },
          ),
        ]
      : []),
  ];
}

/** Makes the group of the cell in `folder`. Throws where the kernel or this user's rights have none. */
export function inCgroup(folder: string, limit: CgroupLimit): Plan {
  const groups = groupsOf(`unet-fleet-${process.pid}-${basename(folder)}`, limit);
  for (const { path, settings } of groups) {
    mkdirSync(path, { recursive: true });
    for (const [file, value] of Object.entries(settings)) writeFileSync(join(path, file), value);
  }
  const enter = groups.map(({ path }) => `echo $$ > ${path}/cgroup.procs`).join(' && ');
  return {
    before: ['/bin/sh', '-c', `${enter} && exec "$@"`, 'sh'],
    afterwards: () => {
      for (const { path } of groups) rmdirSync(path);
    },
  };
}
