/** How anything leaves the server: with the headers that keep a page to itself, and errors as one sentence. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip as gzipWithCallback } from 'node:zlib';

const gzip = promisify(gzipWithCallback);

/** Scripts, styles and connections of this server alone; photos that a visitor gives are blobs. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src 'self' blob: data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const commonHeaders = {
  'Content-Security-Policy': pagePolicy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** What is not answered, with its HTTP status; the message goes to the visitor. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;
  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export function send(
  response: ServerResponse,
  status: number,
  body: Uint8Array | string,
  headers: Record<string, string>,
): void {
  response.writeHead(status, {
    'Cache-Control': 'no-store',
    ...commonHeaders,
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  });
  response.end(body);
}

export const sendError = (
  response: ServerResponse,
  status: number,
  message: string,
  headers: Record<string, string> = {},
): void =>
  send(response, status, JSON.stringify({ error: message }), {
    'Content-Type': 'application/json; charset=utf-8',
    ...headers,
  });

/** Below this, packing costs more than it saves. */
const minPackedBytes = 8_192;

/** A JSON text as it is sent; packed once for all that take it so. */
export class JsonBody {
  readonly #text: string;
  #packed: Promise<Buffer> | null = null;

  constructor(value: unknown) {
    this.#text = JSON.stringify(value);
  }

  async send(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = { 'Content-Type': 'application/json; charset=utf-8', Vary: 'Accept-Encoding' };
    const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    if (!takesGzip || this.#text.length < minPackedBytes) return send(response, 200, this.#text, headers);
    this.#packed ??= gzip(this.#text, { level: 3 });
    send(response, 200, await this.#packed, { ...headers, 'Content-Encoding': 'gzip' });
  }
}
