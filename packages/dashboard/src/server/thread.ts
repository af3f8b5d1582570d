/**
 * The thread that serves the live page of a run. Reading the run folder, packing, decoding photos and a hundred pages
 * that are told the same hold nobody up here; the coordinator's thread answers a few small questions a second.
 */
import { Starter, threadData } from '@unet-fleet/shared/threads';
import type { Plan } from './head.ts';
import { type Links, linksOf } from './links.ts';
import type { LivePort } from './live-port.ts';
import { newTokens, remember, remembered } from './secrets.ts';
import { type Dashboard, portsFrom, serveDashboard } from './serve.ts';

export interface ThreadOptions {
  runDir: string;
  host: string;
  /** 0: any. */
  wantedPort: number;
  /** A run that goes on takes up the links of the start before. */
  isResumed: boolean;
  version: string;
  plan: Plan;
}

/** What the coordinator's thread answers, and hears. */
export interface PageListener extends LivePort {
  /** `takenPort`: the one that was to be, where it is not this one. */
  listening(links: Links, takenPort: number | null): void;
  /** It serves nothing; the run goes on without. */
  failed(message: string): void;
}

export type PageFunctions = typeof functions;

const starter = new Starter<PageListener>();

const live: LivePort = {
  status: () => starter.call('status', []),
  followed: () => starter.call('followed', []),
  control: (action, by) => starter.call('control', [action, by]),
  segment: (photo) => starter.call('segment', [photo]),
};

let dashboard: Dashboard | null = null;

const functions = {
  async close(reason: string): Promise<void> {
    await opening;
    await dashboard?.close(reason);
    starter.end();
  },
};

const opening = open(threadData<ThreadOptions>());
starter.serve(functions);

async function open({ runDir, host, wantedPort, isResumed, version, plan }: ThreadOptions): Promise<void> {
  const before = isResumed ? remembered(runDir) : null;
  const tokens = before?.tokens ?? newTokens();
  const first = before?.wantedPort === wantedPort ? before.port : wantedPort;
  const ports = [...new Set([first, ...portsFrom(wantedPort)])];
  try {
    dashboard = await serveDashboard({ host, ports, tokens, version, shown: { runDir, port: live, plan } });
  } catch (error) {
    starter.tell('failed', (error as Error).message);
    return;
  }
  remember(runDir, { tokens, port: dashboard.port, wantedPort });
  const takenPort = first !== 0 && dashboard.port !== first ? first : null;
  starter.tell('listening', linksOf(host, dashboard.port, tokens), takenPort);
}
