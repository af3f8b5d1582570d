/**
 * The client's transport with a way for bulk beside it. What it keeps true: messages of both never mix on the wire, because
 * either writes whole ones; and the client sees a stream that is complete but for what bulk has taken. The socket is read
 * into one memory that is used again: a fresh one for each 64 KiB, as a socket is read by default, costs two thirds more
 * processor time.
 */
import { createConnection, type Socket } from 'node:net';
import {
  type ConnectionOptions,
  errors,
  type NatsConnection,
  NatsConnectionImpl,
  setTransportFactory,
} from '@nats-io/transport-node';
import { NodeTransport, nodeResolveHost } from '@nats-io/transport-node/lib/node_transport.js';
import { BulkPort, type BulkWriter, setPort } from './bulk-port.ts';
import { Splitter } from './splitter.ts';

/** What is read at a time: it stays in the processor's cache until it has been copied and checked. */
const readBytes = 256 * 1024;
const lineEnd = Buffer.from('\r\n');

type Options = ConnectionOptions & { bulk: BulkPort };

class BulkTransport extends NodeTransport implements BulkWriter {
  #splitter: Splitter | null = null;
  /** What the client sends first says who it is; nothing may come before. */
  #hasSpoken = false;

  override async connect(...[server, options]: Parameters<NodeTransport['connect']>): Promise<void> {
    const { bulk } = options as Options;
    await super.connect(server, options);
    bulk.attach(this);
  }

  override dial({ hostname, port }: { hostname: string; port: number }): Promise<Socket> {
    return new Promise((resolve, reject) => {
      let why: Error = new errors.ConnectionError('connection closed');
      const buffer = Buffer.allocUnsafeSlow(readBytes);
      const callback = (numBytes: number) => {
        this.#receive(socket, buffer.subarray(0, numBytes));
        return true;
      };
      const socket = createConnection({ host: hostname, port, noDelay: true, onread: { buffer, callback } });
      socket.once('connect', () => {
        socket.removeAllListeners();
        resolve(socket);
      });
      socket.on('error', (error) => {
        why = error;
      });
      socket.on('close', () => reject(why));
    });
  }

  /** Until the server has said what it is, the client reads for itself. */
  #receive(socket: Socket, bytes: Buffer): void {
    if (this.#splitter) this.#splitter.push(bytes);
    else socket.emit('data', Buffer.from(bytes));
  }

  override setupHandlers(): void {
    const { bulk } = this.options as Options;
    super.setupHandlers();
    this.#splitter = new Splitter({
      takerOf: (subject, numBytes) => bulk.takerOf(subject, numBytes),
      rest: (bytes) => {
        this.yields.push(Buffer.from(bytes));
        this.signal.resolve();
      },
    });
    this.socket.removeAllListeners('data');
    // Of an encrypted connection: what is read from the other one is its own.
    this.socket.on('data', (bytes) => this.#splitter!.push(bytes));
  }

  override send(frame: Uint8Array): void {
    this.#hasSpoken = true;
    super.send(frame);
  }

  write(subject: string, head: Uint8Array, payload: Uint8Array, taken: () => void): void {
    if (this.isClosed || !this.#hasSpoken) {
      setImmediate(taken);
      return;
    }
    const line = Buffer.from(`PUB ${subject} ${head.byteLength + payload.byteLength}\r\n`, 'latin1');
    const { socket } = this;
    socket.cork();
    socket.write(Buffer.concat([line, head]));
    if (payload.byteLength > 0) socket.write(payload);
    socket.write(lineEnd, taken);
    socket.uncork();
  }
}

/** Connects as the client's own function does, and gives the connection a port for bulk (portOf). */
export async function connectWithPort(options: ConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new BulkTransport(), dnsResolveFn: nodeResolveHost });
  const bulk = new BulkPort();
  const connection = await NatsConnectionImpl.connect({ ...options, bulk } as ConnectionOptions);
  setPort(connection, bulk);
  return connection;
}
