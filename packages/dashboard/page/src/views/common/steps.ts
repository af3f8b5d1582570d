/**
 * The one slider over all evaluated steps: where it stands, where a key or a new evaluation moves it, and what is worth
 * having before it is asked for. Positions are indices into the evaluated steps, so that it snaps to them.
 */

/** `newest` goes along with the run until somebody moves the slider. */
export type Position = { follows: 'newest' } | { follows: 'step'; step: number };

/** Index of the step shown; -1 where nothing was evaluated. A step that is gone gives the nearest before it. */
export function indexOfPosition(steps: readonly number[], position: Position): number {
  if (position.follows === 'newest') return steps.length - 1;
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle]! <= position.step) low = middle;
    else high = middle - 1;
  }
  return steps.length === 0 ? -1 : low;
}

/** Indices to have ready, nearest first: two each way, forward first, because that is where play goes. */
export function neighbours(index: number, numSteps: number): number[] {
  return [index + 1, index - 1, index + 2, index - 2].filter((at) => at >= 0 && at < numSteps);
}

/** Where play goes next; null at the end, where it stops. */
export const indexAfter = (index: number, numSteps: number): number | null =>
  index + 1 < numSteps ? index + 1 : null;
