/**
 * Event and Summary messages (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto): what PyTorch's
 * SummaryWriter makes of a scalar, a picture and a histogram, and what plugins keep beside them.
 */
import { binEdges, type ValueHistogram } from '@unet-fleet/coordinator/reducer/value-histogram';
import * as proto from './protobuf.ts';

/** One value of a Summary. */
export type Value = proto.Fields;

const value = (tag: string, ...fields: proto.Fields[]): Value =>
  proto.message(1, proto.string(1, tag), ...fields);

export const scalar = (tag: string, number: number): Value => value(tag, proto.float(2, number));

/** colourspace 3 is RGB. */
export const picture = (tag: string, width: number, height: number, png: Uint8Array): Value =>
  value(
    tag,
    proto.message(4, proto.whole(1, height), proto.whole(2, width), proto.whole(3, 3), proto.bytes(4, png)),
  );

/** Values nearer to 0 than this share a bin, as TensorFlow's own histograms have it. */
const smallest = 1e-12;

/** Bins in the order of their values: up to `limit`, from the limit before. Bins without values close the gaps. */
function bucketsOf({ bins, counts }: ValueHistogram, scale: number): { limit: number; count: number }[] {
  const ranges = bins.map((bin, i) => {
    const { inner, outer } = binEdges(bin);
    const [a, b] = [inner * scale, outer * scale];
    const isSmall = Math.abs(b) <= smallest;
    return isSmall
      ? { left: -smallest, right: smallest, count: counts[i]! }
      : { left: Math.min(a, b), right: Math.max(a, b), count: counts[i]! };
  });
  ranges.sort((a, b) => a.left - b.left || a.right - b.right);
  const buckets: { limit: number; count: number }[] = [];
  for (const { left, right, count } of ranges) {
    const last = buckets.at(-1);
    if (last?.limit === right) last.count += count;
    else {
      if (last && left > last.limit) buckets.push({ limit: left, count: 0 });
      buckets.push({ limit: right, count });
    }
  }
  return buckets;
}

/** `scale`: what the values are to be multiplied by; above 0. Of no value at all there is no histogram. */
export function histogram(tag: string, values: ValueHistogram, scale = 1): Value | null {
  const num = values.counts.reduce((sum, count) => sum + count, 0);
  if (num === 0 || !(scale > 0)) return null;
  const buckets = bucketsOf(values, scale);
  return value(
    tag,
    proto.message(
      5,
      proto.double(1, values.min * scale),
      proto.double(2, values.max * scale),
      proto.double(3, num),
      proto.double(4, values.sum * scale),
      proto.double(5, values.sumOfSquares * scale * scale),
      proto.doubles(
        6,
        buckets.map(({ limit }) => limit),
      ),
      proto.doubles(
        7,
        buckets.map(({ count }) => count),
      ),
    ),
  );
}

const typeFloat = 1;
const typeString = 7;
const dataClassTensor = 2;

const metadata = (plugin: string, content: Uint8Array): proto.Fields =>
  proto.message(
    9,
    proto.message(1, proto.string(1, plugin), proto.bytes(2, content)),
    proto.whole(4, dataClassTensor),
  );

/** A value that is all in its plugin's content; its tensor has no element. */
export const pluginValue = (tag: string, plugin: string, content: Uint8Array): Value =>
  value(
    tag,
    proto.message(8, proto.whole(1, typeFloat), proto.message(2, proto.message(2, proto.whole(1, 0)))),
    metadata(plugin, content),
  );

/** A text as tensor, for a plugin. */
export const pluginText = (tag: string, plugin: string, content: Uint8Array): Value =>
  value(
    tag,
    proto.message(8, proto.whole(1, typeString), proto.message(2), proto.bytes(8, content)),
    metadata(plugin, new Uint8Array()),
  );

const head = (atMs: number, step: number): proto.Fields[] => [
  proto.double(1, atMs / 1_000),
  proto.whole(2, step),
];

/** The first of a file. */
export const versionEvent = (atMs: number): Uint8Array =>
  proto.join([...head(atMs, 0), proto.string(3, 'brain.Event:2')]);

/** Says that steps from this one on are made again: readers drop what they have of them. */
export const restartEvent = (atMs: number, step: number): Uint8Array =>
  proto.join([...head(atMs, step), proto.message(7, proto.whole(1, 1))]);

export const summaryEvent = (atMs: number, step: number, values: readonly Value[]): Uint8Array =>
  proto.join([...head(atMs, step), proto.message(5, ...values)]);
