/** `unet-fleet reducer`: has reducers of a run until it is over or the process is asked to leave. */
import { availableParallelism, hostname } from 'node:os';
import { runReducers } from '@unet-fleet/coordinator/reducer/remote/run-reducers';
import { exitCodes, UserError } from '@unet-fleet/law';
import { newInstance, peerOf, reducerIdentity } from '@unet-fleet/wire';
import { brokerOf } from '@unet-fleet/wire/transport/connect';
import { brokerOfJoin } from '@unet-fleet/wire/transport/join';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import { addConfigOptions, configFrom } from '../config-options.ts';
import type { Io } from '../io.ts';
import {
  brokerSelection,
  joinOption,
  runOf,
  runPatienceMs,
  waitBrokerOption,
  waitRunOption,
  withoutBroker,
} from '../join-option.ts';
import { stopSignals } from '../stop-signals.ts';
import { goOnWithoutTerminal } from '../streams/go-on.ts';
import { createScreen } from '../terminal/screen.ts';
import { version } from '../version.ts';

/** More in one process gain nothing at memory speed. */
const maxDefaultThreads = 4;

interface ReducerFlags extends Record<string, unknown> {
  join?: string;
  run?: string;
  name?: string;
  threads?: number;
  waitBroker?: number;
  waitRun?: number;
}

export const reducerCommand = (io: Io): Command =>
  addConfigOptions(
    new Command('reducer')
      .option(
        '--join <url>',
        'the URL for reducers that the coordinator prints; @FILE reads it from a file and - from stdin, for other users of a machine can see arguments (also UNET_FLEET_JOIN)',
      )
      .option('--run <id>', 'the run to reduce for; default: the first that wants reducers')
      .option('--name <name>', 'what the coordinator calls this process; default: host name and process id')
      .option(
        '--threads <n>',
        `reducers in this process, each with a thread; default: one per core, at most ${maxDefaultThreads}`,
        wholeArgument('--threads', 1, 256),
      )
      .addOption(waitBrokerOption)
      .addOption(waitRunOption)
      .addHelpText(
        'after',
        '\nExamples:' +
          '\n  npx unet-fleet coordinator --images photos --masks masks --reducers 2' +
          "\n  npx unet-fleet reducer --join 'unet-fleet://reducer:…@10.0.0.5:4222/…#sha256:…'" +
          '\n  npx unet-fleet reducer --nats-url nats://host:4222' +
          '\n\nIt needs neither TensorFlow nor data. One more than the run has takes the place of one that is lost.',
      ),
    brokerSelection,
  ).action((flags: ReducerFlags) => reduce(flags, io));

async function reduce(flags: ReducerFlags, io: Io): Promise<void> {
  const joining = await joinOption(flags, io);
  const env = joining ? withoutBroker(io.env) : io.env;
  const { broker } = configFrom(flags, brokerSelection, { ...io, env });
  if (joining === null && broker.natsUrl === '') {
    throw new UserError(
      'a reducer needs --join with the URL for reducers that its coordinator prints, or --nats-url, the NATS server that it uses',
    );
  }
  if (joining && joining.identity !== reducerIdentity) {
    throw new UserError(
      'this join URL is for workers: give the reducer the one for reducers, which a coordinator with --reducers prints',
    );
  }
  goOnWithoutTerminal(io.stderr, null);
  const screen = createScreen(io.stderr, io.env);
  const stop = stopSignals(
    () => screen.print('leaving: the run goes back to its last checkpoint; Ctrl-C again stops at once'),
    () => {},
  );
  const brokerPatienceMs = (flags.waitBroker ?? 0) * 1_000;
  const onWait = (reason: string) => screen.print(`waiting for the broker: ${reason}`);
  try {
    const address = joining
      ? await brokerOfJoin(joining, brokerPatienceMs, onWait, stop.signal)
      : brokerOf(broker);
    if (address === null) {
      screen.print(String(stop.signal.reason));
      process.exitCode = exitCodes.leftOnRequest;
      return;
    }
    const outcome = await runReducers({
      broker: address,
      brokerPatienceMs,
      runPatienceMs: runPatienceMs(flags.waitRun),
      reducerId: peerOf(reducerIdentity, newInstance()),
      name: flags.name ?? `${hostname()}-${process.pid}`,
      runId: runOf(joining, flags, io),
      numThreads: flags.threads ?? Math.min(availableParallelism(), maxDefaultThreads),
      softwareVersion: version,
      log: (message) => screen.print(message),
      signal: stop.signal,
    });
    screen.print(outcome.reason);
    if (outcome.cause === 'requested') process.exitCode = exitCodes.leftOnRequest;
  } finally {
    stop.release();
  }
}
