/**
 * Bulk transfer over a real NATS server: whole or refused, whatever is lost, damaged or sent twice on the way, and
 * never more on the way than the receiver has granted.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '@unet-fleet/coordinator';
import {
  anyPeer,
  type BulkKey,
  checksumOf,
  encodeHeader,
  NatsInbox,
  NatsOutbox,
  runTagOf,
  subjectsOf,
} from '@unet-fleet/wire';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';

type Connection = Awaited<ReturnType<typeof connectBroker>>;
type Publish = Connection['publish'];

const mebibyte = 1024 * 1024;
const windowBytes = 16 * mebibyte;
const headerBytes = 48;
/** A peer that is silent for this long is asked again, four times in all. */
const silenceMs = 5_000;
const numAttempts = 4;
const runTag = runTagOf('run');
const subjects = subjectsOf('run');
const key: BulkKey = { kind: 'gradient', term: 1, version: 7, level: 2, index: 1 };

const folder = mkdtempSync(join(tmpdir(), 'nats-bulk-'));
let broker: Broker;
let sender: Connection;
let receiver: Connection;
let outbox: NatsOutbox;
let inbox: NatsInbox;
/** Frames that were none, by who sent them. */
let faults: [peer: string, what: string][];

beforeAll(async () => {
  broker = await startBroker({ port: 0, folder });
});
afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  sender = await connectBroker({ ...broker, ...broker.worker, name: 'sender' });
  receiver = await connectBroker({ ...broker, name: 'receiver' });
  outbox = new NatsOutbox(sender, runTag, subjects, 'worker.peer');
  faults = [];
  inbox = new NatsInbox(receiver, runTag, subjects, 'coordinator.me', (peer, what) =>
    faults.push([peer, what]),
  );
  await Promise.all([sender.flush(), receiver.flush()]);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all([outbox.close(), inbox.close()]);
  await Promise.all([sender.close(), receiver.close()]);
});

