/** `unet-fleet train` and `unet-fleet coordinator`: a run, with worker processes on this machine or without. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  type CoordinatorOptions,
  configNow,
  isLoopback,
  type Observer,
  type RunOutcome,
  runCoordinator,
} from '@unet-fleet/coordinator';
import { livePage } from '@unet-fleet/dashboard/server/observe';
import { type Config, exitCodes, type RunEvent, UserError } from '@unet-fleet/law';
import { holdsRun, interventionsOf, openRunFolder, readManifest } from '@unet-fleet/record';
import { atExit, cacheFolder, type Log, removeIfEmpty } from '@unet-fleet/shared';
import { createLog } from '@unet-fleet/shared/log';
import { exporters } from '@unet-fleet/telemetry';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import {
  addConfigFile,
  addConfigOptions,
  configFrom,
  requireFolders,
  type Selection,
} from '../config-options.ts';
import { withDataFolders } from '../data-folders.ts';
import { type Io, printJson } from '../io.ts';
import { claimRunFolder, namedRunDir, runFolderOf } from '../run-folders.ts';
import { shown } from '../shown.ts';
import { stopSignals } from '../stop-signals.ts';
import { goOnWithoutTerminal } from '../streams/go-on.ts';
import { RunTerminal, taskBar } from '../terminal/run-terminal.ts';
import { createScreen, type Screen } from '../terminal/screen.ts';
import { summaryLines } from '../terminal/summary.ts';
import { version } from '../version.ts';
import { workerCommand } from '../worker-command.ts';

const selection: Selection = ['data', 'model', 'train', 'engine', 'run', 'broker'];

type Name = 'train' | 'coordinator';

interface RunFlags extends Record<string, unknown> {
  resume?: true | string;
  continue?: boolean;
  waitBroker?: number;
  runDir?: string;
  json?: boolean;
}

const examples: Record<Name, string> = {
  train: `
Examples:
  npx unet-fleet train --images photos --masks masks --size 256x192 --batch-size 8 --workers 2
  npx unet-fleet train --config recipe.yaml --run-dir runs/tuned
  npx unet-fleet train --resume                                 the newest run, from its newest good checkpoint
  npx unet-fleet train --resume runs/0001/checkpoints/step-00000100
  npx unet-fleet train --resume runs/0001 --epochs 10           a run that has begun is given more epochs`,
  coordinator: `
Examples:
  npx unet-fleet coordinator --images photos --masks masks --min-workers 2
  npx unet-fleet worker --join 'URL that it prints'              on each machine
  npx unet-fleet coordinator --nats-url nats://host:4222 --images photos --masks masks --min-workers 2
  npx unet-fleet worker --nats-url nats://host:4222              on each machine`,
};

export const runCommand = (name: Name, io: Io): Command =>
  addConfigOptions(
    withPatience(name, addConfigFile(new Command(name)))
      .option(
        '--resume [run-or-checkpoint]',
        'go on with this run, or the one of --run-dir, or the newest, from its newest good checkpoint or this one',
      )
      .option(
        '--continue',
        'go on with the run of --run-dir where there is one, and begin it where there is none: for whatever starts this command again by itself',
      )
      .option('--json', 'print the outcome as JSON; everything else goes to stderr')
      .addHelpText('after', examples[name]),
    selection,
  ).action(async (given: RunFlags) => {
    const flags = continued(resumed(given, io), io);
    const { outcome } = await run(name, runConfig(name, flags, io), flags, io);
    if (outcome.reason === 'stopped') process.exitCode = exitCodes.leftOnRequest;
  });

/** A coordinator's broker is started by somebody else, maybe later. */
const withPatience = (name: Name, command: Command): Command =>
  name === 'train'
    ? command
    : command.option(
        '--wait-broker <seconds>',
        'time to wait for a NATS server that is not there yet; default 0: fail at once',
        wholeArgument('--wait-broker', 0, 86_400),
      );

/** What --resume names may be a run, or a checkpoint, which is in its run's folder. */
function resumed(flags: RunFlags, io: Io): RunFlags {
  if (flags.runDir === '') {
    throw new UserError('--run-dir is empty: give a folder, or leave it out for the next free runs/NNNN');
  }
  const { resume } = flags;
  if (typeof resume !== 'string') return flags;
  const named = runFolderOf(resume, io);
  if (holdsRun(named)) return { ...flags, resume: true, runDir: namedRunDir(flags, io, resume) };
  const root = dirname(dirname(named));
  if (flags.runDir !== undefined || !holdsRun(root)) return flags;
  return { ...flags, runDir: root };
}

