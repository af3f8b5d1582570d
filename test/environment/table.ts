/**
 * What each command is to do in each situation: the matrix itself. A cell is in it if a row names it; where several do,
 * the last one counts. What holds in every cell is in cell.ts.
 */
import { commands } from './commands.ts';
import { situations } from './situations.ts';

export interface Expectation {
  code: number | readonly number[];
  /** On standard output or standard error. */
  says?: RegExp;
}

export interface Cell {
  situation: string;
  command: string;
  expected: Expectation;
}

type Row = readonly [situations: readonly string[], commands: readonly string[], expected: Expectation];

const ended = ['train'];
const longRuns = ['train, long', 'coordinator, waiting', 'worker, waiting'];
const watching = ['dashboard', 'status --watch'];
const slow = ['predict', 'evaluate', 'inspect', 'pack', 'sample', 'replay'];
const quick = [
  ...[
    'report',
    'csv',
    'ledger',
    'ledger --json',
    'status',
    'config',
    'doctor',
    'credentials',
    'deploy render',
  ],
  ...['--help', 'setup'],
];
const interrupted = [...slow, 'train, scanning', 'quickstart, sampling'];

const done = { code: 0 } as const;
/** In good order. */
const left = { code: 4 } as const;
/** At once; what it was doing is said. */
const stopped = { code: 4, says: /unet-fleet: stopped by \S+.* during \w/ } as const;
const lost = (why: string): Expectation => ({
  code: 3,
  says: new RegExp(`unet-fleet: standard output can't be written \\(${why}\\)`),
});
const full = 'the disk is full';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGXCPU'];
const shapes = [
  ...[
    'terminal',
    'terminal of unknown size',
    'terminal of one cell',
    'terminal without TERM',
    'TERM=dumb',
    'NO_COLOR',
  ],
];
const places = ['LC_ALL=C', 'Turkish', 'an odd time zone', 'a time zone that is none'];

