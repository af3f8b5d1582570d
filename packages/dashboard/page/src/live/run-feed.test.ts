import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { History, Point, ServerMessage } from '../../../src/protocol.ts';
import { createRunFeed } from './run-feed.ts';
import type { SocketEvents } from './socket.ts';

const historyOf = (trainLoss: Point[]): History =>
  ({
    name: 'a run',
    followed: ['1'],
    curves: { trainLoss, classIou: [] },
    events: [],
    lanes: [],
  }) as unknown as History;

const hello: ServerMessage = { type: 'hello', runName: 'a run', canControl: true, lastEventId: 0 };
const point = (step: number): ServerMessage => ({
  type: 'update',
  curves: { trainLoss: [[step, step]] },
  events: [],
  lanes: [],
});

/** A feed whose server answers when the test says so. */
function opened() {
  const asked: { path: string; answer: (history: History) => void; fail: (error: Error) => void }[] = [];
  let socket!: SocketEvents;
  const sent: unknown[] = [];
  const feed = createRunFeed(
    {
      json: <Value>(path: string) =>
        new Promise<Value>((resolve, fail) => {
          asked.push({ path, answer: (history) => resolve(history as Value), fail });
        }),
    },
    (events) => {
      socket = events;
      return {
        send: async (action) => {
          sent.push(action);
          return { ok: true, message: 'done' };
        },
        close: () => {},
      };
    },
  );
  const steps = () => feed.state().history?.curves.trainLoss.map(([step]) => step) ?? null;
  return {
    feed,
    asked,
    sent,
    steps,
    tell: (message: ServerMessage) => socket.onMessage(message),
    lose: () => socket.onLost(),
  };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('what comes while the history is on its way is added to it once it is there', async () => {
  const { asked, steps, tell } = opened();
  tell(hello);
  expect(asked.map(({ path }) => path)).toEqual(['runs/a%20run/history']);
  tell(point(2));
  tell(point(3));
  expect(steps()).toBe(null);
  asked[0]!.answer(
    historyOf([
      [1, 1],
      [2, 2],
    ]),
  );
  await settle();
  expect(steps()).toEqual([1, 2, 3]);
  tell(point(4));
  expect(steps()).toEqual([1, 2, 3, 4]);
});

test('after a loss the history is loaded anew, and an answer of before it is not used', async () => {
  const { feed, asked, steps, tell, lose } = opened();
  tell(hello);
  lose();
  expect(feed.state().connection).toBe('lost');
  tell(hello);
  // The run went back to a checkpoint: nothing of before may stay.
  asked[1]!.answer(historyOf([[1, 1]]));
  asked[0]!.answer(
    historyOf([
      [1, 1],
      [2, 2],
      [3, 3],
    ]),
  );
  await settle();
  expect(steps()).toEqual([1]);
  expect(feed.state()).toMatchObject({ connection: 'open', numConnections: 2, canControl: true });
});

test('a page that was too slow loads anew, also when too much came meanwhile', async () => {
  const { asked, steps, tell } = opened();
  tell(hello);
  asked[0]!.answer(historyOf([[1, 1]]));
  await settle();
  tell({ type: 'behind' });
  expect(asked).toHaveLength(2);
  for (let step = 2; step < 2_000; step++) tell(point(step));
  asked[1]!.answer(historyOf([[1, 1]]));
  await settle();
  expect(asked).toHaveLength(3);
  asked[2]!.answer(
    historyOf([
      [1, 1],
      [1_999, 1],
    ]),
  );
  await settle();
  expect(steps()).toEqual([1, 1_999]);
});

test('a learning rate that was changed is loaded with its mark', async () => {
  const { asked, tell } = opened();
  tell(hello);
  asked[0]!.answer(historyOf([]));
  await settle();
  const event = { id: 1, at: '', type: 'learning-rate-changed', level: 'info', step: 3, text: '' } as const;
  tell({ type: 'update', curves: {}, events: [event], lanes: [] });
  expect(asked).toHaveLength(2);
});

test('a history that can not be had is said and asked for again', async () => {
  const { feed, asked, steps, tell } = opened();
  tell(hello);
  asked[0]!.fail(new Error('its files are damaged'));
  await settle();
  expect(feed.state().error).toBe('its files are damaged');
  await vi.advanceTimersByTimeAsync(10_000);
  asked[1]!.answer(historyOf([[1, 1]]));
  await settle();
  expect(feed.state().error).toBe(null);
  expect(steps()).toEqual([1]);
});

test('listeners hear of many messages together, and of none after the end', async () => {
  const { feed, asked, tell } = opened();
  let numHeard = 0;
  feed.subscribe(() => numHeard++);
  tell(hello);
  asked[0]!.answer(historyOf([]));
  await settle();
  for (let step = 1; step <= 50; step++) tell(point(step));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(numHeard).toBe(1);
  tell(point(51));
  feed.close();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(numHeard).toBe(1);
});

test('photos that anybody has chosen are followed here at once', async () => {
  const { feed, asked, sent, tell } = opened();
  tell(hello);
  asked[0]!.answer(historyOf([]));
  await settle();
  await feed.send({ action: 'follow', ids: ['7', '9'] });
  expect(sent).toEqual([{ action: 'follow', ids: ['7', '9'] }]);
  tell({ type: 'followed', ids: ['7', '9'] });
  expect(feed.state().history?.followed).toEqual(['7', '9']);
});
