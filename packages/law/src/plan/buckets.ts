/**
 * Buckets: the unit of everything in bulk. The flat parameter vector is cut into contiguous ranges that depend on
 * the model alone; each is sent, reduced, optimized and broadcast by itself. One more bucket, the last, carries
 * batch-norm statistics.
 */

/** 4 MiB of float32: large enough to run at memory speed, small enough to overlap and to stay under any credit. */
const bucketValues = 1024 * 1024;

export interface Bucket {
  id: number;
  /** In float32 values of the flat vector. */
  offset: number;
  length: number;
}

export function parameterBuckets(numParameters: number): Bucket[] {
  const buckets: Bucket[] = [];
  for (let offset = 0; offset < numParameters; offset += bucketValues) {
    buckets.push({ id: buckets.length, offset, length: Math.min(bucketValues, numParameters - offset) });
  }
  return buckets;
}

/** Id of the bucket that holds statistics: of one leaf after another in a result, running ones in the weights. */
export const statisticsBucketId = (numParameters: number): number => Math.ceil(numParameters / bucketValues);

/** Which reducer owns a bucket; statistics belong to the first. */
export const reducerOfBucket = (bucket: number, numReducers: number): number => bucket % numReducers;
