/**
 * Loaded with `node --import`, it makes a worker lie: one value of each gradient is another than was computed. Norms,
 * hashes and frames are made of the wrong values, so everything that it sends is valid, as from a machine with a
 * broken memory or processor.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { ComputeThread } = await import('@unet-fleet/worker/engine/compute-thread');
  const { trainLeaf } = ComputeThread.prototype;
  ComputeThread.prototype.trainLeaf = async function (batch, gradients, statistics, _onTensor, ...rest) {
    // Nobody is told of single tensors: what leaves early would leave before the lie.
    const loss = await trainLeaf.call(this, batch, gradients, statistics, null, ...rest);
    gradients[17] = gradients[17] * 2 + 1;
    return loss;
  };
}
