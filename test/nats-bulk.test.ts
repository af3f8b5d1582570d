/**
 * Bulk transfer over a real NATS server: whole or refused, whatever is lost, damaged or sent twice on the way, and
 * never more on the way than the receiver has granted.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '@unet-fleet/coordinator';
import { checksumOf } from '@unet-fleet/numerics';
import {
  anyPeer,
  type BulkKey,
  encodeHeader,
  NatsInbox,
  NatsOutbox,
  portOf,
  runTagOf,
  subjectsOf,
  watchLink,
} from '@unet-fleet/wire';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';

type Connection = Awaited<ReturnType<typeof connectBroker>>;

const mebibyte = 1024 * 1024;
const windowBytes = 16 * mebibyte;
const headerBytes = 48;
/** A peer that is silent for this long is asked again, four times in all. */
const silenceMs = 5_000;
const numAttempts = 4;
const damagedPauseMs = 200;
const runTag = runTagOf('run');
const subjects = subjectsOf('run');
const key: BulkKey = { kind: 'gradient', term: 1, version: 7, level: 2, index: 1, format: 'float32' };

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
function intercept(
  onFrame: (frame: Buffer, index: number, send: (frame: Uint8Array) => void) => void,
  connection = sender,
): void {
  const port = portOf(connection);
  const write = port.send.bind(port);
  let index = 0;
  port.send = (subject, head, payload, taken) => {
    onFrame(Buffer.concat([head, payload]), index++, (frame) =>
      write(subject, frame, Buffer.alloc(0), () => {}),
    );
    setImmediate(taken);
  };
}

/** Has buckets cut as for a broker that takes no larger messages: into frames of 512 KiB. */
function takeSmallMessages(connection = sender): void {
  Object.defineProperty(connection, 'info', { value: { max_payload: mebibyte / 2 + 4_096 } });
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
    message: expect.stringMatching(/gradient-float32-1-7-2-1-4/),
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
  takeSmallMessages();
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
  takeSmallMessages();
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
    message: expect.stringContaining('worker.peer did not send gradient-float32-1-7-2-1-3'),
  });
  await silence(numAttempts);
  await refused;
});

test('a slow peer is not asked twice for what is still on its way', async () => {
  takeSmallMessages();
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
    takeSmallMessages();
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
  takeSmallMessages();
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
  const port = portOf(sender);
  const write = port.send.bind(port);
  port.send = (subject, head, payload, taken) => {
    aheadBytes += payload.length;
    most = Math.max(most, aheadBytes);
    numAnswers++;
    write(subject, head, payload, () => {
      aheadBytes -= payload.length;
      taken();
    });
  };
  for (let number = 0; number < 500; number++) {
    request.writeUInt32LE(number, headerBytes);
    receiver.publish(subjects.fetch('worker.peer', greedy), Buffer.from(request));
  }
  // The last in the row, but the first of its peer.
  expectSame(await fetched(bytes.length), bytes);
  expect(most).toBeLessThan(16 * mebibyte);
  expect(numAnswers / 8).toBeLessThan(64 + 1);
  expect(outbox.numDropped).toBeGreaterThan(400);
});

/** Workers that take weights of this broker's reducer, with what has come on their connections. */
async function weightsTakers(names: string[]) {
  return Promise.all(
    names.map(async (name) => {
      const connection = await connectBroker({ ...broker, ...broker.worker, name });
      const taker = new NatsInbox(connection, runTag, subjects, `worker.${name}`);
      const take = async (version: number, bucket: number, numBytes: number) => {
        const into = new Uint8Array(numBytes);
        await taker.fetch('coordinator.r', { ...weights, version }, bucket, into);
        return into;
      };
      const close = async () => {
        await taker.close();
        await connection.close();
      };
      await connection.flush();
      return { connection, take, close };
    }),
  );
}

const weights = {
  ...{ kind: 'weights', term: 1, version: 0, level: 0, index: 0, format: 'float32' },
} as const;
/** What others are waited for before weights go out. */
const gatherMs = 50;

