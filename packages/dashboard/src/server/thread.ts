/**
 * The thread that serves the live page of a run. Reading the run folder, packing, decoding photos and a hundred pages
 * that are told the same hold nobody up here; the coordinator's thread answers a few small questions a second.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '@unet-fleet/shared';
import { linksOf } from './links.ts';
import type { LivePort } from './live-port.ts';
import { newTokens, remember, remembered } from './secrets.ts';
import { type Dashboard, portsFrom, serveDashboard } from './serve.ts';
import type { Answers, FromThread, Question, ThreadOptions, ToThread } from './thread-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('thread.ts runs in a worker thread');
const tell = (message: FromThread) => port.postMessage(message);

interface Asker {
  resolve(value: never): void;
  reject(error: Error): void;
}

const askers = new Map<number, Asker>();
let nextId = 1;

function ask<What extends Question['what']>(question: Question & { what: What }): Promise<Answers[What]> {
  const id = nextId++;
  return new Promise((resolve, reject) => {
    askers.set(id, { resolve, reject });
    tell({ type: 'question', id, ...question });
  });
}

const live: LivePort = {
  status: () => ask({ what: 'status' }),
  followed: () => ask({ what: 'followed' }),
  control: (action, by) => ask({ what: 'control', action, by }),
  segment: (photo) => ask({ what: 'segment', photo }),
};

let dashboard: Dashboard | null = null;

port.on('message', (message: ToThread) => {
  if (message.type === 'close') {
    void close(message.reason);
    return;
  }
  const asker = askers.get(message.id);
  askers.delete(message.id);
  if (message.type === 'answer') asker?.resolve(message.value as never);
  else asker?.reject(message.isForVisitor ? new UserError(message.message) : new Error(message.message));
});

const opening = open(workerData as ThreadOptions);

async function open({ runDir, host, wantedPort, isResumed, version, plan }: ThreadOptions): Promise<void> {
  const before = isResumed ? remembered(runDir) : null;
  const tokens = before?.tokens ?? newTokens();
  const first = before?.wantedPort === wantedPort ? before.port : wantedPort;
  const ports = [...new Set([first, ...portsFrom(wantedPort)])];
  try {
    dashboard = await serveDashboard({ host, ports, tokens, version, shown: { runDir, port: live, plan } });
  } catch (error) {
    tell({ type: 'failed', message: (error as Error).message });
    return;
  }
  remember(runDir, { tokens, port: dashboard.port, wantedPort });
  tell({
    type: 'listening',
    links: linksOf(host, dashboard.port, tokens),
    takenPort: first !== 0 && dashboard.port !== first ? first : null,
  });
}

async function close(reason: string): Promise<void> {
  await opening;
  await dashboard?.close(reason);
  tell({ type: 'closed' });
  port!.close();
}
