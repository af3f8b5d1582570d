/**
 * Spoils gradient frames on their way to the coordinator: what a bad line, a broken machine or a hostile peer does.
 * Works on the bytes of a connection, so that the frame that is asked for first is the one that is spoiled.
 */
import { frameHeaderBytes } from '@unet-fleet/wire';
import type { Rewriting } from '../chaos/relay.ts';

/** Role and kind of a frame that carries a gradient, as they stand in its header. */
const gradientData = 2 * 16 + 1;
const magic = Buffer.from('UFF1');

export type Spoiling = 'pass' | 'damage' | 'replay';

/**
 * `plan` says what becomes of the n-th gradient frame (from 0) of a connection: 'damage' flips a bit of its values,
 * 'replay' puts in its place the first frame of the connection, whole, with the header and checksum that it had.
 */
export const spoilGradients =
  (plan: (n: number) => Spoiling, onSpoiled: (how: Spoiling) => void): Rewriting =>
  (way) => {
    if (way === 'to-client') return () => {};
    const first: Buffer[] = [];
    let numFrames = 0;
    /** Of the frame under way: how far it has gone and what is done with it. */
    let frame = { how: 'pass' as Spoiling, isFirst: false, at: 0, length: 0 };
    return (chunk) => {
      let at = 0;
      while (at < chunk.length) {
        if (frame.at === frame.length) {
          const begin = nextGradient(chunk, at);
          if (begin === -1) return;
          at = begin;
          const n = numFrames++;
          frame = { how: n === 0 ? 'pass' : plan(n), isFirst: n === 0, at: 0, length: lengthAt(chunk, at) };
          if (frame.how !== 'pass') onSpoiled(frame.how);
        }
        const bytes = chunk.subarray(at, at + frame.length - frame.at);
        if (frame.isFirst) first.push(Buffer.from(bytes));
        if (frame.how === 'replay') Buffer.concat(first).copy(bytes, 0, frame.at);
        if (
          frame.how === 'damage' &&
          frame.at <= frameHeaderBytes &&
          frame.at + bytes.length > frameHeaderBytes
        ) {
          bytes[frameHeaderBytes - frame.at]! ^= 1;
        }
        frame.at += bytes.length;
        at += bytes.length;
      }
    };
  };

const lengthAt = (chunk: Buffer, at: number): number => frameHeaderBytes + chunk.readUInt32LE(at + 32);

/** Where the next header of a gradient frame begins that is whole in this chunk; -1: nowhere. */
function nextGradient(chunk: Buffer, from: number): number {
  for (let at = chunk.indexOf(magic, from); at !== -1; at = chunk.indexOf(magic, at + 1)) {
    if (at + frameHeaderBytes <= chunk.length && chunk[at + 5] === gradientData) return at;
  }
  return -1;
}
