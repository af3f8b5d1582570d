/** A process with reducers as the coordinator calls it: over a dialogue, with what may become of a process meanwhile. */
import { type Clock, realClock } from '@unet-fleet/shared';
import { Link, type LinkMessage } from '@unet-fleet/shared/threads';
import { Dialogue, type Packet } from '@unet-fleet/wire';
import { afterEach, expect, test } from 'vitest';
import { ReducerLost } from '../failure.ts';
import { ReducerPool } from '../pool.ts';
import { decodeCall, encodeAnswer } from './calls.ts';
import { RemoteProcess } from './remote-process.ts';

let clockMs = 0;
/** Looks and silences are measured by a clock that stands still; what is to pass passes. */
const clock: Clock = { ...realClock, now: () => clockMs };
const pieceBytes = 64;
const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

class End extends Link<object> {
  hear(message: LinkMessage, functions: object): void {
    this.take(message, functions);
  }
}

/** A process whose one reducer has these functions, and the pool that calls it. */
function processWith(functions: Record<string, (...args: never[]) => unknown>, fetch = async () => {}) {
  const lost: ReducerLost[] = [];
  const faults: string[][] = [];
  const fetched: unknown[][] = [];
  let isMuted = false;
  const names = new Map<number, string>();
  const end = new End((message) => {
    const id = 'answer' in message ? message.answer : 0;
    dialogue.send(encodeAnswer(0, names.get(id), message));
  });
  const remote = new RemoteProcess(
    {
      link: { isUp: true },
      send: (packet: Packet) => queueMicrotask(() => !isMuted && dialogue.take(packet)),
    },
    {
      ...{ clock, pieceBytes, term: 2 },
      id: 'reducer.a',
      name: 'a machine',
      shares: [{ buckets: [], statistics: 0 }],
      silenceMs: 10_000,
      carrier: {
        fetch: (...args: unknown[]) => {
          fetched.push(args);
          return fetch();
        },
      },
      listener: { onFault: (peer, what) => void faults.push([peer, what]), onWait: () => {} },
      onLost: (error) => lost.push(error),
    },
  );
  const dialogue: Dialogue = new Dialogue(
    {
      link: { isUp: true },
      send: (packet) => queueMicrotask(() => !isMuted && remote.take(packet)),
    },
    {
      ...{ clock, pieceBytes, term: 2 },
      receive: (bytes) => {
        const { message } = decodeCall(bytes)!;
        if ('call' in message) names.set(message.id!, message.call);
        end.hear(message, functions);
      },
    },
  );
  opened.push(dialogue, { close: () => remote.lose('the test is over') });
  const pool = new ReducerPool(remote.reducers, []);
  const mute = () => {
    isMuted = true;
  };
  return { dialogue, end, faults, fetched, lost, mute, pool, remote };
}

const state = () => ({
  parameters: new Float32Array(),
  statistics: new Float32Array(),
  slots: [new Float32Array()],
});

test('answers arrive as they were given: not a bit of a norm is another', async () => {
  const blocks = Float64Array.of(0.1, -0, Number.POSITIVE_INFINITY, 2 ** -1074);
  const digest = Uint8Array.of(1, 2, 3);
  const node = { level: 1, index: 2 };
  const asked: unknown[] = [];
  const { pool } = processWith({
    sumsOfSquares: (numLeaves: number) => (numLeaves === 7 ? [{ bucket: 3, blocks }] : []),
    apply: (...args: unknown[]) => void asked.push(...args),
    collect: () => 'it is gone',
    hashes: () => [{ bucket: 0, root: digest, deliveries: [{ node, peer: 'w', numBytes: 12, digest }] }],
  });
  const [squares] = await pool.sumsOfSquares(7);
  expect(squares?.bucket).toBe(3);
  expect(Buffer.from(squares!.blocks.buffer)).toEqual(Buffer.from(blocks.buffer));
  const scalars = { scale: 1 / 3, normCoefficient: Math.fround(0.7), learningRate: 1e-5, updateIndex: 9 };
  await pool.apply({ numLeaves: 2, skippedLeaves: [1], scalars });
  expect(asked).toEqual([{ numLeaves: 2, skippedLeaves: [1], scalars }, false]);
  await expect(pool.collect('w', false, 8, node, 2)).rejects.toThrow('it is gone');
  expect((await pool.stepHashes()).nodes).toEqual([
    { node, sha256: expect.any(String), numBytes: 12, peers: ['w'] },
  ]);
});

