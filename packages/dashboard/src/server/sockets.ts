/**
 * The WebSocket side: who may connect, what a page may say, and what it is answered. What it keeps true: nothing that
 * steers the run is done for a page without the control token, however its message was made.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { UserError } from '@unet-fleet/law';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ServerMessage } from '../protocol.ts';
import { type Access, accessOf, type Door, refusalOf, subprotocol } from './access.ts';
import { type Audience, maxPages } from './audience.ts';
import { clientMessageOf } from './commands.ts';
import type { LivePort } from './live-port.ts';

/** A list of followed photos with long names. */
const maxMessageBytes = 128 * 1024;
/** Commands of one page that are not answered yet. */
const maxPending = 8;

export interface LiveDoor extends Door {
  runName: string;
  port: LivePort;
  audience: Audience;
  /** A page has come. */
  onPage(): void;
  lastEventId(): number;
}

export class Sockets {
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  readonly #live: LiveDoor | null;

  /** `live`: null where no run is live; then nobody is let in. */
  constructor(live: LiveDoor | null) {
    this.#live = live;
  }

  /** For the server's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const live = this.#live;
    const problem = problemWith(request, live);
    if (live === null || problem !== null) {
      refuse(socket, ...(problem ?? nothingLive));
      return;
    }
    const access = accessOf(request.headers, live);
    this.#server.handleUpgrade(request, socket, head, (page) =>
      welcome(page, access, live, addressOf(request)),
    );
  }

  close(): void {
    this.#server.close();
  }
}

type Problem = [status: string, message: string];

const nothingLive: Problem = ['404 Not Found', 'no run is live here'];

/** Why this page is not let in; null where it is. */
function problemWith({ url, headers }: IncomingMessage, live: LiveDoor | null): Problem | null {
  if (live === null) return nothingLive;
  if (url?.split('?')[0] !== '/live') return ['404 Not Found', 'there is nothing here'];
  const refusal = refusalOf(headers, live.isLoopback);
  if (refusal !== null) return ['403 Forbidden', refusal];
  if (accessOf(headers, live) === 'none') {
    return ['401 Unauthorized', 'open the link that the run has printed: it holds a token'];
  }
  if (live.audience.size < maxPages) return null;
  return ['503 Service Unavailable', `${maxPages} pages are open, which is all there may be`];
}

function welcome(page: WebSocket, access: Access, live: LiveDoor, by: string): void {
  const tell = (message: ServerMessage) => page.send(JSON.stringify(message));
  const canControl = access === 'control';
  let numPending = 0;
  // A broken frame or an oversized message: the library closes the connection and says why.
  page.on('error', () => {});
  page.on('message', (data, isBinary) => {
    const message = isBinary ? null : clientMessageOf(String(data));
    if (!message) {
      page.close(1008, 'this is no message of the page');
      return;
    }
    const { id } = message;
    const reply = (ok: boolean, text: string) => tell({ type: 'reply', id, ok, message: text });
    if (!canControl) {
      reply(false, 'it needs the control token: open the link with controls that the run has printed');
      return;
    }
    if (numPending >= maxPending) {
      reply(false, `${maxPending} commands wait for their answers: try again when they are there`);
      return;
    }
    numPending++;
    live.port
      .control(message, by)
      .then(({ ok, message: text }) => {
        if (ok && message.action === 'follow') live.audience.tell({ type: 'followed', ids: message.ids });
        reply(ok, text);
      })
      .catch((error: Error) =>
        reply(false, error instanceof UserError ? error.message : 'the run does not answer'),
      )
      .finally(() => {
        numPending--;
      });
  });
  tell({ type: 'hello', runName: live.runName, canControl, lastEventId: live.lastEventId() });
  live.audience.add(page);
  live.onPage();
}

const addressOf = ({ socket }: IncomingMessage): string =>
  `the live page at ${socket.remoteAddress ?? 'an unknown address'}`;

function refuse(socket: Duplex, status: string, message: string): void {
  socket.on('error', () => {});
  const body = JSON.stringify({ error: message });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