test('weights go out once for all who ask, come to nobody else, and wait once for who does not ask', async () => {
  const server = await connectBroker({ ...broker, name: 'reducer' });
  const reducer = new NatsOutbox(server, runTag, subjects, 'coordinator.r');
  await server.flush();
  const port = portOf(server);
  const write = port.send.bind(port);
  let numMessages = 0;
  port.send = (...message) => {
    numMessages++;
    write(...message);
  };
  const takers = await weightsTakers(['a', 'b', 'c']);
  const [a, b, c] = takers;
  const bytes = [0, 1].map((bucket) => noise(mebibyte, bucket + 20));
  const offer = (version: number) => {
    reducer.withdraw(() => false);
    for (const [bucket, values] of bytes.entries()) reducer.offer({ ...weights, version }, bucket, values);
  };
  offer(1);
  for (const { take } of [a!, b!]) expectSame(await take(1, 0, mebibyte), bytes[0]!);
  offer(2);
  numMessages = 0;
  const heard = vi.spyOn(portOf(c!.connection), 'takerOf');
  const both = [a!, b!].flatMap(({ take }) => bytes.map((_, bucket) => take(2, bucket, mebibyte)));
  for (const [i, got] of (await Promise.all(both)).entries()) expectSame(got, bytes[i % 2]!);
  expect(numMessages).toBe(2);
  await c!.connection.flush();
  expect(heard).not.toHaveBeenCalled();
  expect(c!.connection.stats().inMsgs).toBe(0);

  // The second time b does not ask: a waits for it once.
  offer(3);
  numMessages = 0;
  const alone = a!.take(3, 0, mebibyte);
  for (const connection of [a!.connection, server, a!.connection]) await connection.flush();
  expect(numMessages).toBe(0);
  vi.advanceTimersByTime(gatherMs);
  expectSame(await alone, bytes[0]!);
  expectSame(await a!.take(3, 1, mebibyte), bytes[1]!);
  // Later it has what it asks for all the same, and the newcomer too.
  for (const { take } of [b!, c!]) expectSame(await take(3, 1, mebibyte), bytes[1]!);
  await expect(b!.take(2, 0, mebibyte)).rejects.toMatchObject({ reason: 'absent' });

  await Promise.all([...takers.map(({ close }) => close()), reducer.close()]);
  await server.close();
});

test('weights that are damaged or lost on the way come again', async () => {
  const server = await connectBroker({ ...broker, name: 'reducer' });
  const reducer = new NatsOutbox(server, runTag, subjects, 'coordinator.r');
  await server.flush();
  takeSmallMessages(server);
  const bytes = noise(mebibyte, 30);
  reducer.offer({ ...weights, version: 1 }, 0, bytes);
  const [a] = await weightsTakers(['a']);
  intercept((frame, index, send) => {
    // Of the first answer's two frames one, and of the second's the other.
    if (index === 0) frame[headerBytes + 7]! ^= 1;
    if (index !== 3) send(frame);
  }, server);
  const taken = a!.take(1, 0, mebibyte);
  for (const ms of [0, damagedPauseMs, silenceMs]) {
    vi.advanceTimersByTime(ms);
    for (const connection of [a!.connection, server, a!.connection]) await connection.flush();
  }
  expectSame(await taken, bytes);
  await Promise.all([a!.close(), reducer.close()]);
  await server.close();
});

test('a connection that breaks in the middle of a bucket costs nothing but the time to ask again', async () => {
  const bytes = noise(12 * mebibyte, 32);
  outbox.offer(key, 3, bytes);
  const isBack = new Promise<void>((resolve) => watchLink(sender, { onBack: resolve }));
  const port = portOf(sender);
  const write = port.send.bind(port);
  let numSent = 0;
  let numTaken = 0;
  port.send = (subject, head, payload, taken) => {
    write(subject, head, payload, () => {
      numTaken++;
      taken();
    });
    // What is written and what waits to be, both.
    if (++numSent === 2) void sender.reconnect();
  };
  const fetch = fetched(bytes.length);
  let isUp = false;
  void isBack.then(() => {
    isUp = true;
  });
  // The client pauses before it connects anew. No faster than the clock on the wall, which it looks at as well: after a
  // silence the receiver would ask again, and the broker say that nobody is there.
  for (let atMs = Date.now(); !isUp; ) {
    await new Promise(setImmediate);
    const nowMs = Date.now();
    await vi.advanceTimersByTimeAsync(nowMs - atMs);
    atMs = nowMs;
  }
  await silence(2);
  expectSame(await fetch, bytes);
  // So the window of what is under way is as wide as it was.
  await sender.flush();
  expect(numTaken).toBe(numSent);
});

test('a fetch that is over writes nothing any more into memory that was its own', async () => {
  const bytes = noise(mebibyte, 31);
  outbox.offer(key, 3, bytes);
  const into = new Uint8Array(mebibyte);
  const port = portOf(receiver);
  const takerOf = port.takerOf.bind(port);
  port.takerOf = (subject, numBytes) => {
    const taker = takerOf(subject, numBytes)!;
    let numTaken = 0;
    return {
      take(part) {
        // Between two parts of the frame the peer is given up.
        if (numTaken++ === 1) {
          inbox.cancel('worker.peer');
          into.fill(0);
        }
        taker.take(part);
      },
      end: () => taker.end(),
    };
  };
  await expect(inbox.fetch('worker.peer', key, 3, into)).rejects.toMatchObject({ reason: 'absent' });
  port.takerOf = takerOf;
  // What comes after the frame has come after all of it.
  await exchange();
  expectSame(into, new Uint8Array(mebibyte));
  expect(faults).toEqual([]);
});
