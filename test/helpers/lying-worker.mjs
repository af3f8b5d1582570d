/**
 * Loaded with `node --import`, it makes a worker lie: from its third training leaf on, one value of each gradient is
 * another than was computed. Norms, hashes and frames are made of the wrong values, so everything that it sends is
 * valid, as from a machine with a broken memory or processor.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { ComputeThread } = await import('@unet-fleet/worker/engine/compute-thread');
  const { trainLeaf } = ComputeThread.prototype;
  let numLeaves = 0;
  ComputeThread.prototype.trainLeaf = async function (batch, gradients, ...rest) {
    const loss = await trainLeaf.call(this, batch, gradients, ...rest);
    numLeaves++;
    if (numLeaves >= 3) gradients[17] = gradients[17] * 2 + 1;
    return loss;
  };
}
