/** Scores of one evaluation by class, sortable; a class that is nowhere says so instead of a score. */

import type { ClassMetrics } from '@unet-fleet/law';
import { classScoreNames, headingOf } from '@unet-fleet/law';
import { useState } from 'preact/hooks';
import { ClassName } from '../common/class-name.tsx';
import { Scroll } from '../common/table.tsx';
import { percent } from '../common/text.ts';
import { type SortKey, sortedClasses } from './sparse.ts';

export interface ClassTableProps {
  classes: readonly ClassMetrics[];
  names: readonly string[];
  colours: readonly string[];
}

const columns: { key: SortKey; title: string; isNumber: boolean }[] = [
  { key: 'name', title: 'Class', isNumber: false },
  ...classScoreNames.map((key) => ({ key, title: headingOf(key), isNumber: true })),
  { key: 'support', title: 'Pixels', isNumber: true },
];

export function ClassTable({ classes, names, colours }: ClassTableProps) {
  const [key, setKey] = useState<SortKey>('support');
  const [all, setAll] = useState(false);
  const numAbsent = classes.filter(({ presence }) => presence === 'absent').length;
  const listed = all ? classes : classes.filter(({ presence }) => presence !== 'absent');
  return (
    <>
      <Scroll label="Scores by class">
        <table class="class-table">
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column.key}
                  scope="col"
                  class={column.isNumber ? 'number' : undefined}
                  aria-sort={
                    column.key === key ? (column.key === 'name' ? 'ascending' : 'descending') : undefined
                  }
                >
                  <button type="button" class="sort" onClick={() => setKey(column.key)}>
                    {column.title}
                    <span aria-hidden="true">{column.key === key ? (key === 'name' ? ' ▴' : ' ▾') : ''}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sortedClasses(listed, names, key).map((scored) => (
              <Row key={scored.classIndex} scored={scored} names={names} colours={colours} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {numAbsent > 0 && (
        <button type="button" class="link" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? 'Only classes that occur' : `${numAbsent} that occur in neither truth nor prediction`}
        </button>
      )}
    </>
  );
}

function Row({ scored, names, colours }: { scored: ClassMetrics } & Omit<ClassTableProps, 'classes'>) {
  const { classIndex, presence, numTruthPixels } = scored;
  const score = (value: number | null) => (value === null ? '–' : percent(value));
  return (
    <tr class={presence === 'absent' ? 'quiet' : undefined}>
      <th scope="row">
        <ClassName index={classIndex} names={names} colours={colours} />
        {presence === 'absent' && <small> absent: not in the mean</small>}
        {presence === 'predicted-only' && <small> predicted only: counts as 0</small>}
      </th>
      {classScoreNames.map((name) => {
        const value = scored[name];
        // The one that classes are ranked by has a bar.
        const bar = name === 'iou' && value !== null && (
          <span class="score-bar" style={{ width: `${value * 100}%` }} aria-hidden="true" />
        );
        return (
          <td key={name} class={name === 'iou' ? 'number score' : 'number'}>
            {bar}
            <span>{score(value)}</span>
          </td>
        );
      })}
      <td class="number">{numTruthPixels.toLocaleString('en')}</td>
    </tr>
  );
}
