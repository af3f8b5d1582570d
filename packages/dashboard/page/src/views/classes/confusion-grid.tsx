/**
 * The confusion matrix: a canvas to look at, and for keys and screen readers a grid whose one cell in reach says itself
 * in words. Enter, space or a click chooses a cell.
 */

import type { ClassMetrics } from '@unet-fleet/law';
import { nameOf } from '@unet-fleet/pictures/models/class-map';
import type { Cell } from '@unet-fleet/pictures/models/confusion';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useColourScheme } from '../common/use-colour-scheme.ts';
import { useWidth } from '../common/use-width.ts';
import { cellAt, drawGrid, type GridLayout, gridLayout, nameFont } from './grid-drawing.ts';
import { cellAfterKey, cellInWords, type Scale } from './matrix.ts';

export interface ConfusionGridProps {
  dense: Float64Array;
  classes: readonly ClassMetrics[];
  /** Class of each row and column. */
  shown: readonly number[];
  names: readonly string[];
  scale: Scale;
  selected: Cell | null;
  onSelect: (cell: Cell) => void;
}

interface At {
  row: number;
  column: number;
}

export function ConfusionGrid(props: ConfusionGridProps) {
  const { dense, classes, shown, names, scale, selected, onSelect } = props;
  const [frame, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const layout = useRef<GridLayout>({ cellPx: 1, marginPx: 0, sizePx: 0 });
  const [at, setAt] = useState<At>({ row: 0, column: 0 });
  const [hovered, setHovered] = useState<At | null>(null);
  const [hasFocus, setHasFocus] = useState(false);
  const [, setNumRedrawn] = useState(0);
  useColourScheme(() => setNumRedrawn((before) => before + 1));

  const last = shown.length - 1;
  const active = { row: Math.min(at.row, last), column: Math.min(at.column, last) };
  const cellOf = ({ row, column }: At): Cell => ({ truth: shown[row]!, prediction: shown[column]! });
  const words = (where: At) => {
    const cell = cellOf(where);
    const count = dense[cell.truth * classes.length + cell.prediction]!;
    return cellInWords(cell, count, classes[cell.truth]!.numTruthPixels, names);
  };
  const selectedAt = useMemo(() => {
    if (selected === null) return null;
    const [row, column] = [shown.indexOf(selected.truth), shown.indexOf(selected.prediction)];
    return row < 0 || column < 0 ? null : { row, column };
  }, [selected, shown]);

  useEffect(() => {
    if (width === 0 || shown.length === 0) return;
    const style = getComputedStyle(canvas.current!);
    const context = canvas.current!.getContext('2d')!;
    context.font = nameFont(13, style);
    const nameWidth = Math.max(...shown.map((index) => context.measureText(nameOf(names, index)).width));
    layout.current = gridLayout(shown.length, width, Math.ceil(nameWidth));
    const shownActive = hasFocus ? active : hovered;
    drawGrid(canvas.current!, {
      layout: layout.current,
      shown,
      dense,
      classes,
      names,
      scale,
      active: shownActive,
      selected: selectedAt,
    });
  });

  const pointed = (event: MouseEvent): At | null => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    return cellAt(layout.current, shown.length, event.clientX - left, event.clientY - top);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onSelect(cellOf(active));
      return;
    }
    const next = cellAfterKey(active, event.key, shown.length, event.ctrlKey);
    if (next === null) return;
    event.preventDefault();
    setAt(next);
  };
  if (shown.length === 0) return <p class="quiet">No pixel was counted.</p>;
  const read = hasFocus ? active : (hovered ?? selectedAt);
  return (
    <div class="confusion">
      <p class="axes quiet">Rows: truth. Columns: prediction. The diagonal is right.</p>
      {/* biome-ignore lint/a11y/useSemanticElements: a canvas with one cell in reach is no table */}
      <div
        ref={frame}
        class="confusion-frame"
        role="grid"
        tabIndex={0}
        aria-label="Confusion matrix, rows are the truth, columns the prediction"
        aria-rowcount={shown.length}
        aria-colcount={shown.length}
        aria-activedescendant="confusion-cell"
        onKeyDown={onKeyDown}
        onFocus={() => setHasFocus(true)}
        onBlur={() => setHasFocus(false)}
        onPointerMove={(event) => setHovered(pointed(event))}
        onPointerLeave={() => setHovered(null)}
        onClick={(event) => {
          const where = pointed(event);
          if (where === null) return;
          setAt(where);
          onSelect(cellOf(where));
        }}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        <div role="row" aria-rowindex={active.row + 1} class="visually-hidden" tabIndex={-1}>
          {/* biome-ignore lint/a11y/useSemanticElements: see above */}
          <div
            role="gridcell"
            id="confusion-cell"
            tabIndex={-1}
            aria-colindex={active.column + 1}
            aria-selected={selectedAt?.row === active.row && selectedAt.column === active.column}
          >
            {words(active)}
          </div>
        </div>
        {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas takes no focus; the cell above speaks for it */}
        <canvas ref={canvas} aria-hidden="true" />
      </div>
      <p class="cell-words" aria-hidden="true">
        {read === null
          ? 'Point at a cell, or walk with the arrow keys; Enter shows its pictures.'
          : words(read)}
      </p>
    </div>
  );
}
