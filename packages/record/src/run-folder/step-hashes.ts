/** What a step's gradient was added up from, as hashes that a replay can compare. */
import type { TreeNode } from '@unet-fleet/law';

/** What was added up in a step, as hashes. */
export interface StepHashes {
  /** Under which what was delivered is folded, in hexadecimal; nobody has known it before. */
  hashKey: string;
  /** Of the root. */
  gradientSha256: string;
  nodes: DeliveredNode[];
}

export interface DeliveredNode {
  node: TreeNode;
  /** Null when some of its buckets were there already, as parts of another node that could not be fetched whole. */
  sha256: string | null;
  numBytes: number;
  /** Whose values were used: more than one when the first could not be fetched whole. */
  peers: string[];
}
