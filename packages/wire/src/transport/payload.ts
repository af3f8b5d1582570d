/**
 * What fits into one message of the broker (its max_payload, which it tells when a client connects). What it keeps true:
 * bulk values are cut so that each piece fits, whatever the broker takes, and a message that can't be cut ends with a
 * sentence instead of the client's error.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { UserError } from '@unet-fleet/law';
import { maxMessageBytes } from '../protocol/bounded-msgpack.ts';
import { chunkBytes } from './frame.ts';

/** Messages of control have up to some kilobytes; a broker that takes less carries no run. */
export const leastPayloadBytes = 16 * 1024;
/** Of a message, beside the piece of something larger in it. */
const besideBytes = 1024;

/** Bytes of the largest message to send over this connection. */
export const maxPayloadOf = ({ info }: Pick<NatsConnection, 'info'>): number =>
  Math.min(info?.max_payload ?? maxMessageBytes, maxMessageBytes);

/** Bytes of the pieces that something larger is cut into: a power of two. */
export const pieceBytesOf = (connection: Pick<NatsConnection, 'info'>): number =>
  Math.min(chunkBytes, 2 ** Math.floor(Math.log2(maxPayloadOf(connection) - besideBytes)));

/** Throws a UserError if a message is larger than the broker takes. */
export function assertFits(connection: Pick<NatsConnection, 'info'>, message: Uint8Array): void {
  const most = connection.info?.max_payload ?? maxMessageBytes;
  if (message.byteLength <= most) return;
  throw new UserError(
    `a message of this run has ${message.byteLength} bytes, and the broker takes ${most} at most: raise max_payload there, best to 2MB`,
  );
}
