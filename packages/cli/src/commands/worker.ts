/** `unet-fleet worker`: computes leaves for a run until it is over or the worker is asked to leave. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { exitCodes, UserError } from '@unet-fleet/law';
import { cacheFolder, exitWhenQuiet } from '@unet-fleet/shared';
import type { Address } from '@unet-fleet/telemetry';
import { coordinatorIdentity, newInstance, peerOf, reducerIdentity } from '@unet-fleet/wire';
import { brokerOf } from '@unet-fleet/wire/transport/connect';
import { identityAt } from '@unet-fleet/wire/transport/credentials';
import { brokerOfJoin } from '@unet-fleet/wire/transport/join';
import { runWorker } from '@unet-fleet/worker/shell/run-worker';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import { addConfigOptions, configFrom, type Selection } from '../config-options.ts';
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

const selection: Selection = [
  ...brokerSelection,
  'data.images',
  'data.masks',
  'data.pack',
  'data.packToken',
  'run.metricsPort',
  'run.metricsHost',
];

/** Well within the 30 s that Kubernetes gives a process between SIGTERM and SIGKILL. */
const defaultDrainSeconds = 10;
/** A coordinator's own broker that is being started again. */
const localPatienceSeconds = 30;
/** Of photos and masks that are fetched, on the worker's disk. */
const defaultSampleCacheMb = 20_000;
/** Time for handing back what is leased when the parent process is gone. */
const orphanGraceMs = 2_000;

interface WorkerFlags extends Record<string, unknown> {
  join?: string;
  run?: string;
  name?: string;
  drainSeconds: number;
  waitBroker?: number;
  waitRun?: number;
  fetch?: boolean;
  sampleCache?: string;
  sampleCacheMb: number;
  verbose?: boolean;
}

export const workerProcessCommand = (io: Io): Command =>
  addConfigOptions(
    new Command('worker')
      .option(
        '--join <url>',
        'the URL that the coordinator prints: all that a worker needs; @FILE reads it from a file and - from stdin, for other users of a machine can see arguments (also UNET_FLEET_JOIN)',
      )
      .option('--run <id>', 'the run to work for; needed only where a broker has several')
      .option('--name <name>', 'what the coordinator calls this worker; default: host name and process id')
      .option(
        '--drain-seconds <seconds>',
        'time for handing over what is finished when it is asked to leave',
        wholeArgument('--drain-seconds', 0, 3600),
        defaultDrainSeconds,
      )
      .addOption(waitBrokerOption)
      .addOption(waitRunOption)
      .option(
        '--fetch',
        "fetch photos and masks, even if something lies at the coordinator's paths on this machine",
      )
      .option(
        '--sample-cache <folder>',
        'where photos and masks are kept that are fetched; default: samples in the cache folder',
      )
      .option(
        '--sample-cache-mb <n>',
        'megabytes kept there; the least recently used go first',
        wholeArgument('--sample-cache-mb', 1, 1_000_000_000),
        defaultSampleCacheMb,
      )
      .option('--verbose', 'tell more')
      .addHelpText(
        'after',
        '\nExamples:' +
          "\n  npx unet-fleet worker --join 'unet-fleet://worker:…@10.0.0.5:4222/…#sha256:…'" +
          '\n  npx unet-fleet worker --join @worker.join' +
          '\n  npx unet-fleet worker --nats-url nats://host:4222 --images /data/photos --masks /data/masks' +
          '\n\nPhotos and masks are read from --images and --masks, or where the coordinator has them if that is here as well,' +
          '\nor else fetched from --pack or the coordinator as they are needed.',
      ),
    selection,
  ).action((flags: WorkerFlags) => work(flags, io));

