/** Where the slider of a run stands: one position for all views. */
import { useKept } from '../../live/use-kept.ts';
import type { Position } from './steps.ts';

export const usePosition = (runName: string): [Position, (position: Position) => void] =>
  useKept<Position>(`position in ${runName}`, () => ({ follows: 'newest' }));
