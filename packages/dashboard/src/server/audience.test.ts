import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Audience } from './audience.ts';

class Socket extends EventEmitter {
  bufferedAmount = 0;
  readyState: number = WebSocket.OPEN;
  sent: string[] = [];
  numPings = 0;
  isGone = false;
  send(bytes: Buffer | string): void {
    this.sent.push(JSON.parse(String(bytes)).type);
  }
  ping(): void {
    this.numPings++;
  }
  terminate(): void {
    this.isGone = true;
    this.emit('close');
  }
}

function audienceOf(...sockets: Socket[]) {
  const clock = { now: 0 };
  const audience = new Audience(() => clock.now);
  for (const socket of sockets) audience.add(socket as unknown as WebSocket);
  return { audience, clock };
}

const update = { type: 'update', curves: {}, events: [], lanes: [] } as const;

test('passes over a page that does not read, tells it once that it is behind, and others everything', () => {
  const [slow, quick] = [new Socket(), new Socket()];
  const { audience } = audienceOf(slow, quick);
  audience.tell(update);
  slow.bufferedAmount = 2 ** 20;
  for (let i = 0; i < 3; i++) audience.tell(update);
  slow.bufferedAmount = 100_000;
  audience.tell(update);
  slow.bufferedAmount = 0;
  audience.tell(update);
  audience.tell(update);
  expect(slow.sent).toEqual(['update', 'behind', 'update', 'update']);
  expect(quick.sent).toEqual(Array(7).fill('update'));
});

test('does not call a page behind that missed what the next message makes up for', () => {
  const slow = new Socket();
  const { audience } = audienceOf(slow);
  slow.bufferedAmount = 2 ** 20;
  audience.tell({ type: 'behind' }, true);
  slow.bufferedAmount = 0;
  audience.tell(update);
  expect(slow.sent).toEqual(['update']);
});

test('lets go a page that answers no ping', () => {
  const [dead, alive] = [new Socket(), new Socket()];
  const { audience, clock } = audienceOf(dead, alive);
  for (let i = 0; i < 4; i++) {
    clock.now += 20_001;
    audience.visit();
    if (alive.numPings > 0) alive.emit('pong');
  }
  expect([dead.isGone, alive.isGone, audience.size]).toEqual([true, false, 1]);
});
