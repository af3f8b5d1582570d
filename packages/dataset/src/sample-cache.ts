/** Loaded samples kept in memory, as bytes rather than floats, up to a limit; the least recently used goes first. */
import { LRUCache } from 'lru-cache';
import type { LoadedSample } from './types.ts';

export type SampleCache = LRUCache<string, LoadedSample>;

/** A sample that alone exceeds the limit is not kept. */
export const sampleCache = (maxBytes: number): SampleCache =>
  new LRUCache({
    maxSize: maxBytes,
    sizeCalculation: ({ pixels, labels }: LoadedSample) => pixels.byteLength + labels.byteLength,
  });
