/**
 * Has photos segmented by the workers of the run, with the weights that they hold, between two leaves. One photo at a
 * time, a few that wait, and an answer within a minute or a sentence why not. Nothing of it reaches a weight.
 */
import { type Step, stepTo, UserError } from '@unet-fleet/law';
import { inflateClasses } from '@unet-fleet/record';
import type { DownMessage, Unsent, UpMessage } from '@unet-fleet/wire';
import { maxPartBytes, maxParts } from '@unet-fleet/wire/protocol/messages';
import type { Segmentation } from './live-run.ts';
import type { SizedPhoto } from './photo.ts';

type Part = Unsent<Extract<DownMessage, { type: 'segment' }>>;
type Answer = Extract<UpMessage, { type: 'segmented' }>;

export interface SegmenterPorts {
  numClasses: number;
  /** Of one part, as the broker's messages allow. */
  partBytes: number;
  /** Decodes and resizes. Rejects with a UserError. */
  load(photo: Uint8Array): Promise<SizedPhoto>;
  /** Ids of the workers that can be asked, the one that is free first at the front. */
  candidates(): string[];
  send(workerId: string, message: Part): void;
}

/** Of an encoded photo. */
const maxPhotoBytes = 32 * 2 ** 20;
/** Photos that are computed or wait. */
const maxPhotos = 4;
const patienceMs = 60_000;
/** One that is lost, or can't, has a substitute. */
const maxAttempts = 2;

interface Awaited {
  id: number;
  workerId: string;
  parts: (Uint8Array | undefined)[] | null;
  resolve(answer: { step: Step; classes: Uint8Array }): void;
  reject(problem: Problem): void;
}

/** Why one worker has not answered: another one may. */
class Problem extends Error {}

export class Segmenter {
  readonly #ports: SegmenterPorts;
  #numPhotos = 0;
  #last: Promise<unknown> = Promise.resolve();
  #nextId = 1;
  #awaited: Awaited | null = null;
  #isClosed = false;

  constructor(ports: SegmenterPorts) {
    this.#ports = ports;
  }

  /** Throws a UserError when there are too many, when it is no photo, or when no worker answers. */
  async segment(photo: Uint8Array): Promise<Segmentation> {
    if (photo.byteLength > maxPhotoBytes) {
      throw new UserError(`the photo has more than ${maxPhotoBytes / 2 ** 20} MB: give a smaller one`);
    }
    if (this.#numPhotos >= maxPhotos) {
      throw new UserError(`${maxPhotos} photos wait to be segmented already: try again in a moment`);
    }
    this.#numPhotos++;
    const turn = this.#last.then(() => this.#segment(photo));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#numPhotos--;
    }
  }

  /** A part of an answer; one that nobody waits for is dropped. */
  received(workerId: string, { id, version, part, numParts, classes, problem }: Answer): void {
    const awaited = this.#awaited;
    if (awaited?.id !== id || awaited.workerId !== workerId) return;
    if (problem !== null) {
      awaited.reject(new Problem(problem));
      return;
    }
    awaited.parts ??= new Array(numParts).fill(undefined);
    if (part >= awaited.parts.length || classes.byteLength > maxPartBytes) return;
    // A copy: these bytes lie in a larger piece of the connection's memory.
    awaited.parts[part] = classes.slice();
    if (awaited.parts.includes(undefined)) return;
    awaited.resolve({ step: stepTo(version), classes: Buffer.concat(awaited.parts as Uint8Array[]) });
  }

  /** Nothing more will come of this worker. */
  lost(workerId: string): void {
    if (this.#awaited?.workerId === workerId) this.#awaited.reject(new Problem('its worker was lost'));
  }

  /** Whoever waits hears that the run is over. */
  close(): void {
    this.#isClosed = true;
    this.#awaited?.reject(new Problem('the run is over'));
  }

  async #segment(encoded: Uint8Array): Promise<Segmentation> {
    this.#assertOpen();
    const photo = await this.#ports.load(encoded);
    const { width, height, pixels } = photo;
    const { numClasses, partBytes } = this.#ports;
    if (pixels.byteLength > maxParts * partBytes) {
      throw new UserError(
        `a photo of ${width}x${height} is too large to be sent to a worker beside training: segment it with predict`,
      );
    }
    const untilMs = performance.now() + patienceMs;
    const asked: string[] = [];
    let problem = '';
    while (asked.length < maxAttempts) {
      this.#assertOpen();
      const workerId = this.#ports.candidates().find((id) => !asked.includes(id));
      if (workerId === undefined) break;
      asked.push(workerId);
      try {
        const { step, classes: deflated } = await this.#ask(workerId, photo, untilMs - performance.now());
        const classes = await inflateClasses(deflated, width * height, numClasses);
        if (!classes) throw new Problem("the worker's answer is damaged");
        return { step, width, height, classes, rgb: rgbOf(photo) };
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        problem = error.message;
      }
    }
    this.#assertOpen();
    if (asked.length === 0)
      throw new UserError('no worker is there to segment the photo: try again when one is');
    throw new UserError(`the photo was not segmented: ${problem}; try again`);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new UserError('the run is over: segment the photo with predict');
  }

  /** Rejects with a Problem that another worker may not have, or with a UserError when the time is up. */
  async #ask(workerId: string, { width, height, pixels }: SizedPhoto, forMs: number) {
    const { partBytes, send } = this.#ports;
    const id = this.#nextId++;
    const answer = new Promise<{ step: Step; classes: Uint8Array }>((resolve, reject) => {
      this.#awaited = { id, workerId, parts: null, resolve, reject };
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const seconds = patienceMs / 1_000;
      const isUp = () =>
        reject(new UserError(`no worker has segmented the photo within ${seconds} s: try again later`));
      timer = setTimeout(isUp, Math.max(0, forMs));
    });
    try {
      const all = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
      const numParts = Math.ceil(all.length / partBytes);
      for (let part = 0; part < numParts; part++) {
        const bytes = all.subarray(part * partBytes, (part + 1) * partBytes);
        send(workerId, { type: 'segment', id, width, height, part, numParts, bytes });
      }
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      this.#awaited = null;
      // It may be rejected when nobody waits for it any more.
      answer.catch(() => {});
    }
  }
}

/** RGB bytes of pixels with one, three or four channels. */
function rgbOf({ width, height, pixels }: SizedPhoto): Uint8Array {
  const numPixels = width * height;
  const channels = pixels.length / numPixels;
  if (channels === 3 && pixels instanceof Uint8Array) return pixels;
  const scale = pixels instanceof Uint8Array ? 1 : 255;
  const rgb = new Uint8Array(numPixels * 3);
  for (let i = 0; i < numPixels; i++) {
    for (let c = 0; c < 3; c++) {
      rgb[3 * i + c] = Math.round(pixels[i * channels + (channels === 1 ? 0 : c)]! * scale);
    }
  }
  return rgb;
}
