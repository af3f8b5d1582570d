/**
 * The last steps as lanes, one for each worker and one for the coordinator. Pointing at a box, or walking with the arrow
 * keys, says its parts in ms; the same in a table for those who read it.
 */
import { useMemo, useState } from 'preact/hooks';
import type { StepLanes } from '../../../../src/protocol.ts';
import { useWidth } from '../common/use-width.ts';
import { hit, inWords, layoutTimeline, rowHeight } from './lane-layout.ts';
import { PartPatterns, partFill } from './parts.tsx';

export interface TimelineProps {
  lanes: readonly StepLanes[];
}

interface At {
  step: number;
  row: string;
}

export function Timeline({ lanes }: TimelineProps) {
  const [numSteps, setNumSteps] = useState(8);
  const [frame, width] = useWidth<HTMLDivElement>();
  const [at, setAt] = useState<At | null>(null);
  const timeline = useMemo(() => layoutTimeline(lanes, { numSteps, width }), [lanes, numSteps, width]);
  const { rows, steps } = timeline;
  const last = steps.at(-1);
  if (last === undefined) return <p class="quiet">No step yet.</p>;

  const known = at !== null && steps.some(({ step }) => step === at.step) && rows.includes(at.row);
  const active = known ? at : { step: last.step, row: rows[0]! };
  const activeStep = steps.find(({ step }) => step === active.step)!;
  const activeLanes = lanes.findLast(({ step }) => step === active.step)!;
  const activeRow = rows.indexOf(active.row);

  const onKeyDown = (event: KeyboardEvent) => {
    const column = steps.indexOf(activeStep);
    const step = (index: number) => steps[Math.min(steps.length - 1, Math.max(0, index))]!.step;
    const row = (index: number) => rows[Math.min(rows.length - 1, Math.max(0, index))]!;
    const moves: Record<string, At> = {
      ArrowLeft: { ...active, step: step(column - 1) },
      ArrowRight: { ...active, step: step(column + 1) },
      ArrowUp: { ...active, row: row(activeRow - 1) },
      ArrowDown: { ...active, row: row(activeRow + 1) },
      Home: { ...active, step: step(0) },
      End: { ...active, step: step(steps.length - 1) },
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    setAt(move);
  };
  return (
    <div class="timeline">
      <label class="field">
        Steps
        <select value={numSteps} onChange={({ currentTarget }) => setNumSteps(Number(currentTarget.value))}>
          {[4, 8, 16, 30, 60].map((count) => (
            <option key={count} value={count}>
              {`the last ${count}`}
            </option>
          ))}
        </select>
      </label>
      <div class="timeline-frame">
        <ul class="timeline-rows" aria-hidden="true">
          {rows.map((row) => (
            <li key={row} style={{ height: `${rowHeight}px` }} title={row}>
              {row}
            </li>
          ))}
        </ul>
        <div
          ref={frame}
          class="timeline-lanes"
          role="slider"
          tabIndex={0}
          aria-label="Timeline: left and right for steps, up and down for workers"
          aria-valuemin={steps[0]!.step}
          aria-valuemax={last.step}
          aria-valuenow={active.step}
          aria-valuetext={inWords(activeLanes, active.row)}
          onKeyDown={onKeyDown}
          onPointerMove={(event) => {
            const { left, top } = event.currentTarget.getBoundingClientRect();
            const found = hit(timeline, event.clientX - left, event.clientY - top);
            if (found !== null) setAt(found);
          }}
        >
          <svg width={width} height={timeline.height} aria-hidden="true">
            <PartPatterns prefix="timeline" />
            {timeline.paths.map(({ part, path }) => (
              <path key={part} d={path} fill={partFill('timeline', part)} />
            ))}
            {known && (
              <rect
                class="timeline-active"
                x={activeStep.x}
                y={activeRow * rowHeight + 1}
                width={activeStep.width}
                height={rowHeight - 2}
              />
            )}
          </svg>
          <p class="timeline-steps" aria-hidden="true">
            <span>{`step ${steps[0]!.step}`}</span>
            <span>{`step ${last.step}`}</span>
          </p>
        </div>
      </div>
      <p class="timeline-words">{inWords(activeLanes, active.row)}</p>
    </div>
  );
}