/** Bytes without a pattern that a shifted or repeated chunk could hide in. */
function noise(numBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(numBytes);
  let state = seed;
  for (let i = 0; i < numBytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Puts itself between the outbox and the server: sees each frame in turn, and sends on what it will. */
function intercept(onFrame: (frame: Buffer, index: number, send: (frame: Uint8Array) => void) => void): void {
  const publish: Publish = sender.publish.bind(sender);
  let index = 0;
  sender.publish = (subject, payload, options) =>
    onFrame(Buffer.from(payload as Uint8Array), index++, (frame) => publish(subject, frame, options));
}

async function fetched(numBytes: number, bucket = 3): Promise<Uint8Array> {
  const into = new Uint8Array(numBytes);
  await inbox.fetch('worker.peer', key, bucket, into);
  return into;
}

/** Until requests that were sent have been answered, and the answers are here. */
async function exchange(): Promise<void> {
  await receiver.flush();
  await sender.flush();
  await receiver.flush();
}

/** Time passes in which nothing comes. */
async function silence(times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    await exchange();
    vi.advanceTimersByTime(silenceMs);
  }
}

/** Buffer.compare, because a failed toEqual of megabytes would print them. */
const expectSame = (a: Uint8Array, b: Uint8Array): void => expect(Buffer.compare(a, b)).toBe(0);

test('a bucket of 9 MB, and some bytes more, arrives whole', async () => {
  const bytes = noise(9_000_013);
  outbox.offer(key, 3, bytes);
  expectSame(await fetched(bytes.length), bytes);
});

test('a bucket without a byte arrives too, as the statistics of a model without batch norm', async () => {
  outbox.offer(key, 3, new Uint8Array(0));
  expectSame(await fetched(0), new Uint8Array(0));
});

test('what the peer does not have, or no longer, is refused', async () => {
  outbox.offer(key, 3, noise(1000));
  await expect(fetched(1000, 4)).rejects.toMatchObject({
    reason: 'absent',
    message: expect.stringMatching(/gradient-1-7-2-1-4/),
  });
  const otherTerm = inbox.fetch('worker.peer', { ...key, term: 2 }, 3, new Uint8Array(1000));
  await expect(otherTerm).rejects.toMatchObject({ reason: 'absent' });
  outbox.withdraw(({ version }) => version > 7);
  await expect(fetched(1000)).rejects.toMatchObject({ reason: 'absent' });
});

test('lost frames are asked for again, and whoever counts troubles hears of it', async () => {
  const troubles: unknown[] = [];
  const note = (trouble: unknown) => troubles.push(trouble);
  subscribe('unet-fleet:transfer-trouble', note);
  const bytes = noise(3 * mebibyte, 2);
  outbox.offer(key, 3, bytes);
  let numFrames = 0;
  intercept((frame, index, send) => {
    numFrames++;
    // Of the first answer's six frames the second and the last.
    if (index !== 1 && index !== 5) send(frame);
  });
  const fetch = fetched(bytes.length);
  await silence();
  expectSame(await fetch, bytes);
  expect(numFrames).toBe(12);
  expect(troubles).toEqual([{ what: 'asked again', peer: 'worker.peer' }]);
  unsubscribe('unet-fleet:transfer-trouble', note);
});

test('a peer that the broker does not know is given up at once', async () => {
  await outbox.close();
  await sender.flush();
  await expect(fetched(10)).rejects.toMatchObject({
    reason: 'absent',
    message: 'the broker does not know worker.peer',
  });
});

test('a peer that is cancelled keeps nobody waiting, and others are not held up', async () => {
  sender.subscribe(subjects.fetch('worker.silent', anyPeer), { callback: () => {} });
  await sender.flush();
  // The first ones fill what may be on the way, so that the last waits for its turn.
  const buckets = Array.from({ length: windowBytes / mebibyte + 1 }, (_, bucket) => bucket);
  const ended = buckets.map((bucket) =>
    expect(inbox.fetch('worker.silent', key, bucket, new Uint8Array(mebibyte))).rejects.toMatchObject({
      reason: 'absent',
      message: 'worker.silent is gone',
    }),
  );
  const bytes = noise(mebibyte, 8);
  outbox.offer(key, 3, bytes);
  const other = fetched(bytes.length);
  await exchange();
  inbox.cancel('worker.silent');
  await Promise.all(ended);
  expectSame(await other, bytes);
});

test('chunks that overlap never make a bucket whole', async () => {
  const bytes = noise(mebibyte, 9);
  outbox.offer(key, 3, bytes);
  intercept((frame, index, send) => {
    // The second chunk as two halves of which one is the first half again.
    if (index !== 1) return send(frame);
    for (const offsetBytes of [mebibyte / 2, mebibyte / 2 - 1]) {
      const payload = frame.subarray(headerBytes, headerBytes + mebibyte / 4);
      const half = Buffer.alloc(headerBytes + payload.length);
      payload.copy(half, headerBytes);
      const header = { ...key, role: 'data' as const, bucket: 3, totalBytes: mebibyte, offsetBytes };
      encodeHeader(half, runTag, {
        ...header,
        lengthBytes: payload.length,
        checksum: checksumOf(payload),
      });
      send(half);
    }
  });
  const fetch = fetched(bytes.length);
  await silence();
  expectSame(await fetch, bytes);
});

test('a peer that stays silent is given up', async () => {
  await outbox.close();
  sender.subscribe(subjects.fetch('worker.peer', anyPeer), { callback: () => {} });
  await sender.flush();
  const refused = expect(fetched(10)).rejects.toMatchObject({
    reason: 'timeout',
    message: expect.stringContaining('worker.peer did not send gradient-1-7-2-1-3'),
  });
  await silence(numAttempts);
  await refused;
});

test('a slow peer is not asked twice for what is still on its way', async () => {
  const buckets = [1, 2, 3].map((bucket) => noise(mebibyte, bucket));
  for (const [bucket, bytes] of buckets.entries()) outbox.offer(key, bucket, bytes);
  const onTheWay: (() => void)[] = [];
  intercept((frame, _, send) => onTheWay.push(() => send(frame)));
  const fetches = buckets.map((bytes, bucket) => fetched(bytes.length, bucket));
  await exchange();
  // One frame arrives after another, the last bucket's long after a silence has passed for it.
  for (let i = 0; i < 6; i++) {
    vi.advanceTimersByTime(silenceMs - 1);
    onTheWay[i]!();
    await exchange();
  }
  for (const [bucket, bytes] of (await Promise.all(fetches)).entries()) expectSame(bytes, buckets[bucket]!);
  expect(onTheWay).toHaveLength(6);
});

test('frames that come twice count once', async () => {
  const bytes = noise(2 * mebibyte + 5, 3);
  outbox.offer(key, 3, bytes);
  intercept((frame, _, send) => {
    send(frame);
    send(frame);
  });
  expectSame(await fetched(bytes.length), bytes);
  expectSame(await fetched(bytes.length), bytes);
});

test.each([
  ['of the values', headerBytes + 100, 'a frame that does not match its checksum'],
  ['of the header', 20, 'damaged frame header'],
  ['of the checksum', 40, 'damaged frame header'],
])(
  'a frame with a flipped byte %s is never used, but told and asked for again',
  async (_, position, what) => {
    const bytes = noise(mebibyte, 4);
    outbox.offer(key, 3, bytes);
    let numDamaged = 0;
    let damagesAll = false;
    intercept((frame, index, send) => {
      if (damagesAll || index === 0) {
        frame[position]! ^= 0x10;
        numDamaged++;
      }
      send(frame);
    });
    const fetch = fetched(bytes.length);
    await silence();
    // The second answer, which is not damaged, makes it whole.
    expectSame(await fetch, bytes);
    expect(numDamaged).toBe(1);
    expect(faults).toEqual([['worker.peer', what]]);
    damagesAll = true;
    const into = new Uint8Array(bytes.length);
    const refused = expect(inbox.fetch('worker.peer', key, 3, into)).rejects.toMatchObject({
      reason: 'damaged',
    });
    await silence(numAttempts);
    await refused;
    expectSame(into, new Uint8Array(bytes.length));
  },
);

test('a frame of another run, or of another size than was asked for, is never used', async () => {
  const bytes = noise(1000, 5);
  const stranger = new NatsOutbox(sender, runTagOf('other'), subjects, 'worker.stranger');
  stranger.offer(key, 3, bytes);
  await sender.flush();
  outbox.offer(key, 3, bytes);
  const [into, short] = [new Uint8Array(1000), new Uint8Array(999)];
  const refused = [
    // A stranger takes no request of another run for one of its own.
    expect(inbox.fetch('worker.stranger', key, 3, into)).rejects.toMatchObject({ reason: 'timeout' }),
    expect(inbox.fetch('worker.peer', key, 3, short)).rejects.toMatchObject({ reason: 'damaged' }),
  ];
  await silence(numAttempts);
  await Promise.all(refused);
  expectSame(into, new Uint8Array(1000));
  expectSame(short, new Uint8Array(999));
  await stranger.close();
});

test('the receiver bounds the bytes on the way, however many it fetches at a time', async () => {
  const buckets = Array.from({ length: 40 }, (_, bucket) => noise(mebibyte + bucket, bucket));
  for (const [bucket, bytes] of buckets.entries()) outbox.offer(key, bucket, bytes);
  let numBytesOnTheWay = 0;
  let most = 0;
  intercept((frame, _, send) => {
    numBytesOnTheWay += frame.length - headerBytes;
    most = Math.max(most, numBytesOnTheWay);
    send(frame);
  });
  await Promise.all(
    buckets.map(async (bytes, bucket) => {
      expectSame(await fetched(bytes.length, bucket), bytes);
      numBytesOnTheWay -= bytes.length;
    }),
  );
  expect(most).toBeLessThanOrEqual(windowBytes);
  // And it does fetch several at a time.
  expect(most).toBeGreaterThan(4 * mebibyte);
});

test('a bucket larger than all that may be on the way is fetched alone', async () => {
  const bytes = noise(windowBytes + 1, 6);
  outbox.offer(key, 3, bytes);
  outbox.offer(key, 4, noise(10));
  const [large] = await Promise.all([fetched(bytes.length), fetched(10, 4)]);
  expectSame(large, bytes);
});

test('closing ends the fetches under way and those that wait', async () => {
  await outbox.close();
  const fetches = Array.from({ length: 20 }, (_, bucket) => fetched(mebibyte, bucket));
  await inbox.close();
  for (const result of await Promise.allSettled(fetches)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { reason: 'closed' } });
  }
});

