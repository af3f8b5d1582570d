/** What Adam and AdamW compute alike for an update: the weight of torch.lerp, and the corrections of the bias. */
import type { UpdateFacts } from './optimizer.ts';

interface AdamOptions {
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** The kernel's scalars after those of weight decay. */
export function adamScalars(
  { beta1, beta2, epsilon }: AdamOptions,
  { learningRate, updateIndex }: UpdateFacts,
): number[] {
  const weight = Math.fround(1 - beta1);
  const fromGradient = weight >= 0.5;
  const correction1 = 1 - integerPower(beta1, updateIndex);
  const correction2 = 1 - integerPower(beta2, updateIndex);
  return [
    ...[fromGradient ? weight - 1 : weight, fromGradient ? 1 : 0, beta2, 1 - beta2],
    ...[Math.sqrt(correction2), epsilon, -learningRate / correction1],
  ];
}

/**
 * base ** exponent for a whole exponent >= 0, by multiplications alone: what Math.pow returns in the last bit is left
 * to the JavaScript engine, and must not reach the weights.
 */
export function integerPower(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