async function work(flags: WorkerFlags, io: Io): Promise<void> {
  const localName = io.env.UNET_FLEET_WORKER_NAME;
  // A worker that the coordinator started has its paths and ports; the environment's are those of the coordinator.
  const env = localName
    ? {
        ...io.env,
        UNET_FLEET_IMAGES: '',
        UNET_FLEET_MASKS: '',
        UNET_FLEET_PACK: '',
        UNET_FLEET_METRICS_PORT: '0',
      }
    : io.env;
  // The coordinator's own workers have its broker; whoever joins another one leaves what the environment says of it.
  const joining = localName ? null : await joinOption(flags, io);
  const { broker, data, run } = configFrom(flags, selection, {
    ...io,
    env: joining ? withoutBroker(env) : env,
  });
  if (joining === null && broker.natsUrl === '') {
    throw new UserError(
      'a worker needs --join with the URL that its coordinator prints, or --nats-url, the NATS server that it uses',
    );
  }
  const named = brokerOf(broker);
  const identity = joining ? joining.identity : identityAt(named);
  if (identity === coordinatorIdentity || identity === reducerIdentity) {
    throw new UserError(
      `these credentials are the ${identity === coordinatorIdentity ? "coordinator's" : "reducers'"}: give the worker those of a worker`,
    );
  }
  const metrics = await serveWorkerMetrics({ host: run.metricsHost, port: run.metricsPort });
  goOnWithoutTerminal(io.stderr, null);
  const screen = createScreen(io.stderr, io.env);
  const stop = stopSignals(
    () => screen.print('leaving: what is leased goes back; Ctrl-C again stops at once'),
    () => {},
  );
  const orphan = orphaned();
  const signal = AbortSignal.any([stop.signal, orphan.signal]);
  const brokerPatienceMs = (flags.waitBroker ?? (localName ? localPatienceSeconds : 0)) * 1_000;
  const onWait = (reason: string) => screen.print(`waiting for the broker: ${reason}`);
  try {
    const address = joining ? await brokerOfJoin(joining, brokerPatienceMs, onWait, signal) : named;
    if (address === null) {
      screen.print(String(signal.reason));
      process.exitCode = exitCodes.leftOnRequest;
      return;
    }
    const outcome = await runWorker({
      broker: address,
      workerId: peerOf(identity, io.env.UNET_FLEET_WORKER_INSTANCE ?? newInstance()),
      name: flags.name ?? localName ?? `${hostname()}-${process.pid}`,
      runId: runOf(joining, flags, io),
      isOwnBroker: joining !== null && joining.runId !== '',
      images: data.images,
      masks: data.masks,
      pack: data.pack,
      packToken: data.packToken,
      mustFetch: flags.fetch ?? false,
      cacheDir: cacheFolder(io.env),
      sampleCache: {
        folder: resolve(io.cwd, flags.sampleCache ?? join(cacheFolder(io.env), 'samples')),
        maxBytes: flags.sampleCacheMb * 1e6,
      },
      env: io.env,
      softwareVersion: version,
      log: {
        info: (message) => screen.print(message),
        debug: (message) => {
          if (flags.verbose) screen.print(message, 'dim');
        },
      },
      brokerPatienceMs,
      runPatienceMs: runPatienceMs(flags.waitRun),
      drainMs: flags.drainSeconds * 1_000,
      signal,
      ...(metrics && { onActivity: metrics.onActivity }),
    });
    screen.print(outcome.reason);
    if (outcome.cause === 'requested') process.exitCode = exitCodes.leftOnRequest;
  } finally {
    await metrics?.close();
    stop.release();
    orphan.release();
  }
}

/** Null where none are asked for. Throws a UserError if the port can't be had: whoever set it waits for it. */
async function serveWorkerMetrics(address: Address) {
  if (address.port === 0) return null;
  const { WorkerMetrics } = await import('@unet-fleet/telemetry/metrics/worker');
  const metrics = new WorkerMetrics();
  const { close } = await metrics.serve(address);
  return { onActivity: metrics.onActivity, close };
}

/** Aborted when the process that started this one is gone, which closes their channel. */
function orphaned(): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onGone = () => {
    controller.abort('the process that started this worker is gone');
    setTimeout(() => exitWhenQuiet(exitCodes.leftOnRequest), orphanGraceMs).unref();
  };
  if (process.connected) process.once('disconnect', onGone);
  return {
    signal: controller.signal,
    release() {
      process.off('disconnect', onGone);
      // The channel would keep the process alive.
      if (process.connected) process.disconnect();
    },
  };
}
