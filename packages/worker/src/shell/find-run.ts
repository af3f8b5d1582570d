/** Finds the run to work for: the one that was named, or the only one on the broker. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import { exitCodes, UserError } from '@unet-fleet/law';
import { discoverSubject, safeId } from '@unet-fleet/wire';
import { decode, discoverReply } from '@unet-fleet/wire/protocol/messages';
import { aloneReason } from '../session/session.ts';

const answerWithinMs = 1_000;
const askEveryMs = 500;

export interface FindRunOptions {
  /** The run's id; '' for the only one on the broker. */
  named: string;
  /** Whether whoever answers there must have the named run: the broker is that run's own. */
  isOwnBroker: boolean;
  /** How long to wait; Infinity: for ever. */
  patienceMs: number;
  /** Called once if nobody answers at first. */
  onWait(): void;
  /** Ends the wait. */
  signal: AbortSignal;
}

/**
 * Waits until a coordinator answers. Throws a UserError when there are several runs and none was named, or when none
 * comes in time. Null when the signal ended the wait.
 */
export async function findRun(
  connection: NatsConnection,
  workerId: string,
  { named, isOwnBroker, patienceMs, onWait, signal }: FindRunOptions,
): Promise<string | null> {
  if (named) {
    if (!safeId.test(named)) {
      throw new UserError(
        `${JSON.stringify(named)} is not a run's id: use the one that the coordinator prints`,
      );
    }
    if (isOwnBroker) await assertOwn(connection, workerId, named);
    return named;
  }
  const sinceMs = performance.now();
  let hasWaited = false;
  while (!signal.aborted) {
    const runs = await discover(connection, workerId);
    if (runs.length === 1) return runs[0]!;
    if (runs.length > 1) {
      throw new UserError(
        `there are ${runs.length} runs on this broker: name one of ${runs.join(', ')} with --run`,
      );
    }
    if (connection.isClosed()) {
      throw new UserError('the connection to the broker was closed', exitCodes.unavailable);
    }
    if (performance.now() - sinceMs > patienceMs) {
      throw new UserError(aloneReason(patienceMs), exitCodes.unavailable);
    }
    if (!hasWaited) onWait();
    hasWaited = true;
    // The broker says at once when nobody listens, so this is what keeps the question from being asked all the time.
    await sleep(askEveryMs, undefined, { signal }).catch(() => {});
  }
  return null;
}

/** A coordinator that is not there now may come, and with it the run that was named. */
async function assertOwn(connection: NatsConnection, workerId: string, named: string): Promise<void> {
  const runs = await discover(connection, workerId);
  if (runs.length === 0 || runs.includes(named)) return;
  throw new UserError(
    `the coordinator there has run ${runs.join(', ')}, and the join URL is for run ${named}: use the URL that it prints now`,
  );
}

async function discover(connection: NatsConnection, workerId: string): Promise<string[]> {
  const answers = await connection.requestMany(discoverSubject(workerId), new Uint8Array(), {
    maxWait: answerWithinMs,
    strategy: 'timer',
  });
  const runs = new Set<string>();
  try {
    for await (const answer of answers) {
      const reply = decode(discoverReply, answer.data);
      if (reply) runs.add(reply.runId);
    }
  } catch (error) {
    if (!isNobodyThere(error)) throw error;
  }
  return [...runs].sort();
}

/** No coordinator listens yet; or the connection has just been closed, which the caller tells. */
const isNobodyThere = (error: unknown): boolean =>
  error instanceof errors.NoRespondersError || error instanceof errors.ClosedConnectionError;
