/** A thousand workers, and many who ask: a coordinator has leases to give out meanwhile. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { readExposition } from './exposition.test-helper.ts';
import { Metrics } from './registry.ts';
import { serveMetrics } from './server.ts';
import { coordinatorMetrics } from './specs.ts';

test('a text is made in slices, between which others run', async () => {
  const metrics = new Metrics(coordinatorMetrics);
  for (let i = 0; i < 1_000; i++) {
    metrics.set('unet_fleet_member_restarts', 0, { worker: `${i}` });
    metrics.set('unet_fleet_member_straggler', 0, { worker: `${i}` });
  }
  let numTurns = 0;
  let isDone = false;
  const turn = () => {
    numTurns++;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  const families = readExposition(await metrics.text());
  isDone = true;
  expect(families.get('unet_fleet_member_straggler')!.samples).toHaveLength(1_000);
  expect(numTurns).toBeGreaterThanOrEqual(coordinatorMetrics.length);
});

test('whoever asks while an answer is made gets that one, and a later one is made anew', async () => {
  let numMade = 0;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { port, close } = await serveMetrics({
    host: '127.0.0.1',
    port: 0,
    contentType: 'text/plain',
    metrics: async () => {
      const text = `${++numMade}`;
      await gate;
      return text;
    },
    unreadiness: () => null,
  });
  const channel = 'http.server.request.start';
  let numCame = 0;
  const allCame = new Promise<void>((resolve) => {
    const onRequest = () => {
      if (++numCame < 20) return;
      unsubscribe(channel, onRequest);
      resolve();
    };
    subscribe(channel, onRequest);
  });
  const ask = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const answers = Array.from({ length: 20 }, ask);
  await allCame;
  open();
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['1']));
  expect(await ask()).toBe('2');
  await close();
});
