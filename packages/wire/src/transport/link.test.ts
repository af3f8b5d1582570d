// Against a double of the client's status: what a real server does to it is tested with the embedded broker.
import type { NatsConnection, Status } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { watchLink } from './link.ts';

/** A connection whose status is what the test says, and which then closes. */
function connectionWith(statuses: Status[], error?: Error): NatsConnection {
  return {
    isClosed: () => false,
    closed: async () => error,
    status: async function* () {
      yield* statuses;
    },
  } as unknown as NatsConnection;
}

async function eventsOf(statuses: Status[], error?: Error): Promise<{ told: string[]; isUp: boolean }> {
  const told: string[] = [];
  const link = watchLink(connectionWith(statuses, error), {
    onLost: (reason) => told.push(`lost: ${reason}`),
    onBack: () => told.push('back'),
    onRefused: (refused) => told.push(`refused: ${refused.message}`),
  });
  await new Promise((resolve) => setImmediate(resolve));
  return { told, isUp: link.isUp };
}

const server = 'nats://host:4222';
const disconnect: Status = { type: 'disconnect', server };
const reconnect: Status = { type: 'reconnect', server };

test('a loss and a return are told once each, whatever the client says in between', async () => {
  const seeking: Status[] = [{ type: 'reconnecting' }, { type: 'reconnecting' }];
  const { told } = await eventsOf([disconnect, ...seeking, disconnect, reconnect, reconnect]);
  expect(told).toEqual(['lost: the connection to the broker has broken', 'back']);
});

test('a broker that is silent is told apart from one that is gone', async () => {
  const { told, isUp } = await eventsOf([{ type: 'staleConnection' }, disconnect]);
  expect(told).toEqual(['lost: the broker has stopped answering']);
  expect(isUp).toBe(false);
});

test('a connection that this process closes is no loss, one that the client gives up is', async () => {
  expect(await eventsOf([])).toEqual({ told: [], isUp: false });
  const { told } = await eventsOf([], new Error('refused for good'));
  expect(told).toEqual(['lost: the connection to the broker was closed: refused for good']);
});

test('what the broker refuses is told once each, and not for ever', async () => {
  const refusal = (what: string) => ({ type: 'error', error: new Error(what) }) as Status;
  const { told } = await eventsOf([refusal('a'), refusal('b'), refusal('a')]);
  expect(told).toEqual(['refused: a', 'refused: b']);
  const many = await eventsOf(Array.from({ length: 1_000 }, (_, i) => refusal(`${i}`)));
  expect(many.told).toHaveLength(100);
});
