/** Finds the run to work for: the one that was named, or the only one on the broker. */
import type { NatsConnection } from '@nats-io/transport-node';
import { decode, discoverReply, discoverSubject, exitCodes, safeId, UserError } from '@unet-fleet/shared';

const answerWithinMs = 1_000;

/**
 * Waits until a coordinator answers, calling `onWait` once if none does at first. Throws a UserError when there are
 * several runs and none was named. Null when `signal` ended the wait.
 */
export async function findRun(
  connection: NatsConnection,
  named: string,
  onWait: () => void,
  signal: AbortSignal,
): Promise<string | null> {
  if (named) {
    if (safeId.test(named)) return named;
    throw new UserError(
      `${JSON.stringify(named)} is not a run's id: use the one that the coordinator prints`,
    );
  }
  let hasWaited = false;
  while (!signal.aborted) {
    const runs = await discover(connection);
    if (runs.length === 1) return runs[0]!;
    if (runs.length > 1) {
      throw new UserError(
        `there are ${runs.length} runs on this broker: name one of ${runs.join(', ')} with --run`,
      );
    }
    if (connection.isClosed()) {
      throw new UserError('the connection to the broker was closed', exitCodes.unavailable);
    }
    if (!hasWaited) onWait();
    hasWaited = true;
  }
  return null;
}

async function discover(connection: NatsConnection): Promise<string[]> {
  const answers = await connection.requestMany(discoverSubject, new Uint8Array(), {
    maxWait: answerWithinMs,
    strategy: 'timer',
  });
  const runs = new Set<string>();
  for await (const answer of answers) {
    const reply = decode(discoverReply, answer.data);
    if (reply) runs.add(reply.runId);
  }
  return [...runs].sort();
}