test('a peer that asks for everything at once gets its share, costs no memory, and holds nobody up', async () => {
  const bytes = noise(4 * mebibyte, 7);
  outbox.offer(key, 3, bytes);
  const greedy = 'coordinator.greedy';
  const request = Buffer.alloc(headerBytes + 4);
  encodeHeader(request, runTag, {
    ...{ ...key, role: 'request', bucket: 3, offsetBytes: 0, lengthBytes: 0 },
    ...{ totalBytes: bytes.length, checksum: 0 },
  });
  let aheadBytes = 0;
  let most = 0;
  let numAnswers = 0;
  intercept((frame, _, send) => {
    aheadBytes += frame.length;
    most = Math.max(most, aheadBytes);
    numAnswers++;
    send(frame);
  });
  const flush = sender.flush.bind(sender);
  sender.flush = async () => {
    await flush();
    aheadBytes = 0;
  };
  for (let number = 0; number < 500; number++) {
    request.writeUInt32LE(number, headerBytes);
    receiver.publish(subjects.fetch('worker.peer', greedy), Buffer.from(request));
  }
  // The last in the row, but the first of its peer.
  expectSame(await fetched(bytes.length), bytes);
  expect(most).toBeLessThan(48 * mebibyte);
  expect(numAnswers / 8).toBeLessThan(64 + 1);
  expect(outbox.numDropped).toBeGreaterThan(400);
});
