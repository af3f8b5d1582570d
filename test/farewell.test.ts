/**
 * The end of a run on a real broker: whoever joins or speaks after it is told that the run is over, and hears nothing
 * else. And the numbers of messages, as they cross the wire.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '@unet-fleet/coordinator';
import { ControlPlane } from '@unet-fleet/coordinator/shell/control';
import { type DownMessage, subjectsOf, type UpMessage } from '@unet-fleet/wire';
import { decode, downMessage, encode, protocolVersion } from '@unet-fleet/wire/protocol/messages';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'farewell-'));
const subjects = subjectsOf('run');
const peer = 'worker.late';
const term = 3;
let broker: Broker;

beforeAll(async () => {
  broker = await startBroker({ port: 0, folder });
});
afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a worker that joins or speaks when the run is over is told so, and is not heard', async () => {
  const own = await connectBroker({ ...broker, name: 'coordinator' });
  const heard: UpMessage[] = [];
  const welcome = vi.fn(() => 'nobody is wanted');
  const newest = new Map<string, number>();
  const control = new ControlPlane(own, subjects, 'run', term);
  control.listen({
    welcome,
    numWorkers: () => 0,
    hears: (workerId, { sequence }) => {
      const isNew = sequence > (newest.get(workerId) ?? 0);
      if (isNew) newest.set(workerId, sequence);
      return isNew;
    },
    message: (_, message) => heard.push(message),
    rejected: () => {},
    cutOff: () => {},
    tooLarge: (error) => {
      throw error;
    },
  });
  await own.flush();
  const worker = await connectBroker({ ...broker, ...broker.worker, name: peer, peer });
  const told: DownMessage[] = [];
  for (const subject of [subjects.down(peer), subjects.all]) {
    worker.subscribe(subject, { callback: (_, { data }) => told.push(decode(downMessage, data)!) });
  }
  const join = () => {
    const request = encode({ name: 'late', protocolVersion, softwareVersion: '1' });
    return worker.request(subjects.join(peer), request, { timeout: 2_000 });
  };
  const beat = (sequence: number) =>
    worker.publish(
      subjects.up(peer),
      encode({ type: 'heartbeat', term, sequence, leaseId: 0, isComputing: false }),
    );

  await join();
  for (const sequence of [2, 2, 1, 3]) beat(sequence);
  await vi.waitFor(() => expect(control.dropped.late).toBe(2));
  await vi.waitFor(() => expect(heard.map(({ sequence }) => sequence)).toEqual([2, 3]));
  expect(welcome).toHaveBeenCalledTimes(1);

  control.broadcast({ type: 'pulse', kind: 'train', version: 0 });
  control.end({ reason: 'the run is completed', isComplete: true });
  beat(4);
  const answer = join().catch((error: Error) => error);
  const over = { type: 'over', reason: 'the run is completed', isComplete: true, term };
  await vi.waitFor(() =>
    expect(told).toEqual([
      { type: 'pulse', kind: 'train', version: 0, term, sequence: 1 },
      { ...over, sequence: 2 },
      { ...over, sequence: 3 },
      { ...over, sequence: 4 },
    ]),
  );
  expect(heard).toHaveLength(2);
  expect(welcome).toHaveBeenCalledTimes(1);
  control.close();
  await worker.close();
  expect(await answer).toBeInstanceOf(Error);
  await own.close();
});
