/**
 * The small HTTP server of metrics and probes, of a coordinator or a worker: three paths to read, nothing to change, no
 * body read, few connections. It answers on the main thread, which is free while a step computes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UserError } from '@unet-fleet/law';
import { systemError } from '@unet-fleet/shared';

export interface MetricsServerOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  contentType: string;
  metrics(): Promise<string>;
  /** null when ready, otherwise the reason why not. */
  unreadiness(): string | null;
}

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/** A Prometheus, two probes, and a person with curl. */
const maxConnections = 64;
const patienceMs = 10_000;

/** Throws a UserError if the address can't be listened on. */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  let underWay: Promise<string> | null = null;
  /** Whoever asks while an answer is made gets that one: many askers cost what one does. */
  const metrics = () => {
    underWay ??= options.metrics().finally(() => {
      underWay = null;
    });
    return underWay;
  };
  const server = createServer(
    { requestTimeout: patienceMs, headersTimeout: patienceMs, keepAliveTimeout: patienceMs },
    (request, response) => {
      answer(request, response, { ...options, metrics }).catch((error: Error) => {
        if (!response.headersSent) send(response, 500, `${error.message}\n`);
      });
    },
  );
  server.maxConnections = maxConnections;
  const { host, port } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  // A run does not go on for its metrics.
  server.unref();
  server.on('error', () => {});
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  { contentType, metrics, unreadiness }: MetricsServerOptions,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send(response, 405, 'only GET and HEAD\n');
  }
  switch (url.split('?')[0]) {
    case '/metrics':
      return send(response, 200, await metrics(), contentType);
    case '/healthz':
      return send(response, 200, 'alive\n');
    case '/readyz': {
      const reason = unreadiness();
      return send(response, reason === null ? 200 : 503, `${reason ?? 'ready'}\n`);
    }
    default:
      return send(response, 404, 'there are /metrics, /healthz and /readyz\n');
  }
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8') {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}

function explained(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const where = `metrics can't be served on ${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (error.code === 'EADDRINUSE')
    return new UserError(`${where}, the port is taken: choose another --metrics-port`);
  if (error.code === 'EACCES') {
    return new UserError(`${where}, there is no permission: choose a --metrics-port above 1023`);
  }
  return systemError(error, { what: 'metrics', instead: 'by --metrics-host' }) ?? error;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
