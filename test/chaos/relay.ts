/**
 * A TCP relay between the broker and one of its clients, through which connections break in all the ways that networks
 * have: reset, refused, silent, silent one way, slow. Bytes are not lost or reordered within a connection: TCP does not
 * do that either. What they say can be changed by a test.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Direction } from './schedule.ts';

/** Read from one side and not yet written to the other: at most this much per direction, then the side waits. */
const maxHeldBytes = 4 * 1024 * 1024;

/** Made for each connection and direction: changes a chunk of its bytes in place. */
export type Rewriting = (way: Exclude<Direction, 'both'>) => (chunk: Buffer) => void;

const unchanged: Rewriting = () => () => {};

export class Relay {
  readonly #target: { host: string; port: number };
  readonly #rewrite: Rewriting;
  readonly #server: Server;
  readonly #pipes = new Set<Pipe>();
  readonly #sockets = new Set<Socket>();
  #refusesUntilMs = 0;
  #latencyMs = 0;
  readonly #heldUntilMs = { 'to-client': 0, 'from-client': 0 };

  constructor(target: { host: string; port: number }, rewrite: Rewriting = unchanged) {
    this.#target = target;
    this.#rewrite = rewrite;
    this.#server = createServer((client) => this.#join(client));
  }

  /** Listens on a free port of the loopback and gives it. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets all connections; nobody gets a new one for `refuseMs`. */
  cut(refuseMs = 0): void {
    this.#refusesUntilMs = performance.now() + refuseMs;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Holds back everything for a while, in one direction or both; it is delivered then. */
  stall(direction: Direction, forMs: number): void {
    const untilMs = performance.now() + forMs;
    for (const way of ['to-client', 'from-client'] as const) {
      if (direction === 'both' || direction === way) this.#heldUntilMs[way] = untilMs;
    }
  }

  /** Adds latency for a while, each way. */
  delay(latencyMs: number, forMs: number): void {
    this.#latencyMs = latencyMs;
    setTimeout(() => {
      this.#latencyMs = 0;
    }, forMs).unref();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    for (const pipe of this.#pipes) pipe.end();
  }

  #join(client: Socket): void {
    if (performance.now() < this.#refusesUntilMs) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const broker = connect(this.#target);
    const pipes = [
      new Pipe(client, broker, this.#rewrite('from-client'), () => this.#releaseMs('from-client')),
      new Pipe(broker, client, this.#rewrite('to-client'), () => this.#releaseMs('to-client')),
    ];
    for (const pipe of pipes) this.#pipes.add(pipe);
    for (const socket of [client, broker]) {
      this.#sockets.add(socket.setNoDelay(true));
      // The other side learns of it by its own connection's end, which is all that TCP would tell it.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        for (const pipe of pipes) {
          pipe.end();
          this.#pipes.delete(pipe);
        }
        client.destroy();
        broker.destroy();
      });
    }
  }

  /** When what is read now may go on. */
  #releaseMs(way: 'to-client' | 'from-client'): number {
    return Math.max(performance.now() + this.#latencyMs, this.#heldUntilMs[way]);
  }
}

/** One direction of a connection: chunks in order, each held until its time. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #held: { chunk: Buffer; releaseMs: number }[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(from: Socket, to: Socket, rewrite: (chunk: Buffer) => void, releaseMs: () => number) {
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk: Buffer) => {
      rewrite(chunk);
      this.#held.push({ chunk, releaseMs: Math.max(releaseMs(), this.#held.at(-1)?.releaseMs ?? 0) });
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > maxHeldBytes) from.pause();
      this.#release();
    });
  }

  end(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#held.length = 0;
  }

  #release(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    for (;;) {
      const first = this.#held[0];
      if (!first) break;
      const waitMs = first.releaseMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#release(), waitMs);
        break;
      }
      this.#held.shift();
      this.#heldBytes -= first.chunk.length;
      this.#to.write(first.chunk);
    }
    if (this.#heldBytes <= maxHeldBytes) this.#from.resume();
  }
}
