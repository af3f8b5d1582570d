/**
 * A worker's process between broker and engine: finds the run, prepares for it, and joins the ends of the shell to what
 * there is: the connection, the engine, the clock, the signal to leave.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { exitCodes, UserError } from '@unet-fleet/law';
import {
  assertFits,
  type BrokerAddress,
  maxPayloadOf,
  pieceBytesOf,
  type Subjects,
  subjectsOf,
  type UpMessage,
  type WorkerActivity,
  watchLink,
} from '@unet-fleet/wire';
import {
  decode,
  downMessage,
  encode,
  joinReply,
  maxPartBytes,
  protocolVersion,
} from '@unet-fleet/wire/protocol/messages';
import { connectWhenThere, flushGoodbye } from '@unet-fleet/wire/transport/connect';
import type { RunDataOptions } from '../files/run-data.ts';
import { nextSequence } from '../session/conversation.ts';
import { findRun } from './find-run.ts';
import { Preparation } from './prepare.ts';
import { Segments } from './segments.ts';
import { TelemetrySource } from './telemetry.ts';
import { type WorkerLog, type WorkerOutcome, WorkerShell } from './worker-shell.ts';

export interface WorkerOptions extends RunDataOptions {
  broker: BrokerAddress;
  /** How long to wait for a broker that is not there yet. */
  brokerPatienceMs: number;
  /** How long to wait for a coordinator of the run, at first and whenever it is gone; Infinity: for ever. */
  runPatienceMs: number;
  /** `<identity>.<instance>`: what the credentials allow, and unique per process start. */
  workerId: string;
  /** For people: host and process. */
  name: string;
  /** The run's id; '' for the only one on the broker. */
  runId: string;
  /** Whether the broker is that run's own. */
  isOwnBroker?: boolean;
  softwareVersion: string;
  log: WorkerLog;
  /** Time it has for handing over when it is asked to leave. */
  drainMs: number;
  /** Asks the worker to leave: it hands over what it has finished, and the rest back. */
  signal: AbortSignal;
  /** Of another thread that computes than TensorFlow's: a benchmark's. */
  computeScript?: URL;
  /** Told of what this worker does; must return at once. */
  onActivity?(activity: WorkerActivity): void;
}

const joinTimeoutMs = 2_000;
const sessionClocks = { heartbeatMs: 1_000, resendMs: 3_000, silenceMs: 15_000, hungMs: 60_000 };

/**
 * Works for a run until it is over or the signal fires. Throws a UserError when the run refuses this worker, when its
 * data or engine fail, or when the broker can't be reached.
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerOutcome> {
  const { workerId } = options;
  // The connection's name is the id, so that the broker's word that it closed names the worker.
  const connection = await connectWhenThere(
    { ...options.broker, name: workerId, peer: workerId },
    options.brokerPatienceMs,
    (reason) => options.log.info(`waiting for the broker: ${reason}`),
    options.signal,
  );
  if (connection === null) return { cause: 'requested', reason: String(options.signal.reason) };
  try {
    // Without a word of it, a worker with somebody else's credentials would wait for ever.
    watchLink(connection, {
      onRefused: (error) => options.log.info(`the broker refuses what this worker does: ${error.message}`),
    });
    const wait = () => options.log.info('no run on this broker yet: waiting for a coordinator');
    const runId = await findRun(connection, workerId, {
      named: options.runId,
      isOwnBroker: options.isOwnBroker ?? false,
      patienceMs: options.runPatienceMs,
      onWait: wait,
      signal: options.signal,
    });
    if (runId === null) return { cause: 'requested', reason: String(options.signal.reason) };
    const subjects = subjectsOf(runId);
    const maxMessageBytes = maxPayloadOf(connection);
    const preparation = new Preparation({ ...options, subjects, maxMessageBytes });
    try {
      return await work(options, connection, subjects, preparation);
    } finally {
      await preparation.close();
    }
  } finally {
    await connection.close();
  }
}

/** Takes part until the run is over for this worker; `preparation` and `connection` are closed by who has opened them. */
async function work(
  options: WorkerOptions,
  connection: NatsConnection,
  subjects: Subjects,
  preparation: Preparation,
): Promise<WorkerOutcome> {
  const { log, signal, workerId } = options;
  const tell = (activity: WorkerActivity) => options.onActivity?.(activity);
  const telemetry = new TelemetrySource();
  const send = (message: UpMessage): void => {
    const bytes = encode(message.type === 'heartbeat' ? withTelemetry(message) : message);
    assertFits(connection, bytes);
    connection.publish(subjects.up(workerId), bytes);
  };
  const withTelemetry = (message: UpMessage) => {
    const now = telemetry.now(preparation.usesGpu, performance.now());
    tell({ type: 'telemetry', telemetry: now });
    return { ...message, telemetry: now };
  };
  const segments = new Segments(
    // What is not the session's to say has a number of its conversation all the same.
    (answer) => send({ ...answer, term: shell.session.term, sequence: nextSequence(shell.session) }),
    Math.min(maxPartBytes, pieceBytesOf(connection)),
  );
  const config = { ...sessionClocks, drainMs: options.drainMs, aloneMs: options.runPatienceMs };
  const shell = new WorkerShell(config, {
    preparation,
    join: () => askToJoin(options, connection, subjects),
    send,
    // Only the connection can fail here; whoever asked hears that it is gone.
    segment: (message) => void segments.receive(message, preparation.member).catch(() => {}),
    tell,
    log,
  });

  const receive = (error: Error | null, raw: { data: Uint8Array }) => {
    const message = error ? null : decode(downMessage, raw.data);
    if (message) shell.receive(message);
  };
  connection.subscribe(subjects.down(workerId), { callback: receive });
  connection.subscribe(subjects.all, { callback: receive });
  watchLink(connection, {
    onLost: (reason) => {
      log.info(`${reason}: waiting for the broker`);
      tell({ type: 'broker', isConnected: false });
    },
    onBack: () => {
      shell.feed({ type: 'reconnected' });
      tell({ type: 'broker', isConnected: true });
    },
  });
  void connection.closed().then((error) => {
    const why = error ? `: ${error.message}` : '';
    shell.fail(new UserError(`the connection to the broker was closed${why}`, exitCodes.unavailable));
  });
  const leave = () => shell.feed({ type: 'leave-requested', reason: String(signal.reason) });
  signal.addEventListener('abort', leave);
  shell.start();
  // It may have come while the broker or the run was sought, before anybody listened.
  if (signal.aborted) leave();
  try {
    return await shell.ended;
  } finally {
    await flushGoodbye(connection);
    shell.stop();
    signal.removeEventListener('abort', leave);
  }
}

/** Null where nobody answers yet, or the broker is away: the session asks again. */
async function askToJoin(
  { workerId, name, softwareVersion, log }: WorkerOptions,
  connection: NatsConnection,
  subjects: Subjects,
) {
  try {
    const request = encode({ name, protocolVersion, softwareVersion });
    const answer = await connection.request(subjects.join(workerId), request, { timeout: joinTimeoutMs });
    return decode(joinReply, answer.data);
  } catch (error) {
    log.debug(`no welcome yet: ${(error as Error).message}`);
    return null;
  }
}
