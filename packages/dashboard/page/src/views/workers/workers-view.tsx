/** Who computes, how well, and where a step's time goes. */
import { counted } from '@unet-fleet/law';
import type { StepLanes, WorkerRow } from '../../../../src/protocol.ts';
import { type Column, Scroll, Titles } from '../common/table.tsx';
import { agoText } from '../common/text.ts';
import { useServerNow } from '../common/use-server-now.ts';
import { DrainButton } from './drain-button.tsx';
import { PartLegend } from './parts.tsx';
import { StepBars } from './step-bars.tsx';
import { Timeline } from './timeline.tsx';
import { byName, bytesText, gpuText } from './worker-text.ts';
import './workers.css';

export interface WorkersViewProps {
  workers: readonly WorkerRow[];
  lanes: readonly StepLanes[];
  /** The server's clock when the workers were told, for the age of a heartbeat. */
  at: string | null;
  /** null where the token may not. */
  onDrain: ((worker: string) => void) | null;
  /** Name of a worker whose drain is under way. */
  draining: string | null;
}

/** Bars are means over as many steps: enough to be calm, few enough to be of now. */
const numMeanSteps = 20;

const columns: readonly Column[] = [
  { title: 'Worker' },
  { title: 'State' },
  { title: 'Images/s', isNumber: true },
  { title: 'Last seen' },
  { title: 'Device' },
  { title: 'Memory', isNumber: true },
  { title: 'GPU' },
  { title: 'Restarts', isNumber: true },
];

export function WorkersView({ workers, lanes, at, onDrain, draining }: WorkersViewProps) {
  const nowMs = useServerNow(at);
  const sorted = byName(workers);
  return (
    <section class="workers" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {sorted.length === 0 ? (
        <p class="quiet">
          {at === null
            ? 'Who is connected is known while a run goes on: below are the last steps that are recorded.'
            : 'No worker is connected.'}
        </p>
      ) : (
        <Scroll label="Workers and what they do">
          <table class="workers-table">
            <thead>
              <tr>
                <Titles columns={columns} />
                {onDrain !== null && <th scope="col">Action</th>}
              </tr>
            </thead>
            <tbody>
              {sorted.map((worker) => (
                <WorkerLine
                  key={worker.name}
                  worker={worker}
                  nowMs={nowMs}
                  onDrain={onDrain}
                  isDraining={draining === worker.name}
                />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {lanes.length === 0 ? (
        <p class="quiet">No step yet: where its time goes is shown from the first one on.</p>
      ) : (
        <>
          <h3>A step's time, mean of the last {Math.min(numMeanSteps, lanes.length)} steps</h3>
          <PartLegend />
          <StepBars lanes={lanes.slice(-numMeanSteps)} />
          <h3>The last steps</h3>
          <Timeline lanes={lanes} />
        </>
      )}
    </section>
  );
}

interface WorkerLineProps {
  worker: WorkerRow;
  nowMs: number;
  onDrain: ((worker: string) => void) | null;
  isDraining: boolean;
}

function WorkerLine({ worker, nowMs, onDrain, isDraining }: WorkerLineProps) {
  const { name, state, reason, host, device, numThreads } = worker;
  return (
    <tr class={worker.isStraggler ? 'is-straggler' : undefined}>
      <th scope="row">
        {name}
        {worker.isStraggler && (
          <span class="badge" title="Its answers took longest in most of the last steps">
            straggler
          </span>
        )}
        <small class="quiet">{host}</small>
      </th>
      <td data-label="State">
        <span class={`worker-state is-${state.replaceAll(' ', '-')}`}>{state}</span>
        {reason !== '' && <small class="reason">{reason}</small>}
      </td>
      <td data-label="Images/s" class="number">
        {worker.imagesPerSecond > 0 ? worker.imagesPerSecond.toFixed(1) : '–'}
      </td>
      <td data-label="Last seen">{agoText(worker.lastSeen, nowMs)}</td>
      <td data-label="Device">
        {device}
        <small class="quiet">{counted(numThreads, 'thread')}</small>
      </td>
      <td data-label="Memory" class="number">
        {bytesText(worker.residentBytes)}
      </td>
      <td data-label="GPU">{gpuText(worker.gpu)}</td>
      <td data-label="Restarts" class="number">
        {worker.numRestarts}
      </td>
      {onDrain !== null && (
        <td data-label="Action">
          <DrainButton worker={name} isUnderWay={isDraining || state === 'leaving'} onDrain={onDrain} />
        </td>
      )}
    </tr>
  );
}
