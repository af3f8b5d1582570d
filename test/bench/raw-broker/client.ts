/**
 * One connection of the yardstick of exchange.ts, in a thread of its own: it speaks NATS's protocol on a bare socket, and
 * does nothing with the bytes. What a broker moves between such clients is what there is to be had of it.
 */
import { connect, type Socket } from 'node:net';
import { Starter, threadData } from '@unet-fleet/shared/threads';

export interface RawClientOptions {
  port: number;
  user: string;
  password: string;
  /** Subjects that it hears. */
  hears: readonly string[];
}

const starter = new Starter();
const { port, user, password, hears } = threadData<RawClientOptions>();
const readBytes = 256 * 1024;
/** Messages that the broker may not have taken yet. */
const maxAhead = 4;

let receivedBytes = 0;
let wantedBytes = Number.POSITIVE_INFINITY;
let isThere = () => {};
let pong = () => {};
const buffer = Buffer.allocUnsafeSlow(readBytes);
let isListening = false;

const socket: Socket = connect({
  ...{ host: '127.0.0.1', port, noDelay: true },
  onread: {
    buffer,
    callback(numBytes) {
      receivedBytes += numBytes;
      // The only small thing that comes is the answer to a PING.
      if (numBytes < 4_096 && buffer.includes('PONG') && buffer.subarray(0, numBytes).includes('PONG'))
        pong();
      if (receivedBytes >= wantedBytes) isThere();
      return true;
    },
  },
});
/** A receiver that does not keep up is cut off by the broker; whoever waits hears of it. */
let cutOff = (_: Error) => {};
socket.on('error', () => {});
socket.once('close', () => cutOff(new Error('the broker has cut off a client that did not keep up')));
const subscriptions = hears.map((subject, i) => `SUB ${subject} ${i + 1}\r\n`).join('');
socket.write(`CONNECT ${JSON.stringify({ verbose: false, user, pass: password })}\r\n${subscriptions}`);

const functions = {
  /** Resolves when the broker knows what this one hears. */
  ready: () => {
    if (isListening) return Promise.resolve();
    isListening = true;
    return new Promise<void>((resolve) => {
      pong = resolve;
      socket.write('PING\r\n');
    });
  },

  /** Resolves when so many bytes have come. Rejects when the broker ends the connection before. */
  receive: (numBytes: number) =>
    new Promise<void>((resolve, reject) => {
      cutOff = reject;
      wantedBytes = numBytes;
      isThere = () => {
        wantedBytes = Number.POSITIVE_INFINITY;
        receivedBytes = 0;
        resolve();
      };
      if (receivedBytes >= wantedBytes) isThere();
    }),

  /** Publishes so many messages, to the subjects in turn. Resolves when the system has taken them. */
  async publish(subjects: readonly string[], numMessages: number, messageBytes: number) {
    const payload = Buffer.alloc(messageBytes, 1);
    const lines = subjects.map((subject) => Buffer.from(`PUB ${subject} ${messageBytes}\r\n`));
    let numAhead = 0;
    let wake = () => {};
    for (let i = 0; i < numMessages; i++) {
      while (numAhead === maxAhead) await new Promise<void>((resolve) => (wake = resolve));
      numAhead++;
      socket.cork();
      socket.write(lines[i % lines.length]!);
      socket.write(payload);
      socket.write('\r\n', () => {
        numAhead--;
        wake();
      });
      socket.uncork();
    }
    while (numAhead > 0) await new Promise<void>((resolve) => (wake = resolve));
  },
};

export type RawClientFunctions = typeof functions;

starter.serve(functions);
