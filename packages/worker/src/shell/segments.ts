/**
 * Photos that the coordinator wants segmented: put together from their parts, computed by the member between two leaves,
 * answered in parts. One at a time; whatever goes wrong is a sentence in the answer, and never the worker's end.
 */
import { UserError } from '@unet-fleet/law';
import type { DownMessage, Unsent, UpMessage } from '@unet-fleet/wire';
import { maxPartBytes, maxParts } from '@unet-fleet/wire/protocol/messages';
import type { Member } from './member.ts';

type Part = Omit<Unsent<Extract<DownMessage, { type: 'segment' }>>, 'type'>;
type Answer = Unsent<Extract<UpMessage, { type: 'segmented' }>>;

export class Segments {
  #photo: { id: number; width: number; height: number; parts: (Uint8Array | undefined)[] } | null = null;
  readonly #send: (answer: Answer) => void;
  readonly #partBytes: number;

  /** `partBytes`: of one part of an answer. */
  constructor(send: (answer: Answer) => void, partBytes: number) {
    this.#send = send;
    this.#partBytes = partBytes;
  }

  /** With its last part the photo is computed, once per id. */
  async receive({ id, width, height, part, numParts, bytes }: Part, member: Member | null): Promise<void> {
    if (this.#photo?.id !== id) {
      this.#photo = { id, width, height, parts: new Array(numParts).fill(undefined) };
    }
    const { parts } = this.#photo;
    if (part >= parts.length || bytes.byteLength > maxPartBytes) return;
    // A copy: these bytes lie in a larger piece of the connection's memory.
    parts[part] = bytes.slice();
    if (parts.includes(undefined)) return;
    this.#photo = { id, width, height, parts: [undefined] };
    await this.#compute(id, { width, height, bytes: Buffer.concat(parts as Uint8Array[]) }, member);
  }

  async #compute(
    id: number,
    photo: { width: number; height: number; bytes: Buffer },
    member: Member | null,
  ): Promise<void> {
    const fail = (problem: string) =>
      this.#send({
        type: 'segmented',
        id,
        version: 0,
        part: 0,
        numParts: 1,
        classes: new Uint8Array(),
        problem,
      });
    if (!member) return fail('this worker is not ready yet');
    const pixels = pixelsOf(photo.bytes, photo.width * photo.height * member.channels);
    if (pixels === null) return fail('the photo is damaged');
    try {
      const { version, classes } = await member.segment({ width: photo.width, height: photo.height, pixels });
      const numParts = Math.max(1, Math.ceil(classes.length / this.#partBytes));
      if (numParts > maxParts) return fail('its classes are too large for the broker');
      for (let part = 0; part < numParts; part++) {
        const piece = classes.subarray(part * this.#partBytes, (part + 1) * this.#partBytes);
        this.#send({ type: 'segmented', id, version, part, numParts, classes: piece, problem: null });
      }
    } catch (error) {
      // An engine that is broken says so with the next leaf; a photo alone ends no worker.
      fail(error instanceof UserError ? error.message : 'the worker could not compute it');
    }
  }
}

/** `numValues` as bytes, or as float32 (little-endian) where the run's photos are; null for any other length. */
function pixelsOf(bytes: Buffer, numValues: number): Uint8Array | Float32Array | null {
  if (bytes.length === numValues) return bytes;
  if (bytes.length !== 4 * numValues) return null;
  const pixels = new Float32Array(numValues);
  for (let i = 0; i < numValues; i++) pixels[i] = bytes.readFloatLE(4 * i);
  return pixels.every((value) => value >= 0 && value <= 1) ? pixels : null;
}
