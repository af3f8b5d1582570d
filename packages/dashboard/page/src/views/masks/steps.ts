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

/** What is followed after a photo was ticked or unticked: the order in which they were picked, at most `max`. */
export function toggled(ids: readonly string[], id: string, max: number): readonly string[] {
  if (ids.includes(id)) return ids.filter((other) => other !== id);
  return ids.length < max ? [...ids, id] : ids;
}

/** Ids that contain all words of the search, in their order; at most `max`, with how many there are in all. */
export function searchIds(
  ids: readonly string[],
  search: string,
  max: number,
): { found: string[]; numFound: number } {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = ids.filter((id) => words.every((word) => id.toLowerCase().includes(word)));
  return { found: found.slice(0, max), numFound: found.length };
}
