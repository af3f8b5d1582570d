/**
 * What each validation of a run showed, kept in its folder: the confusion matrix, and the classes that the model gave
 * each pixel of the followed photos. Readable without a coordinator, by the live page, the report and TensorBoard.
 *
 *   evaluations/step-00000120.json        an Evaluation
 *   evaluations/step-00000120/<n>.classes the n-th followed photo: zlib-deflated bytes of Evaluation.pictures[n]
 */

/** Entries of a matrix of numClasses x numClasses that are not 0: row = truth, column = prediction. */
export interface SparseConfusion {
  /** truth * numClasses + prediction, rising. */
  indices: number[];
  counts: number[];
}

export interface Evaluation {
  version: 1;
  step: number;
  epoch: number;
  /** ISO 8601, UTC. */
  at: string;
  loss: number;
  pixelAccuracy: number;
  meanIou: number;
  /** By class; null where the class is in neither truth nor prediction. */
  classIou: (number | null)[];
  confusion: SparseConfusion;
  /** Of each leaf, so that the photos behind a cell can be found; [] where that would be too much to keep. */
  leaves: { sampleIds: string[]; confusion: SparseConfusion }[];
  /** Size is that of training; one byte a pixel up to 256 classes, else two, little-endian, row by row. */
  pictures: { sampleId: string; width: number; height: number; bytesPerPixel: 1 | 2 }[];
}

export interface EvaluationStore {
  /** Steps that were evaluated, rising. */
  steps(): number[];
  /** null where there is none, or it can't be read. */
  read(step: number): Promise<Evaluation | null>;
  /** As deflated by zlib. */
  readClasses(step: number, picture: number): Promise<Uint8Array | null>;
}