test('a snapshot is copied before what is asked next, and fetched beside it', async () => {
  const order: string[] = [];
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const { fetched, pool } = processWith(
    {
      save: () => order.push('save'),
      apply: () => void order.push('apply'),
      saved: (snapshot: number) => void order.push(`saved ${snapshot}`),
    },
    () => arrived,
  );
  const wanted = state();
  const saved = pool.save(wanted);
  const scalars = { scale: 1, normCoefficient: 1, learningRate: 1, updateIndex: 1 };
  await pool.apply({ numLeaves: 1, skippedLeaves: [], scalars });
  expect(order).toEqual(['save', 'apply']);
  expect(fetched).toEqual([['reducer.a', 1, wanted, { buckets: [], statistics: 0 }]]);
  arrive();
  await saved;
  expect(order).toEqual(['save', 'apply', 'saved 1']);
});

test('what a reducer tells of a worker is heard', async () => {
  const { end, faults, pool } = processWith({ forgetPeer: () => {} });
  end.tell('onFault' as never, ...(['worker.w', 'not a frame'] as never));
  end.tell('onElse' as never);
  await pool.forgetPeer('worker.w').catch(() => {});
  expect(faults).toEqual([['worker.w', 'not a frame']]);
});

test('silence is a loss: calls that are out end with it, and later ones at once', async () => {
  const { lost, mute, pool, remote } = processWith({ forgetPeer: () => new Promise(() => {}) });
  const waiting = pool.forgetPeer('w');
  clockMs += 9_000;
  remote.look();
  expect(lost).toEqual([]);
  mute();
  clockMs += 11_000;
  remote.look();
  await expect(waiting).rejects.toThrow(ReducerLost);
  await expect(pool.forgetPeer('w')).rejects.toThrow('nothing was heard of it for 10 s');
  expect(lost.map(({ reducer }) => reducer)).toEqual(['a machine']);
  await pool.close();
});

test('a closed connection is a loss, unless the process is heard again', async () => {
  const { lost, pool, remote } = processWith({ forgetPeer: () => {} });
  remote.disconnected();
  clockMs += 2_000;
  remote.look();
  await pool.forgetPeer('w');
  clockMs += 2_000;
  remote.look();
  expect(lost).toEqual([]);
  remote.disconnected();
  clockMs += 4_000;
  remote.look();
  expect(lost.map(({ message }) => message)).toEqual(['its connection has closed']);
});

test('what a person could mend at the process is its loss, and a bug is the bug of the run', async () => {
  const broken = processWith({
    forgetPeer: () => {
      throw new Error('a broken invariant');
    },
  });
  await expect(broken.pool.forgetPeer('w')).rejects.toThrow('a broken invariant');
  expect(broken.lost).toEqual([]);
  const { UserError } = await import('@unet-fleet/law');
  const full = processWith({
    forgetPeer: () => {
      throw new UserError('there is no memory');
    },
  });
  await expect(full.pool.forgetPeer('w')).rejects.toThrow(ReducerLost);
  expect(full.lost.map(({ message }) => message)).toEqual(['there is no memory']);
});

test('a state that can not be had is a loss', async () => {
  const { lost, pool } = processWith({ save: () => 1 }, () =>
    Promise.reject(new Error('it did not send it')),
  );
  await expect(pool.save(state())).rejects.toThrow(ReducerLost);
  expect(lost.map(({ message }) => message)).toEqual(["its state can't be had: it did not send it"]);
});

test.each([
  ['no message', Uint8Array.of(0xc1)],
  ['an answer that nobody waits for', encodeAnswer(0, 'forgetPeer', { answer: 17, value: null })],
])('a process that sends %s is lost', async (_, bytes) => {
  const { dialogue, lost } = processWith({});
  dialogue.send(bytes);
  await new Promise((resolve) => setImmediate(resolve));
  expect(lost.map(({ message }) => message)).toEqual(['it has sent what is no answer']);
});