/** --continue is a resume where the run folder holds a run. */
function continued(flags: RunFlags, io: Io): RunFlags {
  if (!flags.continue) return flags;
  if (flags.resume) {
    throw new UserError('--continue and --resume are both given: leave one out');
  }
  const runDir = flags.runDir || io.env.UNET_FLEET_RUN_DIR;
  if (!runDir) {
    throw new UserError('--continue needs --run-dir, the folder of the run that is begun or gone on with');
  }
  return holdsRun(resolve(io.cwd, runDir)) ? { ...flags, resume: true } : flags;
}

/** Config of a new run from the sources; of a resumed one on top of what its folder holds. */
function runConfig(name: Name, flags: RunFlags, io: Io): Config {
  const config = flags.resume ? resumedConfig(name, flags, io) : configFrom(flags, selection, io);
  requireFolders(config);
  const { broker } = config;
  // A coordinator's workers are elsewhere: a broker of its own is for them.
  const natsHost = broker.natsHost || (name === 'coordinator' && broker.natsUrl === '' ? '0.0.0.0' : '');
  if (flags.joinHost !== undefined && broker.natsUrl === '' && isLoopback(natsHost || '127.0.0.1')) {
    throw new UserError(
      `--join-host ${broker.joinHost} has no effect: the broker is for this machine alone, so leave it out, or give --nats-host 0.0.0.0`,
    );
  }
  const workers = name === 'train' ? config.run.workers : 0;
  return { ...config, broker: { ...broker, natsHost }, run: { ...config.run, workers } };
}

function resumedConfig(name: Name, flags: RunFlags, io: Io): Config {
  const runDir = namedRunDir(flags, io);
  const config = configNow(openRunFolder(runDir).config, interventionsOf(runDir));
  // A run that a coordinator began had its workers elsewhere.
  const workers = name === 'train' ? config.run.workers || 1 : 0;
  const values = { ...config, run: { ...config.run, workers } };
  const merged = configFrom(flags, selection, io, [{ name: join(runDir, 'config.json'), values }]);
  return { ...merged, run: { ...merged.run, runDir } };
}

/** Runs to the end, telling the terminal; the outcome is told on stdout where --json asks for it. */
export async function run(
  name: Name,
  wanted: Config,
  flags: Pick<RunFlags, 'resume' | 'json' | 'waitBroker'>,
  io: Io,
): Promise<{ outcome: RunOutcome; config: Config }> {
  // Taken before anything that takes time, so that of several starts at once each has its own.
  const claimed = wanted.run.runDir === '' ? [claimRunFolder(io.cwd)] : [];
  // Of a run that never began, nothing is left.
  const tidy = () => removeIfEmpty(claimed);
  const isTidy = atExit(tidy);
  try {
    return await runIn(claimed[0] ?? wanted.run.runDir, name, wanted, flags, io);
  } finally {
    isTidy();
    tidy();
  }
}

