/** The runs of the folder, newest first, with what tells them apart and a switch for the chart each. */

import { figure, percentage } from '@unet-fleet/pictures/models/curves';
import type { RunSummary } from '../../../../src/protocol.ts';
import { momentText, recordedStates } from '../../head/head-text.ts';
import { type Column, Scroll, Titles } from '../common/table.tsx';
import { colourOfRun, differingOptions, maxCompared } from './compare.ts';

export interface RunsTableProps {
  runs: readonly RunSummary[];
  /** By place, which gives the colour. */
  chosen: readonly (string | null)[];
  onToggle: (run: string) => void;
  hrefOf: (run: string) => string;
}

const columns: readonly Column[] = [
  { title: 'Compare' },
  { title: 'Run' },
  { title: 'State' },
  { title: 'Begun' },
  { title: 'Steps', isNumber: true },
  { title: 'Best loss', isNumber: true },
  { title: 'Its mean IoU', isNumber: true },
];

export function RunsTable({ runs, chosen, onToggle, hrefOf }: RunsTableProps) {
  const options = differingOptions(runs);
  const isFull = chosen.filter((name) => name !== null).length >= maxCompared;
  return (
    <>
      {isFull && <p class="quiet">{`${maxCompared} runs are compared: take one away to add another.`}</p>}
      <Scroll label="Table of runs">
        <table class="runs-table">
          <thead>
            <tr>
              <Titles columns={columns} />
              {options.map((option) => (
                <th key={option} scope="col">
                  <code>{option}</code>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <RunRow
                key={run.name}
                run={run}
                place={chosen.indexOf(run.name)}
                isFull={isFull}
                options={options}
                onToggle={onToggle}
                hrefOf={hrefOf}
              />
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

interface RunRowProps extends Pick<RunsTableProps, 'onToggle' | 'hrefOf'> {
  run: RunSummary;
  /** -1: not compared. */
  place: number;
  isFull: boolean;
  options: readonly string[];
}

function RunRow({ run, place, isFull, options, onToggle, hrefOf }: RunRowProps) {
  const { name, state, startedAt, step, numSteps, bestLoss, bestMeanIou } = run;
  return (
    <tr>
      <td data-label="Compare">
        <span>
          <input
            type="checkbox"
            aria-label={`Compare ${name}`}
            checked={place >= 0}
            disabled={place < 0 && isFull}
            onChange={() => onToggle(name)}
          />
          {place >= 0 && <span class="run-key" style={{ '--key': colourOfRun(place) }} aria-hidden="true" />}
        </span>
      </td>
      <th scope="row">
        <a href={hrefOf(name)}>{name}</a>
      </th>
      <td data-label="State">{recordedStates[state]}</td>
      <td data-label="Begun">{momentText(startedAt)}</td>
      <td data-label="Steps" class="number">
        {`${step.toLocaleString('en')} of ${numSteps.toLocaleString('en')}`}
      </td>
      <td data-label="Best loss" class="number">
        {bestLoss === null ? '–' : figure(bestLoss)}
      </td>
      <td data-label="Its mean IoU" class="number">
        {bestMeanIou === null ? '–' : percentage(bestMeanIou)}
      </td>
      {options.map((option) => (
        <td key={option} data-label={option}>
          {run.options[option] ?? <span class="quiet">default</span>}
        </td>
      ))}
    </tr>
  );
}
