import { deflateSync } from 'node:zlib';
import { UserError } from '@unet-fleet/law';
import { expect, it, vi } from 'vitest';
import { Segmenter, type SegmenterPorts } from './segmenter.ts';

type Sent = { workerId: string } & Parameters<SegmenterPorts['send']>[1];

/** A photo of 2 x 2 pixels, in parts of 5 bytes, for workers that the test answers for. */
function started(workers: string[], pixels = Uint8Array.from({ length: 12 }, (_, i) => i)) {
  const sent: Sent[] = [];
  let wake = () => {};
  const segmenter = new Segmenter({
    numClasses: 4,
    partBytes: 5,
    load: async (photo) => {
      if (photo.length === 0) throw new UserError('it is no photo');
      return { width: 2, height: 2, pixels };
    },
    candidates: () => workers,
    send: (workerId, message) => {
      sent.push({ workerId, ...message });
      if (message.part === message.numParts - 1) wake();
    },
  });
  const asked = () =>
    new Promise<Sent>((resolve) => {
      wake = () => resolve(sent.at(-1)!);
    });
  return { segmenter, sent, asked };
}

const classes = Uint8Array.from([0, 1, 2, 3]);
const answer = (id: number, bytes: Uint8Array = deflateSync(classes), rest = {}) => ({
  type: 'segmented' as const,
  term: 1,
  id,
  version: 7,
  part: 0,
  numParts: 1,
  classes: bytes,
  problem: null,
  ...rest,
});

it('sends a photo in parts and puts the answer together, in whatever order its parts come', async () => {
  const { segmenter, sent, asked } = started(['a', 'b']);
  const ready = asked();
  const segmented = segmenter.segment(Uint8Array.of(1));
  const { id, workerId } = await ready;
  expect(workerId).toBe('a');
  expect(sent.map(({ part, numParts, bytes }) => [part, numParts, [...bytes]])).toEqual([
    [0, 3, [0, 1, 2, 3, 4]],
    [1, 3, [5, 6, 7, 8, 9]],
    [2, 3, [10, 11]],
  ]);
  const bytes = deflateSync(classes);
  const cut = [bytes.subarray(0, 5), bytes.subarray(5, 10), bytes.subarray(10)];
  const parts = cut.map((piece, part) => answer(id, piece, { part, numParts: 3 }));
  segmenter.received('a', parts[2]!);
  segmenter.received('a', parts[0]!);
  // Those of others, of another photo, or sent twice change nothing.
  segmenter.received('b', answer(id));
  segmenter.received('a', answer(id + 1));
  segmenter.received('a', parts[0]!);
  segmenter.received('a', parts[1]!);
  expect(await segmented).toEqual({
    step: 7,
    width: 2,
    height: 2,
    classes: Buffer.from(classes),
    rgb: Uint8Array.from({ length: 12 }, (_, i) => i),
  });
});

it('shows a grey photo as RGB', async () => {
  const { segmenter, asked } = started(['a'], Uint8Array.from([1, 2, 3, 4]));
  const ready = asked();
  const segmented = segmenter.segment(Uint8Array.of(1));
  segmenter.received('a', answer((await ready).id));
  expect([...(await segmented).rgb]).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
});

it.each<[string, (segmenter: Segmenter, id: number) => void]>([
  ['is lost', (segmenter) => segmenter.lost('a')],
  ['can not', (segmenter, id) => segmenter.received('a', answer(id, classes, { problem: 'no weights yet' }))],
  ['answers rubbish', (segmenter, id) => segmenter.received('a', answer(id, Uint8Array.of(1, 2)))],
])('asks another worker when the first %s, once', async (_, fail) => {
  const { segmenter, asked } = started(['a', 'b', 'c']);
  const first = asked();
  const segmented = segmenter.segment(Uint8Array.of(1));
  const { id } = await first;
  const second = asked();
  fail(segmenter, id);
  const { workerId, id: nextId } = await second;
  expect(workerId).toBe('b');
  segmenter.received('b', answer(nextId, classes, { problem: 'no weights either' }));
  await expect(segmented).rejects.toThrow('the photo was not segmented: no weights either');
});

it('refuses what is no photo, too large, too many, or nobody can compute', async () => {
  await expect(started(['a']).segmenter.segment(new Uint8Array())).rejects.toThrow('it is no photo');
  await expect(started([]).segmenter.segment(Uint8Array.of(1))).rejects.toThrow('no worker is there');
  const large = new Uint8Array(33 * 2 ** 20);
  await expect(started(['a']).segmenter.segment(large)).rejects.toThrow('more than 32 MB');
  await expect(started(['a'], new Uint8Array(400)).segmenter.segment(Uint8Array.of(1))).rejects.toThrow(
    'a photo of 2x2 is too large',
  );
  const { segmenter } = started(['a']);
  const waiting = Array.from({ length: 4 }, () => segmenter.segment(Uint8Array.of(1)));
  await expect(segmenter.segment(Uint8Array.of(1))).rejects.toThrow('4 photos wait');
  segmenter.close();
  for (const outcome of await Promise.allSettled(waiting)) {
    expect(outcome).toMatchObject({ reason: { message: expect.stringContaining('the run is over') } });
  }
});

it('takes the next photo when one has failed', async () => {
  const { segmenter, asked } = started(['a']);
  await expect(segmenter.segment(new Uint8Array())).rejects.toThrow();
  const ready = asked();
  const segmented = segmenter.segment(Uint8Array.of(1));
  segmenter.received('a', answer((await ready).id));
  expect((await segmented).step).toBe(7);
});

it('does not wait longer than a minute', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { segmenter, asked } = started(['a']);
    const ready = asked();
    const refused = expect(segmenter.segment(Uint8Array.of(1))).rejects.toThrow('within 60 s');
    await ready;
    await vi.advanceTimersByTimeAsync(60_000);
    await refused;
  } finally {
    vi.useRealTimers();
  }
});
