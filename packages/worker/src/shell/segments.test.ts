import { UserError } from '@unet-fleet/law';
import type { DownMessage } from '@unet-fleet/wire';
import { maxPartBytes } from '@unet-fleet/wire/protocol/messages';
import { expect, it } from 'vitest';
import type { Member } from './member.ts';
import { Segments } from './segments.ts';

type Part = Extract<DownMessage, { type: 'segment' }>;

const part = (rest: Partial<Part> = {}): Part => ({
  type: 'segment',
  term: 1,
  id: 1,
  width: 2,
  height: 1,
  part: 0,
  numParts: 1,
  bytes: Uint8Array.of(1, 2, 3, 4, 5, 6),
  ...rest,
});

/** Answers with the photo's own bytes. */
const echo = (seen: number[][] = []): Member =>
  ({
    channels: 3,
    segment: async ({ pixels }: { pixels: Uint8Array }) => {
      seen.push([...pixels]);
      return { version: 5, classes: Uint8Array.from(pixels) };
    },
  }) as unknown as Member;

function started() {
  const answers: { id: number; problem: string | null; classes: number[]; numParts: number }[] = [];
  const segments = new Segments(
    ({ id, problem, classes, numParts }) => answers.push({ id, problem, classes: [...classes], numParts }),
    maxPartBytes,
  );
  return { segments, answers };
}

it('computes a photo once all parts are there, in whatever order they come, and once only', async () => {
  const { segments, answers } = started();
  const seen: number[][] = [];
  const member = echo(seen);
  const second = part({ part: 1, numParts: 2, bytes: Uint8Array.of(4, 5, 6) });
  await segments.receive(second, member);
  await segments.receive(second, member);
  await segments.receive(part({ numParts: 2, bytes: Uint8Array.of(1, 2, 3) }), member);
  await segments.receive(second, member);
  expect(seen).toEqual([[1, 2, 3, 4, 5, 6]]);
  expect(answers).toEqual([{ id: 1, problem: null, classes: [1, 2, 3, 4, 5, 6], numParts: 1 }]);
});

it('gives up a photo of which another has come', async () => {
  const { segments, answers } = started();
  await segments.receive(part({ numParts: 2, bytes: Uint8Array.of(1, 2, 3) }), echo());
  await segments.receive(part({ id: 2, bytes: Uint8Array.of(9, 9) }), echo());
  expect(answers.map(({ id }) => id)).toEqual([2]);
});

it('says why it has no answer', async () => {
  const { segments, answers } = started();
  const failing = (error: Error) =>
    ({ channels: 3, segment: () => Promise.reject(error) }) as unknown as Member;
  await segments.receive(part({ id: 1, bytes: Uint8Array.of(1, 2, 3) }), echo());
  await segments.receive(part({ id: 2, bytes: new Uint8Array() }), echo());
  await segments.receive(part({ id: 3 }), null);
  await segments.receive(part({ id: 4 }), failing(new UserError('this worker has no weights yet')));
  await segments.receive(part({ id: 5 }), failing(new TypeError('of the engine')));
  expect(answers.map(({ id, problem }) => [id, problem])).toEqual([
    [1, 'the photo is damaged'],
    [2, 'the photo is damaged'],
    [3, 'this worker is not ready yet'],
    [4, 'this worker has no weights yet'],
    [5, 'the worker could not compute it'],
  ]);
});
