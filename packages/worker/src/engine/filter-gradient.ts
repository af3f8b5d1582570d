/**
 * The filter gradient of a 3x3 convolution, as nine matrix products. On CPUs TensorFlow's kernels for it are the most
 * expensive of the whole step, both its own (which write out an im2col matrix) and oneDNN's (slow without AVX-512); a
 * product of two tall matrices runs at the speed of the forward pass. docs/adr/0002-engine-on-raw-ops.md has figures.
 * Where the environment asks for it (settings.ts), an operation of our own takes the products' place: it reads both maps
 * where they lie, shares its work out better, and has other bits.
 */
import { UserError } from '@unet-fleet/law';
import { precisionOf, type Tensor, type TensorFlow } from './tensorflow.ts';

/** Floats in 64 bytes: where a matrix's rows are multiples of it, TensorFlow slices rows without a copy. */
const alignment = 16;
/** On maps of fewer pixels our own operation is the slower one: it passes over the whole filter for every few hundred. */
const minDirectPixels = 1024;
/** Of the number of pixels by the border. Beyond it, on maps of a few pixels, the kernel for it is the faster way. */
const maxGrowth = 1.5;

/**
 * Gradient of `tf.conv(x, filter)` with respect to its 3x3 filter, as tensors whose values follow each other in the
 * filter's layout (HWIO). All stay the caller's.
 *
 * With a border of zeros around the images, pixels become rows of a matrix in which the neighbour (dy, dx) of every
 * pixel lies the same number of rows away. So the gradient for one cell of the filter is one product of the input,
 * shifted by whole rows, with the output's gradient, whose zero border cancels what would wrap around.
 */
export function filterGradient(
  tf: TensorFlow,
  x: Tensor,
  filterShape: readonly number[],
  gradient: Tensor,
): Tensor[] {
  const [, , numIn, numOut] = filterShape as [number, number, number, number];
  const [numImages, height, width] = x.shape as [number, number, number];
  const isAligned = numIn % alignment === 0 && numOut % alignment === 0;
  const growth = ((height + 2) * (width + 2)) / (height * width);
  // oneDNN's kernel for bf16 is as fast; what stands in for it elsewhere is not.
  const isFast = precisionOf(x) === 'bf16' && tf.addsBf16Exactly;
  const isDirect = tf.hasDirectFilterGradient && numImages * height * width >= minDirectPixels;
  if (isDirect && isAligned && !tf.isGpu && precisionOf(x) === 'float32')
    return [tf.own('FilterGradient', [x, gradient], 1)[0]!];
  if (tf.isGpu || isFast || !isAligned || growth > maxGrowth)
    return [tf.convFilterGradient(x, filterShape, gradient)];
  const rowWidth = width + 2;
  const numRows = numImages * (height + 2) * rowWidth;
  const firstPixel = rowWidth + 1;
  const length = numRows - 2 * firstPixel;
  // Widened once, where they are in bf16: each of the nine products would do so anew.
  const [wideX, wideGradient] = [tf.as('float32', x), tf.as('float32', gradient)];
  const inputRows = borderedRows(tf, wideX, numRows);
  const allGradientRows = borderedRows(tf, wideGradient, numRows);
  const gradientRows = tf.slice(allGradientRows, [firstPixel, 0], [length, numOut]);
  const cells: Tensor[] = [];
  for (const shift of [0, 1, 2].flatMap((dy) => [0, 1, 2].map((dx) => dy * rowWidth + dx))) {
    const shifted = tf.slice(inputRows, [shift, 0], [length, numIn]);
    cells.push(tf.into(precisionOf(x), tf.matMul(shifted, gradientRows, { a: true })));
    tf.free(shifted);
  }
  tf.free(wideX, wideGradient, inputRows, allGradientRows, gradientRows);
  return cells;
}

/** Throws a UserError where our own operation is asked for and is not there. */
export function requireDirectFilterGradient(tf: TensorFlow): void {
  if (!tf.hasDirectFilterGradient || tf.isGpu) return;
  const pixel = tf.tensor([1, 1, 1, alignment], new Float32Array(alignment));
  try {
    tf.free(...tf.own('FilterGradient', [pixel, pixel], 1));
  } catch (error) {
    throw new UserError(
      `UNET_FLEET_FILTER_GRADIENT=direct needs a processor with AVX2 and an engine that \`npx unet-fleet setup\` of this version has made (${(error as Error).message})`,
    );
  } finally {
    tf.free(pixel);
  }
}

/** Pixels as rows of channels, with a border of zeros around each image. */
function borderedRows(tf: TensorFlow, images: Tensor, numRows: number): Tensor {
  const bordered = tf.pad(images, { top: 1, bottom: 1, left: 1, right: 1 });
  const rows = tf.reshape(bordered, [numRows, images.shape[3]!]);
  tf.free(bordered);
  return rows;
}
