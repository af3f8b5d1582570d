/** What is set for charts over steps: what comes first is a view's own, then logarithm, zoom and cursor. */

import type { ComponentChildren } from 'preact';
import type { StepsInView } from './chart-props.ts';
import './charts.css';
import { Check } from './fields.tsx';
import { RangeSliders } from './range-sliders.tsx';

interface ChartBarProps {
  children: ComponentChildren;
  isLog: boolean;
  onLog: (isLog: boolean) => void;
  /** null while there is no point. */
  steps: StepsInView | null;
}

export function ChartBar({ children, isLog, onLog, steps }: ChartBarProps) {
  return (
    <div class="curves-bar">
      {children}
      <Check checked={isLog} onChange={onLog}>
        Logarithm
      </Check>
      {steps !== null && <RangeSliders {...steps} />}
    </div>
  );
}
