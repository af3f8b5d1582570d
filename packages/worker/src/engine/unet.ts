/**
 * The U-Net: four levels down, four up, each up-sampled map joined with the map of its level on the way down. In
 * training the backward pass walks the same path in reverse and frees each level as it leaves it.
 */
import type { ModelConfig } from '@unet-fleet/shared';
import {
  Bilinear,
  DoubleConv,
  Head,
  type LayerContext,
  type Sink,
  TransposedConv,
  type Upsample,
} from './layers.ts';
import type { Padding, Tensor, TensorFlow } from './tensorflow.ts';

const numLevels = 4;

interface UpKept {
  below: Tensor;
  upsampledShape: readonly number[];
  padding: Padding | null;
  joined: Tensor;
  skipChannels: number;
  y: Tensor;
}

export class UNet {
  readonly #tf: TensorFlow;
  /** On the way down: the first at full size, each next at half of it. */
  readonly #encoders: DoubleConv[];
  /** On the way up: the first at the lowest level. */
  readonly #upsamples: Upsample[];
  readonly #decoders: DoubleConv[];
  readonly #head: Head;

  constructor(context: LayerContext, config: ModelConfig) {
    this.#tf = context.tf;
    const levels = Array.from({ length: numLevels }, (_, i) => i + 1);
    this.#encoders = [
      new DoubleConv(context, 'inc'),
      ...levels.map((level) => new DoubleConv(context, `down${level}.maxpool_conv.1`)),
    ];
    this.#upsamples = levels.map((level) =>
      config.upsampling === 'bilinear' ? new Bilinear(context) : new TransposedConv(context, `up${level}.up`),
    );
    this.#decoders = levels.map((level) => new DoubleConv(context, `up${level}.conv`));
    this.#head = new Head(context, 'outc.conv');
  }

  /**
   * Logits (NHWC) in training mode, and the way back: `backward` takes the gradient of the logits, which it frees, and
   * gives every parameter's gradient to the sink. x stays the caller's.
   */
  train(x: Tensor, sink: Sink): { logits: Tensor; backward(gradient: Tensor): void } {
    const tf = this.#tf;
    const skips: Tensor[] = [this.#encoders[0]!.forward(x, sink)];
    const pooled: Tensor[] = [];
    for (let level = 1; level <= numLevels; level++) {
      pooled.push(tf.maxPool(skips[level - 1]!));
      skips.push(this.#encoders[level]!.forward(pooled[level - 1]!, sink));
    }
    const ups: UpKept[] = [];
    for (let up = 0; up < numLevels; up++) {
      const below = up === 0 ? skips[numLevels]! : ups[up - 1]!.y;
      ups.push(this.#up(up, below, skips[numLevels - 1 - up]!, sink));
    }
    const top = ups[numLevels - 1]!.y;
    const logits = this.#head.forward(top);
    return { logits, backward: (gradient) => this.#backward(gradient, skips, pooled, ups, sink) };
  }

  /** Logits (NHWC) with running statistics. x stays the caller's. */
  infer(x: Tensor): Tensor {
    const tf = this.#tf;
    const skips: Tensor[] = [this.#encoders[0]!.infer(x)];
    for (let level = 1; level <= numLevels; level++) {
      const pooled = tf.maxPool(skips[level - 1]!);
      skips.push(this.#encoders[level]!.infer(pooled));
      tf.free(pooled);
    }
    let y = skips.pop()!;
    for (let up = 0; up < numLevels; up++) {
      const skip = skips.pop()!;
      const { joined } = this.#join(up, y, skip);
      tf.free(y, skip);
      y = this.#decoders[up]!.infer(joined);
      tf.free(joined);
    }
    const logits = this.#head.forward(y);
    tf.free(y);
    return logits;
  }

  #up(up: number, below: Tensor, skip: Tensor, sink: Sink): UpKept {
    const { joined, upsampledShape, padding } = this.#join(up, below, skip);
    const y = this.#decoders[up]!.forward(joined, sink);
    return { below, upsampledShape, padding, joined, skipChannels: skip.shape[3]!, y };
  }

  /** Up-sampled map, padded to the skip's size where a level had an odd side, behind the skip's channels. */
  #join(up: number, below: Tensor, skip: Tensor) {
    const tf = this.#tf;
    const upsampled = this.#upsamples[up]!.forward(below);
    const padding = paddingTo(upsampled.shape, skip.shape);
    const fitted = padding ? tf.pad(upsampled, padding) : upsampled;
    const joined = tf.concatChannels(skip, fitted);
    tf.free(upsampled);
    if (padding) tf.free(fitted);
    return { joined, padding, upsampledShape: upsampled.shape };
  }

  #backward(gradient: Tensor, skips: Tensor[], pooled: Tensor[], ups: UpKept[], sink: Sink): void {
    const tf = this.#tf;
    const skipGradients: Tensor[] = [];
    let below = this.#head.backward(gradient, ups[numLevels - 1]!.y, sink);
    for (let up = numLevels - 1; up >= 0; up--) {
      const kept = ups[up]!;
      const joinedGradient = this.#decoders[up]!.backward(below, true, sink)!;
      tf.free(kept.joined, kept.y);
      const { skip, upsampled } = this.#split(joinedGradient, kept);
      tf.free(joinedGradient);
      skipGradients[numLevels - 1 - up] = skip;
      below = this.#upsamples[up]!.backward(upsampled, kept.below, sink);
    }
    for (let level = numLevels; level >= 1; level--) {
      const input = this.#encoders[level]!.backward(below, true, sink)!;
      const poolGradient = tf.maxPoolGradient(skips[level - 1]!, pooled[level - 1]!, input);
      below = tf.add(poolGradient, skipGradients[level - 1]!);
      tf.free(skips[level]!, pooled[level - 1]!, input, poolGradient, skipGradients[level - 1]!);
    }
    this.#encoders[0]!.backward(below, false, sink);
    tf.free(skips[0]!);
  }

  #split(
    gradient: Tensor,
    { skipChannels, upsampledShape, padding }: UpKept,
  ): { skip: Tensor; upsampled: Tensor } {
    const [numImages, height, width] = gradient.shape as [number, number, number];
    const skip = this.#tf.slice(gradient, [0, 0, 0, 0], [numImages, height, width, skipChannels]);
    const begin = [0, padding?.top ?? 0, padding?.left ?? 0, skipChannels];
    return { skip, upsampled: this.#tf.slice(gradient, begin, upsampledShape) };
  }
}

/** Half of the missing rows and columns above and left, the rest below and right; null where none are missing. */
function paddingTo(from: readonly number[], to: readonly number[]): Padding | null {
  const missingRows = to[1]! - from[1]!;
  const missingColumns = to[2]! - from[2]!;
  if (missingRows === 0 && missingColumns === 0) return null;
  const top = Math.floor(missingRows / 2);
  const left = Math.floor(missingColumns / 2);
  return { top, bottom: missingRows - top, left, right: missingColumns - left };
}
