/**
 * Soft Dice loss over the global batch: 1 - mean over classes of (2 I + s) / (P + T + s), with s = 1e-5 and, over all pixels
 * of the batch that count, P the sum of the class's probability, T the number of pixels that are of the class, and I the
 * sum of the probability where they are. The mean is over the classes that the batch has (T > 0), background among them:
 * of one that is absent there is nothing to overlap with.
 *
 * Apart from absent classes, which those let count, it is MONAI's DiceLoss(softmax=True, to_onehot_y=True, batch=True), and
 * 1 + nnU-Net's MemoryEfficientSoftDiceLoss with batch_dice and do_bg, each with its default smoothing. Pixels with
 * the ignore index count nowhere. It has no class weights: every class weighs the same already.
 */
import { defineLoss } from './loss.ts';

export const diceSmoothing = 1e-5;

/** P, T and I of a class among the totals, which are those of one class after another. */
export const diceTotals = (
  totals: ArrayLike<number>,
  classIndex: number,
): { probability: number; truth: number; overlap: number } => ({
  probability: totals[3 * classIndex]!,
  truth: totals[3 * classIndex + 1]!,
  overlap: totals[3 * classIndex + 2]!,
});

export const batchDice = defineLoss({
  options: {},
  totals: {
    count: (numClasses) => 3 * numClasses,
    lossOf(totals) {
      let weightSum = 0;
      let numPresent = 0;
      let dice = 0;
      for (let c = 0; 3 * c < totals.length; c++) {
        const { probability, truth, overlap } = diceTotals(totals, c);
        if (truth === 0) continue;
        weightSum += truth;
        numPresent++;
        dice += (2 * overlap + diceSmoothing) / (probability + truth + diceSmoothing);
      }
      return { lossSum: numPresent > 0 ? (1 - dice / numPresent) * weightSum : 0, weightSum };
    },
  },
});
