/** The situations of the matrix: how a command is started in each, and what happens to it while it works. */

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, closeSync, constants, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupLimit, inCgroup } from './cgroup.ts';
import { clockProgram } from './fixture.ts';

/** What a situation may do to a started command. */
export interface Handle {
  folder: string;
  pid: number;
  kill(name: NodeJS.Signals): void;
  /** A line for the terminal that it runs on. */
  terminal(line: string): void;
  pause(ms: number): Promise<void>;
  hasEnded(): boolean;
  /** Whether the command does not end by itself. */
  isEndless: boolean;
}

export interface Plan {
  /** Programs and arguments before the command; they hand their process on to it (exec). */
  before?: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
  /** With which Node.js itself ends, core dump and all, where it can't go on. */
  fatalCode?: number;
  /** Rows and columns of a terminal that it runs on. */
  terminal?: readonly [number, number];
  /** Descriptors that the command's process inherits under these numbers, closed by `undo`. */
  undo?(): void;
  /** When all processes of the cell have ended. */
  afterwards?(): void;
  /** Waits until it is in the middle of its work, and does this. */
  whenUnderWay?(handle: Handle): Promise<void> | void;
  /** As soon as it has begun to run. */
  whenStarted?(handle: Handle): Promise<void> | void;
}

export interface Situation {
  name: string;
  /** Makes what it needs in the cell's folder. */
  prepare(folder: string): Plan;
  /** Only root can make it so. */
  needsRoot?: boolean;
}

const shell = (script: string): readonly string[] => ['/bin/sh', '-c', `${script}; exec "$@"`, 'sh'];
const redirected = (redirection: string): readonly string[] => [
  '/bin/sh',
  '-c',
  `exec "$@" ${redirection}`,
  'sh',
];
const plain = (name: string, plan: Plan): Situation => ({ name, prepare: () => plan });

const asked = (name: string, act: (handle: Handle) => Promise<void> | void, plan: Plan = {}): Situation =>
  plain(name, { ...plan, whenUnderWay: act });

/** A pipe whose reader takes nothing: it is full from the start, or goes once the command has it. */
function pipe(name: string, fd: 1 | 2, isGone: boolean): Situation {
  return {
    name,
    prepare(folder) {
      const path = join(folder, 'pipe');
      const { status } = spawnSync('mkfifo', [path]);
      if (status !== 0) throw new Error(`mkfifo ${path} failed`);
      const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      const fill = Buffer.alloc(4096, 'x');
      try {
        while (!isGone) writeSync(reader, fill);
      } catch {
        // It is full.
      }
      let isOpen = true;
      const close = () => {
        if (isOpen) closeSync(reader);
        isOpen = false;
      };
      return { before: redirected(`${fd}>pipe`), undo: close, ...(isGone && { whenStarted: close }) };
    },
  };
}

/** Nobody in /etc/passwd has this number. */
const stranger = 54_321;
const asStranger = ['setpriv', '--reuid', String(stranger), '--regid', String(stranger), '--clear-groups'];
/** Everything in the folder is the stranger's. */
const give = (folder: string): void => void spawnSync('chown', ['-R', `${stranger}:${stranger}`, folder]);

/** Mounts that the command alone sees. */
const inMounts = (name: string, script: string): Situation => ({
  name,
  needsRoot: true,
  prepare: () => ({ before: ['unshare', '--mount', ...shell(script)] }),
});

const bySignal = (name: NodeJS.Signals): Situation => asked(name, ({ kill }) => kill(name));

const limited = (name: string, limit: CgroupLimit): Situation => ({
  name,
  needsRoot: true,
  prepare: (folder) => inCgroup(folder, limit),
});

function smallDisk(sizeKib: number): Situation {
  return {
    name: `disk of ${sizeKib} kB`,
    needsRoot: true,
    prepare(folder) {
      rmSync(join(folder, 'small'), { recursive: true, force: true });
      return {
        before: [
          ...['unshare', '--mount', '/bin/sh', '-c'],
          // Inputs are seen through links; what is written goes to the small disk.
          `mkdir small && mount -t tmpfs -o size=${sizeKib}k none small && cd small && for f in data runs packed running; do ln -s ../$f; done; exec "$@"`,
          'sh',
        ],
      };
    },
  };
}

