/**
 * The server of the live page: HTTP and one WebSocket, for a run that is live here or for the runs of a folder. It reads
 * the run folder and speaks with the run through a LivePort alone.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { UserError } from '@unet-fleet/law';
import { explained } from '@unet-fleet/shared';
import { RunHistory } from '../history/run-history.ts';
import { accessOf, type Door, isLoopbackName, refusalOf, type Tokens } from './access.ts';
import { Refusal, send, sendError } from './answers.ts';
import { Audience } from './audience.ts';
import type { Plan } from './head.ts';
import { LiveFeed } from './live-feed.ts';
import type { LivePort } from './live-port.ts';
import { type PageFiles, readPageFiles } from './page-files.ts';
import { Routes } from './routes.ts';
import { RunFolders } from './run-folders.ts';
import { Sockets } from './sockets.ts';

export interface DashboardOptions {
  host: string;
  /** Tried in this order; the first that is free is taken. 0: any. */
  ports: readonly number[];
  tokens: Tokens;
  version: string;
  /** Folder of the built page; default: where it is built. */
  page?: string;
  /** The run of this process, or a folder of runs. */
  shown: { runDir: string; port: LivePort; plan: Plan } | { folder: string };
}

export interface Dashboard {
  port: number;
  /** Tells open pages that it ends. */
  close(reason: string): Promise<void>;
}

/** Pages with their connections for pictures; more wait to be accepted. */
const maxConnections = 2_000;
const headersMs = 15_000;
/** For a photo over a slow line. */
const requestMs = 120_000;
/** Of a connection on which nothing moves: a page that asks and never reads, or a photo that waits for its turn. */
const idleMs = 180_000;

/** Ports tried: as many runs as a person has on a machine. */
const numPorts = 32;

/** The one that is wanted and those after it; 0 is any. */
export const portsFrom = (wanted: number): number[] =>
  wanted === 0
    ? [0]
    : Array.from({ length: numPorts }, (_, i) => wanted + i).filter((port) => port <= 65_535);

/** Throws a UserError if none of the ports can be listened on, or the page was not built. */
export async function serveDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { host, tokens, shown, version } = options;
  const files = readPageFiles(options.page);
  const door: Door = { tokens, isLoopback: isLoopbackName(host) };
  const audience = new Audience();
  const live = 'folder' in shown ? null : { ...shown, history: new RunHistory(shown.runDir) };
  const feed = live && new LiveFeed(live.history, live.port, audience, live.plan);
  const runs =
    'folder' in shown
      ? new RunFolders(shown.folder, null)
      : new RunFolders(dirname(shown.runDir), live!.history);
  const routes = new Routes({
    runs,
    live: live && { name: live.history.name, port: live.port },
    version,
  });
  const sockets = new Sockets(
    live && {
      ...door,
      audience,
      runName: live.history.name,
      port: live.port,
      onPage: () => feed!.wake(),
      lastEventId: () => live.history.course.nextEventId - 1,
    },
  );
  const server = createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs },
    (request, response) => {
      answer(request, response, { door, files, routes }).catch((error: Error) => {
        if (response.headersSent) response.destroy();
        else if (error instanceof Refusal) sendError(response, error.status, error.message, error.headers);
        else if (error instanceof UserError) sendError(response, 404, error.message);
        else sendError(response, 500, `it could not be read: ${error.message}`);
      });
    },
  );
  server.maxConnections = maxConnections;
  server.setTimeout(idleMs, (socket) => socket.destroy());
  server.on('upgrade', (request, socket, head) => sockets.upgrade(request, socket, head));
  const port = await listen(server, host, options.ports);
  return {
    port,
    async close(reason) {
      await feed?.close();
      audience.close(reason);
      sockets.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Answering {
  door: Door;
  files: PageFiles;
  routes: Routes;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { door, files, routes }: Answering,
): Promise<void> {
  const { headers, url = '/', method } = request;
  const path = url.split('?')[0]!;
  if (!path.startsWith('/api/')) return sendFile(request, response, files.get(path), door);
  const refusal = refusalOf(headers, door.isLoopback);
  if (refusal !== null) throw new Refusal(403, refusal);
  const access = accessOf(headers, door);
  if (access === 'none') {
    throw new Refusal(401, 'open the link that the run has printed: it holds a token', {
      'WWW-Authenticate': 'Bearer',
    });
  }
  await routes.answer(partsOf(path.slice('/api/'.length)), { request, response, access });
  // What was not read of a body would be taken for the next request.
  if (method !== 'GET' && !request.readableEnded) request.destroy();
}

/** Throws a Refusal for what is no encoded text. */
function partsOf(path: string): string[] {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    throw new Refusal(400, 'the address is damaged');
  }
}

/** The page itself holds nothing of a run: it is given to anybody, under a name of this machine. */
function sendFile(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  file: ReturnType<PageFiles['get']>,
  { isLoopback }: Door,
): void {
  const refusal = isLoopback ? refusalOf({ host: headers.host }, true) : null;
  if (refusal !== null) throw new Refusal(403, refusal);
  if (!file) throw new Refusal(404, 'there is nothing here');
  if (method !== 'GET') throw new Refusal(405, 'only GET is answered here', { Allow: 'GET' });
  const caching = file.isFixed ? 'public, max-age=31536000, immutable' : 'no-cache';
  const common = { 'Content-Type': file.contentType, ETag: file.etag, 'Cache-Control': caching };
  if (headers['if-none-match'] === file.etag) {
    send(response, 304, '', common);
    return;
  }
  send(response, 200, file.bytes, common);
}

async function listen(server: Server, host: string, ports: readonly number[]): Promise<number> {
  let taken: NodeJS.ErrnoException | null = null;
  for (const port of ports) {
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      server.once('error', resolve);
      server.listen({ host, port }, () => {
        server.off('error', resolve);
        resolve(null);
      });
    });
    if (error === null) return (server.address() as AddressInfo).port;
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') {
      throw explained(error, { what: 'the live page', instead: 'by --dashboard-host' });
    }
    taken = error;
  }
  const why = taken?.code === 'EACCES' ? 'there is no permission for it' : 'it is taken';
  throw new UserError(
    `the live page can't be served on port ${ports[0]}, ${why}: choose another --dashboard-port`,
  );
}