async function runIn(
  runDir: string,
  name: Name,
  wanted: Config,
  flags: Pick<RunFlags, 'resume' | 'json' | 'waitBroker'>,
  io: Io,
): Promise<{ outcome: RunOutcome; config: Config }> {
  const log = runLog(join(runDir, 'log.jsonl'), wanted.run.logLevel);
  // Figures for programs are not to be lost; what is told to a person beside them may.
  const [told, other] = flags.json ? [io.stderr, null] : [io.stdout, io.stderr];
  goOnWithoutTerminal(told, other, (sentence) => log.coordinator.warn({}, sentence));
  const screen = createScreen(told, io.env);
  const config = await withDataFolders({ ...wanted, run: { ...wanted.run, runDir } }, screen, io);
  const terminal = new RunTerminal(screen, config, config.run.workers, io.now);
  const scan = taskBar(screen, 'scan', 'photos', io.now);
  let kill = () => {};
  let hasStarted = false;
  let waitsForBroker = false;
  const stop = stopSignals(
    () => {
      // A wait is given up at once, with a word of its own.
      if (!hasStarted) return;
      screen.print(
        'stopping: the step is finished and a checkpoint written; Ctrl-C again stops at once',
        'yellow',
      );
    },
    () => {
      terminal.close();
      kill();
    },
    () => hasStarted || waitsForBroker,
  );
  let finished: Extract<RunEvent, { type: 'finished' }> | null = null;
  const options: CoordinatorOptions = {
    config,
    resume: flags.resume
      ? { checkpoint: flags.resume === true ? null : resolve(io.cwd, flags.resume) }
      : null,
    brokerPatienceMs: (flags.waitBroker ?? 0) * 1_000,
    onBrokerWait: (reason) => {
      waitsForBroker = true;
      screen.print(`waiting for the broker: ${reason}`);
    },
    workerCommand,
    cacheDir: cacheFolder(io.env),
    softwareVersion: version,
    onScanProgress: scan.report,
    onEvent: (event) => {
      if (event.type === 'run-started') {
        scan.end();
        hasStarted = true;
      }
      if (event.type === 'finished') finished = event;
      log.event(event);
      terminal.onEvent(event);
    },
    onJoinUrls: ({ worker, reducer }) => {
      screen.print(`  join        npx unet-fleet worker --join '${worker}'`);
      if (config.run.reducers > 0) screen.print(`  reducers    npx unet-fleet reducer --join '${reducer}'`);
    },
    log: log.coordinator,
    signal: stop.signal,
    observers: [...(await exporters(config)), ...page(config, flags, screen)],
    onKillable: (end) => {
      kill = end;
    },
  };
  let outcome: RunOutcome;
  try {
    outcome = await runCoordinator(options);
  } finally {
    scan.end();
    terminal.close();
    stop.release();
  }
  const { best } = readManifest(outcome.lastCheckpoint).progress;
  const { title, rows } = summaryLines(terminal.progress, finished!, io.now(), {
    command: name,
    runDir: shown(runDir, io),
    best,
    files: filesOf(outcome, io),
  });
  const last = told.gone.aborted && other ? createScreen(other, io.env) : screen;
  last.print(title, 'bold');
  for (const row of rows) last.print(row);
  if (flags.json) printJson(io, { ...outcome, best });
  return { outcome, config };
}

/** The live page, with its links told when it can be opened. */
const page = ({ run }: Config, { resume }: Pick<RunFlags, 'resume'>, screen: Screen): Observer[] =>
  run.dashboard
    ? [
        livePage({
          host: run.dashboardHost,
          port: run.dashboardPort,
          version,
          isResumed: resume !== undefined,
          onLinks: ({ view, control }) => {
            screen.print(`  live page   ${view}`);
            screen.print(`  controls    ${control}`);
          },
        }),
      ]
    : [];

/** The log begins when the run folder is there; what is told before is kept until then. */
function runLog(path: string, level: string) {
  let log: Log | null = null;
  const early: ((log: Log) => void)[] = [];
  const write = (line: (log: Log) => void) => {
    if (log) line(log);
    else early.push(line);
  };
  return {
    coordinator: {
      info: (fields: object, message: string) => write((open) => open.info(fields, message)),
      warn: (fields: object, message: string) => write((open) => open.warn(fields, message)),
    },
    event(event: RunEvent): void {
      if (event.type === 'run-started') {
        log ??= createLog(path, level);
        for (const line of early.splice(0)) line(log);
      }
      write((open) => open[levels[event.type] ?? 'info'](event, event.type));
    },
  };
}

/** What a person should look at, and what comes too often to be kept unless it is asked for. */
const levels: Partial<Record<RunEvent['type'], 'debug' | 'warn'>> = {
  warning: 'warn',
  'worker-left': 'warn',
  'worker-late': 'warn',
  'worker-set-aside': 'warn',
  'reducer-lost': 'warn',
  'broker-lost': 'warn',
  'leaf-skipped': 'warn',
  'leaf-retried': 'warn',
  'gradient-outlier': 'warn',
  'checkpoint-failed': 'warn',
  step: 'debug',
  'validation-progress': 'debug',
};

function filesOf({ runDir, bestCheckpoint, lastCheckpoint }: RunOutcome, io: Io): [string, string][] {
  const files: [string, string | null][] = [
    ['best checkpoint', bestCheckpoint],
    ['last checkpoint', lastCheckpoint],
    ['curves', join(runDir, 'curves.png')],
    ['metrics', join(runDir, 'metrics.jsonl')],
    ['log', join(runDir, 'log.jsonl')],
  ];
  return files.flatMap(([label, path]) => (path && existsSync(path) ? [[label, shown(path, io)]] : []));
}
