/** A reducer of two buckets, and seven leaves whose sum tells in which order they were added. */
import {
  type Bucket,
  configOptions,
  leavesOf,
  nodeKey,
  type TrainConfig,
  type TreeNode,
} from '@unet-fleet/law';
import { NumericMemory } from '@unet-fleet/numerics';
import { type BulkInbox, type BulkKey, FetchError } from '@unet-fleet/wire';
import type { ModelState, StepUpdate } from './bucket-owner.ts';
import { Reducer } from './reducer.ts';

export const train = {
  ...(Object.fromEntries(
    configOptions.filter(({ group }) => group === 'train').map(({ key, default: value }) => [key, value]),
  ) as unknown as TrainConfig),
  optimizer: 'sgd',
  momentum: 0,
  weightDecay: 0,
  clip: 'none',
} as TrainConfig;
export const numLeaves = 7;
export const hashSecret = Uint8Array.of(1, 2, 3);
export const buckets: Bucket[] = [
  { id: 0, offset: 0, length: 5 },
  { id: 1, offset: 5, length: 3 },
];
export const numParameters = 8;

/** Values whose float32 sum depends on the order of adding. */
export const leafGradient = (leaf: number, step = 0): Float32Array =>
  Float32Array.from(
    { length: numParameters },
    (_, i) => Math.sin(leaf * 12.9898 + i * 78.233 + step) * 10 ** (leaf % 4),
  );

/** left + right in float32, over the tree of the law. */
export function nodeGradient(node: TreeNode, step = 0): Float32Array {
  const leaves = leavesOf(node, numLeaves);
  if (node.level === 0) return leafGradient(leaves[0]!, step);
  const left = nodeGradient({ level: node.level - 1, index: node.index * 2 }, step);
  const rightNode = { level: node.level - 1, index: node.index * 2 + 1 };
  if (leavesOf(rightNode, numLeaves).length === 0) return left;
  const right = nodeGradient(rightNode, step);
  return left.map((value, i) => Math.fround(value + right[i]!));
}

export const root: TreeNode = { level: 3, index: 0 };
export const leafNode = (index: number): TreeNode => ({ level: 0, index });

/** Delivers what it is asked for as soon as it is told to; `lost` buckets never come. */
export class ManualInbox implements BulkInbox {
  readonly #waiting: { text: string; deliver(): void }[] = [];
  readonly lost = new Set<string>();

  fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const text = `${peer} ${nodeKey(key)} ${bucket}`;
    if (this.lost.has(text)) return Promise.reject(new FetchError('timeout', `${text} is lost`));
    return new Promise((resolve) => {
      this.#waiting.push({
        text,
        deliver: () => {
          const { offset, length } = buckets[bucket]!;
          const values = nodeGradient(key, key.version).subarray(offset, offset + length);
          into.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
          resolve();
        },
      });
    });
  }

  deliver(isWanted: (text: string) => boolean = () => true): void {
    const wanted = this.#waiting.filter(({ text }) => isWanted(text));
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter(({ text }) => !isWanted(text)));
    for (const { deliver } of wanted) deliver();
  }

  async close(): Promise<void> {}
}

export const zeros = (): ModelState => ({
  parameters: new Float32Array(numParameters),
  statistics: new Float32Array(1),
  slots: [],
});

export const newReducer = (): { reducer: Reducer; inbox: ManualInbox } => {
  const options = { buckets, train, term: 1, statistics: null, hashSecret };
  const reducer = new Reducer(new NumericMemory({ shared: true }), options);
  reducer.load(0, zeros(), []);
  return { reducer, inbox: new ManualInbox() };
};

export const updateOf = (
  updateIndex: number,
  leaves = numLeaves,
  skippedLeaves: number[] = [],
): StepUpdate => ({
  numLeaves: leaves,
  skippedLeaves,
  scalars: { scale: 1, normCoefficient: 1, learningRate: 1, updateIndex },
});

/** The bits of -root, which is what one step of plain SGD at rate 1 makes of weights that are 0. */
export function commit(reducer: Reducer, updateIndex = 1): Uint32Array {
  reducer.apply(updateOf(updateIndex), []);
  const state = zeros();
  reducer.save(state);
  const { parameters } = state;
  return new Uint32Array(parameters.map((value) => -value).buffer);
}

export const expected = new Uint32Array(nodeGradient(root).buffer);
