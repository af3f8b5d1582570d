/** What must be true of a fleet of any size: its memory is flat, no frame is lost, and its weights are those of one worker. Pure. */
import { type Flatness, flatnessOf } from './flat.ts';
import type { Point } from './point.ts';

/** Of a point whose run was long enough to tell whether memory grows. */
const leastLooks = 30;

/** Disturbances that are lost or damaged frames, or messages that are none. Others cost time alone. */
const isLoss = (name: string): boolean =>
  name.startsWith('frame ') || name === 'message-rejected' || name === 'message dropped: malformed';

/** Null where the run was too short. */
export function memoryOf(point: Pick<Point, 'usage'>): Flatness | null {
  const { residentBytes } = point.usage.coordinator;
  return residentBytes.length < leastLooks ? null : flatnessOf(residentBytes);
}

/** Sentences, one for each thing that is wrong; `reference`: of a run with one worker and at least as many steps. */
export function faultsOf(point: Point, reference: Pick<Point, 'gradientSha256s'>): string[] {
  const { broker, disturbances } = point;
  const faults = Object.entries(disturbances)
    .filter(([name]) => isLoss(name))
    .map(([name, times]) => `${name}: ${times} times`);
  if (broker.numSlowConsumers > 0) {
    faults.push(`the broker cut off slow consumers: ${broker.numSlowConsumers} times`);
  }
  const memory = memoryOf(point);
  if (memory && !memory.isFlat) {
    const [first, last] = [memory.firstThirdBytes, memory.lastThirdBytes].map(mebibytes);
    faults.push(`the coordinator's memory grew from ${first} MiB (first third) to ${last} MiB (last third)`);
  }
  const differing = firstDifference(point.gradientSha256s, reference.gradientSha256s);
  if (differing !== null) faults.push(`step ${differing} differs from that of one worker`);
  return faults;
}

/** Number of the first step, from 1, whose sum is not that of the reference; a reference that is too short differs. */
export function firstDifference(hashes: readonly string[], reference: readonly string[]): number | null {
  const index = hashes.findIndex((hash, i) => hash !== reference[i]);
  return index === -1 ? null : index + 1;
}

export const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
