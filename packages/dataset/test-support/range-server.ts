/** A web server for the files of a folder that can misbehave in the ways that real ones do. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface RangeServer {
  url: string;
  /** Of each request, in order. */
  requests: { path: string; headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

export interface Behaviour {
  /** Status instead of an answer, for the n-th request (from 0); null for an answer. */
  status?(n: number): number | null;
  /** Whether it answers ranges; true unless it is said otherwise. */
  answersRanges?: boolean;
  /** Changes the bytes of an answer. */
  change?(bytes: Buffer, path: string): Buffer;
  /** What the Authorization header must be. */
  authorization?: string;
}

export async function serveFolder(folder: string, behaviour: Behaviour = {}): Promise<RangeServer> {
  const requests: RangeServer['requests'] = [];
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://x').pathname).slice(1);
    const n = requests.push({ path, headers: request.headers }) - 1;
    const status = behaviour.status?.(n) ?? null;
    if (status !== null) return void response.writeHead(status).end();
    const { authorization } = behaviour;
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      return void response.writeHead(401).end();
    }
    let bytes: Buffer;
    try {
      bytes = readFileSync(join(folder, path));
    } catch {
      return void response.writeHead(404).end();
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const isRange = range !== null && behaviour.answersRanges !== false;
    const part = isRange ? bytes.subarray(Number(range[1]), Number(range[2]) + 1) : bytes;
    response.writeHead(isRange ? 206 : 200).end(behaviour.change?.(Buffer.from(part), path) ?? part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
