/** What is set for charts over steps: what comes first is a view's own, then logarithm, zoom and cursor. */

import type { Range } from '@unet-fleet/pictures/models/curves';
import type { ComponentChildren } from 'preact';
import './charts.css';
import { RangeSliders } from './range-sliders.tsx';

export interface ChartBarProps {
  children: ComponentChildren;
  isLog: boolean;
  onLog: (isLog: boolean) => void;
  /** null while there is no point. */
  extent: Range | null;
  /** null: everything. */
  range: Range | null;
  onRange: (range: Range | null) => void;
  /** null: the newest. */
  cursor: number | null;
  onCursor: (step: number | null) => void;
}

export function ChartBar({
  children,
  isLog,
  onLog,
  extent,
  range,
  onRange,
  cursor,
  onCursor,
}: ChartBarProps) {
  return (
    <div class="curves-bar">
      {children}
      <label>
        <input
          type="checkbox"
          checked={isLog}
          onChange={({ currentTarget }) => onLog(currentTarget.checked)}
        />
        Logarithm
      </label>
      {extent !== null && (
        <RangeSliders extent={extent} range={range} onRange={onRange} cursor={cursor} onCursor={onCursor} />
      )}
    </div>
  );
}
