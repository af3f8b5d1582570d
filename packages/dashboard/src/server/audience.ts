/**
 * The open pages. What it keeps true: a page that reads slowly, or never, costs a bounded amount of memory and nobody
 * else's time. It is passed over while too much waits for it, told once that it is behind, and let go when it is dead.
 */
import { WebSocket } from 'ws';
import type { ServerMessage } from '../protocol.ts';

/** Bytes that may wait for one page: beyond, it is behind; below the second, it has caught up. */
const maxWaitingBytes = 512 * 1024;
const caughtUpBytes = 16 * 1024;
/** A page that takes nothing, or answers no ping, for this long is gone. */
const patienceMs = 60_000;
export const maxPages = 500;

interface Page {
  socket: WebSocket;
  isBehind: boolean;
  lastAliveMs: number;
}

export class Audience {
  readonly #pages = new Set<Page>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#pages.size;
  }

  add(socket: WebSocket): void {
    const page: Page = { socket, isBehind: false, lastAliveMs: this.#now() };
    this.#pages.add(page);
    socket.on('pong', () => {
      page.lastAliveMs = this.#now();
    });
    socket.on('message', () => {
      page.lastAliveMs = this.#now();
    });
    socket.on('close', () => this.#pages.delete(page));
  }

  /** `mayBeLost`: the next one of its kind makes up for it, so a page that is behind need not load everything anew. */
  tell(message: ServerMessage, mayBeLost = false): void {
    if (this.#pages.size === 0) return;
    const bytes = Buffer.from(JSON.stringify(message));
    for (const page of this.#pages) {
      if (page.isBehind && !this.#catchUp(page)) continue;
      if (page.socket.bufferedAmount > maxWaitingBytes) {
        page.isBehind ||= !mayBeLost;
        continue;
      }
      page.socket.send(bytes, { binary: false });
    }
  }

  /** Called about every 20 s: lets go who is gone, and asks the others. */
  visit(): void {
    for (const { socket, lastAliveMs } of this.#pages) {
      if (this.#now() - lastAliveMs > patienceMs) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount <= maxWaitingBytes)
        socket.ping();
    }
  }

  close(reason: string): void {
    for (const { socket } of this.#pages) {
      socket.close(1001, reason);
      // Whoever does not read does not close either.
      setTimeout(() => socket.terminate(), 1_000).unref();
    }
  }

  /** Whether what it has missed is behind it now: it is told to load anew. */
  #catchUp(page: Page): boolean {
    if (page.socket.bufferedAmount > caughtUpBytes) return false;
    page.isBehind = false;
    page.socket.send(JSON.stringify({ type: 'behind' } satisfies ServerMessage));
    return true;
  }
}
