/** Where the slider of a run stands: one position for all views, kept while the page is open. */
import { useState } from 'preact/hooks';
import type { Position } from './steps.ts';

const positions = new Map<string, Position>();

export function usePosition(runName: string): [Position, (position: Position) => void] {
  const [, redraw] = useState(0);
  const move = (position: Position) => {
    positions.set(runName, position);
    redraw((count) => count + 1);
  };
  return [positions.get(runName) ?? { follows: 'newest' }, move];
}