export const situations: readonly Situation[] = [
  plain('as usual', {}),
  plain('stdout on a full disk', { before: redirected('>/dev/full') }),
  plain('stderr on a full disk', { before: redirected('2>/dev/full') }),
  plain('stdout closed', { before: redirected('>&-') }),
  plain('stderr closed', { before: redirected('2>&-') }),
  plain('all streams closed', { before: redirected('<&- >&- 2>&-') }),
  plain('stdout open for reading only', { before: redirected('1</dev/null') }),
  plain('files of 4 KiB at most', { before: ['prlimit', '--fsize=4096'], env: {} }),
  pipe('stdout whose reader goes', 1, true),
  pipe('stderr whose reader goes', 2, true),
  pipe('stdout whose reader stopped', 1, false),
  pipe('stderr whose reader stopped', 2, false),
  plain('terminal', { terminal: [24, 80] }),
  plain('terminal of unknown size', { terminal: [0, 0] }),
  plain('terminal of one cell', { terminal: [1, 1] }),
  plain('terminal without TERM', { terminal: [24, 80], env: { TERM: undefined } }),
  plain('TERM=dumb', { terminal: [24, 80], env: { TERM: 'dumb' } }),
  plain('NO_COLOR', { terminal: [24, 80], env: { NO_COLOR: '1' } }),
  asked('terminal closed', ({ terminal }) => terminal('close'), { terminal: [24, 80] }),
  asked(
    'terminal closed after disown',
    async ({ terminal, kill, pause, isEndless }) => {
      terminal('close');
      if (!isEndless) return;
      await pause(1_500);
      kill('SIGTERM');
    },
    { terminal: [24, 80], env: { NO_HANGUP: '1' } },
  ),
  asked('Ctrl-C on a terminal', ({ terminal }) => terminal('key ^C'), { terminal: [24, 80] }),
  asked('Ctrl-\\ on a terminal', ({ terminal }) => terminal('key ^\\'), { terminal: [24, 80] }),
  asked(
    'terminal that nobody reads, then SIGTERM',
    async ({ terminal, kill, pause }) => {
      terminal('stop');
      await pause(1_000);
      kill('SIGTERM');
    },
    { terminal: [24, 80] },
  ),
  ...(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGXCPU'] as const).map(bySignal),
  asked('SIGINT twice at once', ({ kill }) => {
    kill('SIGINT');
    kill('SIGINT');
  }),
  asked('SIGINT, and again a second later', async ({ kill, pause, hasEnded }) => {
    kill('SIGINT');
    await pause(1_000);
    if (!hasEnded()) kill('SIGINT');
  }),
  asked('SIGPIPE, then SIGTERM', async ({ kill, pause }) => {
    kill('SIGPIPE');
    await pause(200);
    kill('SIGTERM');
  }),
  asked('SIGTSTP and SIGCONT, then SIGTERM', async ({ kill, pause }) => {
    kill('SIGTSTP');
    await pause(2_000);
    kill('SIGCONT');
    await pause(200);
    kill('SIGTERM');
  }),
  asked(
    'nohup and SIGHUP, then SIGTERM',
    async ({ kill, pause, hasEnded }) => {
      kill('SIGHUP');
      await pause(1_000);
      if (hasEnded()) return;
      kill('SIGTERM');
    },
    { before: ['nohup'], env: { _: '/usr/bin/nohup' } },
  ),
  plain('HOME unset', { env: { HOME: undefined } }),
  plain('HOME empty', { env: { HOME: '', UNET_FLEET_CACHE: undefined } }),
  plain('HOME missing', { env: { HOME: '/dev/null/home', UNET_FLEET_CACHE: undefined } }),
  {
    name: 'no passwd entry, no HOME',
    needsRoot: true,
    prepare(folder) {
      give(folder);
      return { before: asStranger, env: { HOME: undefined, UNET_FLEET_CACHE: undefined } };
    },
  },
  {
    name: 'HOME that can only be read',
    needsRoot: true,
    prepare(folder) {
      give(folder);
      const home = join(folder, 'home');
      chownSync(home, 0, 0);
      chmodSync(home, 0o555);
      return { before: asStranger, env: { UNET_FLEET_CACHE: undefined } };
    },
  },
  {
    name: 'working folder that can only be read',
    needsRoot: true,
    prepare(folder) {
      give(folder);
      chownSync(folder, 0, 0);
      chmodSync(folder, 0o555);
      for (const run of ['runs/0001', 'runs']) {
        chownSync(join(folder, run), 0, 0);
        chmodSync(join(folder, run), 0o555);
      }
      return { before: asStranger };
    },
  },
  inMounts('working folder mounted read-only', 'mount --bind . . && mount -o remount,bind,ro . && cd "$PWD"'),
  plain('TMPDIR missing', { env: { TMPDIR: '/nowhere/tmp' } }),
  inMounts(
    '/dev/shm full',
    'mount -t tmpfs -o size=8k none /dev/shm && { cat /dev/zero > /dev/shm/full 2>/dev/null || :; }',
  ),
  inMounts('/dev/shm read-only', 'mount -t tmpfs -o ro none /dev/shm'),
  {
    name: 'working folder that was removed',
    prepare(folder) {
      const gone = join(folder, 'gone');
      mkdirSync(gone);
      return { before: shell(`cd ${gone} && rmdir ${gone}`) };
    },
  },
  plain('LC_ALL=C', { env: { LC_ALL: 'C' } }),
  plain('Turkish', { env: { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } }),
  plain('an odd time zone', { env: { TZ: 'Pacific/Kiritimati' } }),
  plain('a time zone that is none', { env: { TZ: ':/no/such/zone' } }),
  plain('a clock that jumps', { env: { NODE_OPTIONS: `--import=${clockProgram}` } }),
  ...[64, 40, 32].map((limit) => plain(`${limit} descriptors`, { before: ['prlimit', `--nofile=${limit}`] })),
  ...[4, 2].map((gib) =>
    plain(`${gib} GiB of addresses`, { before: ['prlimit', `--as=${gib * 2 ** 30}`], fatalCode: 133 }),
  ),
  limited('container of 1 GiB', { memoryBytes: 2 ** 30 }),
  limited('container of 200 MiB', { memoryBytes: 200 * 2 ** 20 }),
  limited('container of 40 processes', { maxProcesses: 40 }),
  limited('container of a fifth of a core', { cores: 0.2 }),
  smallDisk(300),
  smallDisk(12),
];