const rows: readonly Row[] = [
  [['as usual'], [...ended, ...slow, ...quick, ...watching], done],
  [['as usual'], longRuns, left],
  // Standard streams.
  [['stdout on a full disk'], [...slow, ...quick], lost(full)],
  // 143: the cell's SIGTERM meets a process that is at its end.
  [['stdout on a full disk'], ['status --watch'], { ...lost(full), code: [3, 143] }],
  [['stdout on a full disk'], ended, { code: 0, says: /\(the disk is full\): the work goes on without it/ }],
  [['stdout on a full disk'], ['train, long', 'coordinator, waiting'], left],
  [['stdout open for reading only'], ['config', 'csv'], lost('it is not open for writing')],
  [['stdout open for reading only', 'stdout closed'], ended, done],
  [['stdout closed', 'all streams closed'], ['config', 'predict', 'ledger'], done],
  [
    ['stderr on a full disk', 'stderr closed', 'stderr whose reader goes'],
    [...ended, 'evaluate', 'status'],
    done,
  ],
  [['stderr on a full disk', 'stderr closed', 'all streams closed'], ['train, long'], left],
  [['stdout whose reader goes'], [...ended, ...slow, ...quick, 'status --watch'], done],
  [['stdout whose reader goes', 'stderr whose reader goes'], ['train, long'], left],
  [['stdout whose reader stopped', 'stderr whose reader stopped'], ended, done],
  [
    ['stdout whose reader stopped', 'stderr whose reader stopped'],
    ['train, long', 'coordinator, waiting'],
    left,
  ],
  [['stdout whose reader stopped'], ['worker, waiting'], left],
  // Terminals.
  [shapes, [...ended, 'status', 'doctor', 'setup', ...watching], done],
  [['terminal', 'terminal of one cell'], slow, done],
  [['terminal closed', 'Ctrl-C on a terminal', 'Ctrl-\\ on a terminal'], longRuns, left],
  [['Ctrl-C on a terminal'], interrupted, stopped],
  [['terminal closed'], interrupted, left],
  [['terminal closed', 'Ctrl-C on a terminal'], watching, done],
  // Whether the signal or the failing write is seen first is left to the system.
  [['terminal closed'], ['status --watch'], { code: [0, 3] }],
  [['terminal closed after disown'], longRuns, left],
  [['terminal closed after disown'], ended, done],
  [['terminal closed after disown'], ['predict', 'evaluate', 'pack', 'config'], { code: 3 }],
  [['terminal that nobody reads, then SIGTERM'], longRuns, left],
  // Signals.
  [signals, longRuns, left],
  [signals, interrupted, stopped],
  [['SIGINT', 'SIGTERM', 'SIGHUP'], watching, done],
  [['SIGINT twice at once', 'SIGPIPE, then SIGTERM', 'SIGTSTP and SIGCONT, then SIGTERM'], longRuns, left],
  [['SIGINT, and again a second later', 'nohup and SIGHUP, then SIGTERM'], longRuns, left],
  // Where it runs.
  [['HOME unset', 'HOME empty'], [...ended, 'inspect', 'doctor', 'credentials'], done],
  [['HOME missing'], ['config', 'credentials', 'status'], done],
  [['no passwd entry, no HOME'], ['config', 'status', 'ledger'], done],
  [['no passwd entry, no HOME'], [...ended, 'inspect', 'doctor'], { code: 2, says: /set UNET_FLEET_CACHE/ }],
  [['HOME that can only be read'], ['config', 'status', 'inspect'], done],
  [['working folder that can only be read'], ['config', 'status', 'ledger', 'predict'], done],
  [
    ['working folder that can only be read'],
    [...ended, 'predict', 'inspect', 'sample', 'csv', 'report', 'credentials', 'pack'],
    { code: 2, says: /unet-fleet: .*(permission|may not|can't be|cannot)/i },
  ],
  [
    ['working folder mounted read-only'],
    [...ended, 'predict', 'inspect', 'sample', 'csv', 'report', 'credentials', 'pack'],
    { code: 2, says: /unet-fleet: .*its file system is read-only \(EROFS\)/ },
  ],
  [
    ['TMPDIR missing', '/dev/shm full', '/dev/shm read-only'],
    [...ended, 'inspect', 'predict', 'status'],
    done,
  ],
  [['working folder that was removed'], ['config', 'train', 'status'], { code: [0, 2, 3] }],
  [places, [...ended, 'inspect', 'predict', 'status', 'ledger'], done],
  [
    ['a clock that jumps'],
    [...ended, 'inspect', 'predict', 'evaluate', 'replay', 'status', 'report', 'csv', 'doctor', 'setup'],
    done,
  ],
  [['a clock that jumps'], longRuns, left],
  // Limits.
  [
    ['64 descriptors'],
    [...ended, 'inspect', 'predict', 'config'],
    { code: 3, says: /unet-fleet: this process may not open .*raise the limit \(ulimit -n/ },
  ],
  [['40 descriptors', '32 descriptors'], [...ended, 'inspect', 'predict', 'config'], { code: [0, 2, 3] }],
  [
    ['4 GiB of addresses', '2 GiB of addresses'],
    [...ended, 'inspect', 'predict', 'config'],
    { code: [0, 2, 3] },
  ],
  [['container of 1 GiB', 'container of a fifth of a core'], [...ended, 'inspect', 'predict'], done],
  [['container of a fifth of a core'], ['train, long', 'evaluate'], { code: [0, 4] }],
  // 137: the kernel chooses whom it kills.
  [['container of 200 MiB'], [...ended, 'inspect', 'predict', 'config'], { code: [0, 2, 3, 137] }],
  [['container of 40 processes'], [...ended, 'inspect', 'predict', 'config'], { code: [0, 2, 3] }],
  // 133: V8 reserves addresses for each thread, and ends the process where there are none.
  [['2 GiB of addresses'], ended, { code: [0, 2, 3, 133] }],
  [['files of 4 KiB at most'], [...ended, ...slow, 'csv', 'report', 'credentials'], { code: [0, 2, 3] }],
  [['disk of 300 kB'], ended, { code: [2, 3] }],
  [
    ['disk of 12 kB'],
    [...ended, 'evaluate', 'predict', 'inspect', 'pack', 'sample', 'credentials'],
    { code: [2, 3], says: /no space is left|is full/ },
  ],
];

/** All cells, situation by situation. Throws if a row names what is not there. */
export function cells(): Cell[] {
  const commandNames = new Set(commands.map(({ name }) => name));
  const found = new Map<string, Cell>();
  for (const [inSituations, ofCommands, expected] of rows) {
    for (const situation of inSituations) {
      if (!situations.some(({ name }) => name === situation)) throw new Error(`no situation ${situation}`);
      for (const command of ofCommands) {
        if (!commandNames.has(command)) throw new Error(`no command ${command}`);
        found.set(`${situation}\n${command}`, { situation, command, expected });
      }
    }
  }
  return [...found.values()].sort(
    (a, b) => orderOf(a.situation) - orderOf(b.situation) || a.command.localeCompare(b.command, 'en'),
  );
}

const orderOf = (situation: string): number => situations.findIndex(({ name }) => name === situation);

/** Why the cell is not as expected; empty if it is. */
export function differences(
  { code: expected, says }: Expectation,
  result: { code: number | null; stdout: string; stderr: string },
): string[] {
  const codes = typeof expected === 'number' ? [expected] : expected;
  const wrong: string[] = [];
  if (result.code === null || !codes.includes(result.code)) {
    wrong.push(`ended with ${result.code}, not ${codes.join(' or ')}`);
  }
  if (says && !says.test(`${result.stdout}\n${result.stderr}`)) wrong.push(`does not say ${says.source}`);
  return wrong;
}
