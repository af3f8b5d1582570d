/** Two ends of a dialogue over a way that loses, doubles and delays: each message arrives whole, in order and once. */
import type { Clock } from '@unet-fleet/shared';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Packet } from '../protocol/reducer-messages.ts';
import { Dialogue } from './dialogue.ts';

/** Time that passes when it is told to. */
class TestClock implements Clock {
  #nowMs = 0;
  readonly #works = new Set<{ atMs: number; everyMs: number | null; work(): void }>();

  now = () => this.#nowMs;
  after = (ms: number, work: () => void) => this.#add(ms, null, work);
  every = (ms: number, work: () => void) => this.#add(ms, ms, work);

  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#works].sort((a, b) => a.atMs - b.atMs);
      if (!next || next.atMs > untilMs) break;
      this.#nowMs = next.atMs;
      if (next.everyMs === null) this.#works.delete(next);
      else next.atMs += next.everyMs;
      next.work();
    }
    this.#nowMs = untilMs;
  }

  #add(ms: number, everyMs: number | null, work: () => void) {
    const entry = { atMs: this.#nowMs + ms, everyMs, work };
    this.#works.add(entry);
    return () => void this.#works.delete(entry);
  }
}

const pieceBytes = 4;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** `fates`: of each packet in turn, how often it arrives; later ones arrive once. */
function dialogueOver(fates: number[] = []) {
  const clock = new TestClock();
  const heard: [string[], string[]] = [[], []];
  const sent: Packet[] = [];
  const link = { isUp: true };
  const ends = [0, 1].map(
    (me): Dialogue =>
      new Dialogue(
        {
          link,
          send(packet) {
            sent.push(packet);
            const copies = fates.shift() ?? 1;
            for (let i = 0; i < copies; i++) clock.after(1 + 7 * i, () => ends[1 - me]!.take(packet));
          },
        },
        {
          ...{ term: 3, pieceBytes, clock },
          receive: (message) => heard[me as 0 | 1].push(text(message)),
        },
      ),
  ) as [Dialogue, Dialogue];
  return { clock, ends, heard, link, sent };
}

test('whatever is lost or doubled on the way, messages of any length arrive in order and once', () => {
  const messages = fc.array(fc.string({ maxLength: 14 }), { maxLength: 8 });
  const fates = fc.array(fc.constantFrom(0, 0, 1, 1, 2), { maxLength: 60 });
  fc.assert(
    fc.property(messages, messages, fates, (there, back, lost) => {
      const { clock, ends, heard } = dialogueOver(lost);
      const latin = (list: string[]) => list.map((message) => text(Buffer.from(message, 'latin1')));
      there.forEach((message, i) => {
        ends[0].send(Buffer.from(message, 'latin1'));
        if (back[i] !== undefined) ends[1].send(Buffer.from(back[i], 'latin1'));
        clock.pass(2);
      });
      for (const message of back.slice(there.length)) ends[1].send(Buffer.from(message, 'latin1'));
      clock.pass(300_000);
      expect(heard).toEqual([latin(back), latin(there)]);
      for (const end of ends) end.close();
    }),
  );
});

test('what was said while the broker was away is said when it is back, at once', () => {
  const { clock, ends, heard, link, sent } = dialogueOver();
  link.isUp = false;
  ends[0].send(Buffer.from('while it was away'));
  clock.pass(20_000);
  expect(sent).toEqual([]);
  link.isUp = true;
  ends[0].reconnected();
  clock.pass(2);
  expect(heard[1]).toEqual(['while it was away']);
});

test('both are heard of while they live, though they have nothing to say', () => {
  const { clock, ends } = dialogueOver();
  expect(ends[0].hasHeard).toBe(false);
  clock.pass(10_000);
  expect(ends[0].hasHeard).toBe(true);
  expect(clock.now() - ends[0].heardMs).toBeLessThan(1_500);
  ends[1].close();
  clock.pass(10_000);
  expect(clock.now() - ends[0].heardMs).toBeGreaterThan(9_000);
});

test('nothing that is acknowledged is said again', () => {
  const { clock, ends, sent } = dialogueOver();
  ends[0].send(Buffer.from('once'));
  clock.pass(60_000);
  expect(sent.filter(({ number }) => number > 0)).toHaveLength(1);
});

test('nothing of another term is heard, acknowledgements neither', () => {
  const { clock, ends, heard, sent } = dialogueOver([0]);
  ends[0].send(Buffer.from('now'));
  const old = { type: 'packet', term: 2, number: 1, acknowledged: 1, isLast: true } as const;
  ends[0].take({ ...old, bytes: Buffer.from('then') });
  ends[1].take({ ...old, bytes: Buffer.from('then') });
  expect(ends[0].hasHeard).toBe(false);
  clock.pass(10_000);
  expect(heard).toEqual([[], ['now']]);
  expect(sent.every(({ term }) => term === 3)).toBe(true);
});

test('a message without end is refused', () => {
  const { ends } = dialogueOver();
  const bytes = new Uint8Array(40 * 1024 * 1024);
  const piece: Packet = { type: 'packet', term: 3, number: 1, acknowledged: 0, isLast: false, bytes };
  ends[0].take(piece);
  expect(() => ends[0].take({ ...piece, number: 2 })).toThrow('a message that has no end');
});
