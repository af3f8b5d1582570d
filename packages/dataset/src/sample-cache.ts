/** Loaded samples kept in memory, as bytes rather than floats, up to a limit; the least recently used goes first. */
import type { LoadedSample } from './types.ts';

export class SampleCache {
  private readonly maxBytes: number;
  /** In order of use, the oldest first. */
  private readonly samples = new Map<string, LoadedSample>();
  private bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get numBytes(): number {
    return this.bytes;
  }

  get(id: string): LoadedSample | undefined {
    const sample = this.samples.get(id);
    if (sample !== undefined) {
      this.samples.delete(id);
      this.samples.set(id, sample);
    }
    return sample;
  }

  /** Keeps the sample, unless it alone exceeds the limit. */
  set(id: string, sample: LoadedSample): void {
    this.remove(id);
    const numBytes = bytesOf(sample);
    if (numBytes > this.maxBytes) return;
    for (const oldest of this.samples.keys()) {
      if (this.bytes + numBytes <= this.maxBytes) break;
      this.remove(oldest);
    }
    this.samples.set(id, sample);
    this.bytes += numBytes;
  }

  private remove(id: string): void {
    const sample = this.samples.get(id);
    if (sample === undefined) return;
    this.samples.delete(id);
    this.bytes -= bytesOf(sample);
  }
}

function bytesOf({ pixels, labels }: LoadedSample): number {
  return pixels.byteLength + labels.byteLength;
}
