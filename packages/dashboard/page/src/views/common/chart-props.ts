/** What a chart is given from outside: values in, wishes out. */
import type { Format, Range } from '@unet-fleet/pictures/models/curves';
import type { Point } from '../../../../src/protocol.ts';

export interface Series {
  name: string;
  points: readonly Point[];
  /** A CSS colour, or the name of a custom property. */
  colour: string;
  /** faint: behind a smoothed one, without a place in the legend · dots: few values, with their points. */
  look: 'line' | 'faint' | 'dots';
}

export interface Marks {
  restarts: readonly number[];
  checkpoints: readonly number[];
  rateChanges: readonly number[];
}

/** The same for all charts of a view, so that they move together. */
export interface StepsInView {
  /** null: all of `extent`. */
  range: Range | null;
  extent: Range;
  /** null: the newest values are told, and no line is drawn. */
  cursor: number | null;
  onCursor: (step: number | null) => void;
  onRange: (range: Range | null) => void;
}

export interface ChartProps extends StepsInView {
  title: string;
  series: readonly Series[];
  marks: Marks;
  format: Format;
  isLog: boolean;
}
