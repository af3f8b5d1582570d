/** How well each class does: over time, at one evaluation, and where its pixels go instead. */

import { counted, metricsOf } from '@unet-fleet/law';
import { rgbOf } from '@unet-fleet/pictures/models/palette';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { History } from '../../../../src/protocol.ts';
import { Check } from '../common/fields.tsx';
import type { PictureSource } from '../common/picture-source.ts';
import { StepSlider } from '../common/step-slider.tsx';
import { indexOfPosition } from '../common/steps.ts';
import { useLoaded } from '../common/use-loaded.ts';
import { usePosition } from '../common/use-position.ts';
import { CellPictures } from './cell-pictures.tsx';
import { ClassCurves } from './class-curves.tsx';
import { ClassTable } from './class-table.tsx';
import './classes.css';
import { nameOf } from '@unet-fleet/pictures/models/class-map';
import { type Cell, denseConfusion, mistakesIn } from '@unet-fleet/pictures/models/confusion';
import type { Evaluation } from '../common/evaluation.ts';
import { percent } from '../common/text.ts';
import { ConfusionGrid } from './confusion-grid.tsx';
import { type Scale, shownClasses } from './matrix.ts';
import { sortedClasses } from './sparse.ts';

export interface ClassesViewProps {
  history: History;
  evaluatedSteps: readonly number[];
  followed: readonly string[];
  source: PictureSource;
  /** null where there is no coordinator to ask. */
  onFollow: ((ids: readonly string[]) => void) | null;
}

const maxFollowed = 12;
const numMistakes = 10;
/** A matrix of more classes takes the whole width. */
const numBesideMistakes = 12;

export function ClassesView(props: ClassesViewProps) {
  const { history, evaluatedSteps, source } = props;
  const [position, move] = usePosition(history.name);
  const [isPlaying, setIsPlaying] = useState(false);
  const step = evaluatedSteps[indexOfPosition(evaluatedSteps, position)];
  const loaded = useLoaded(async () => (step === undefined ? null : source.evaluation(step)), [source, step]);
  const evaluation = loaded.value;
  return (
    <section class="classes" aria-labelledby="classes-title">
      <h2 id="classes-title">Classes</h2>
      {step === undefined ? (
        <p class="quiet">
          {history.curves.validationLoss.length > 0
            ? 'The scores by class of the validations of this run were not kept.'
            : 'No validation yet: the first scores appear with it.'}
        </p>
      ) : (
        <StepSlider
          steps={evaluatedSteps}
          position={position}
          onMove={move}
          evaluation={evaluation}
          isReady={!loaded.isLoading}
          isPlaying={isPlaying}
          onPlay={setIsPlaying}
        />
      )}
      {loaded.error !== null && <p class="warning">{loaded.error}</p>}
      {evaluation !== null && <OneEvaluation {...props} evaluation={evaluation} />}
    </section>
  );
}

function OneEvaluation(props: ClassesViewProps & { evaluation: Evaluation }) {
  const { history, evaluation, source, followed, onFollow } = props;
  const { classNames, classColours, curves } = history;
  const numClasses = classColours.length;
  const [all, setAll] = useState(false);
  const [scale, setScale] = useState<Scale>('share');
  const [cell, setCell] = useState<Cell | null>(null);

  const dense = useMemo(() => denseConfusion(evaluation.confusion, numClasses), [evaluation, numClasses]);
  const { classes } = useMemo(() => metricsOf(dense, numClasses), [dense, numClasses]);
  const mistakes = useMemo(() => mistakesIn(dense, classes).slice(0, numMistakes), [dense, classes]);
  const colours = useMemo(() => classColours.map(rgbOf), [classColours]);
  const order = useMemo(
    () => sortedClasses(classes, classNames, 'support').map(({ classIndex }) => classIndex),
    [classes, classNames],
  );
  const shown = useMemo(() => shownClasses(classes, all), [classes, all]);
  const cellSection = useRef<HTMLElement>(null);
  useEffect(() => {
    // The pictures of a cell come below the matrix: a click that changes nothing in sight looks like none.
    if (cell !== null) cellSection.current!.scrollIntoView({ block: 'nearest' });
  }, [cell]);
  const numAbsent = numClasses - shownClasses(classes, false).length;
  return (
    <>
      <h3>IoU over time</h3>
      <ClassCurves curves={curves.classIou} names={classNames} colours={classColours} order={order} />
      <div class="scores-and-confusion">
        <div>
          <h3>Scores at step {evaluation.step}</h3>
          <ClassTable classes={classes} names={classNames} colours={classColours} />
        </div>
        <div>
          <h3>Confusion matrix at step {evaluation.step}</h3>
          <div class="confusion-options">
            <label class="field">
              Darkness
              <select value={scale} onChange={({ currentTarget }) => setScale(currentTarget.value as Scale)}>
                <option value="share">share of the true class</option>
                <option value="log-share">share, logarithmic</option>
                <option value="log-pixels">pixels, logarithmic</option>
              </select>
            </label>
            {numAbsent > 0 && (
              <Check checked={all} onChange={setAll}>
                {`${counted(numAbsent, 'absent class', 'absent classes')}, too`}
              </Check>
            )}
          </div>
          <div class={`confusion-and-mistakes ${shown.length > numBesideMistakes ? 'is-large' : ''}`}>
            <ConfusionGrid
              dense={dense}
              classes={classes}
              shown={shown}
              names={classNames}
              scale={scale}
              selected={cell}
              onSelect={setCell}
            />
            {mistakes.length > 0 && (
              <div class="mistakes">
                <h4>Most frequent mistakes</h4>
                <ol>
                  {mistakes.map(({ truth, prediction, count, share }) => (
                    <li key={`${truth} ${prediction}`}>
                      <button
                        type="button"
                        class="link"
                        aria-pressed={cell?.truth === truth && cell.prediction === prediction}
                        onClick={() => setCell({ truth, prediction })}
                      >
                        {nameOf(classNames, truth)} taken for {nameOf(classNames, prediction)}
                      </button>{' '}
                      <span class="quiet">
                        {`${count.toLocaleString('en')} pixels, ${percent(share!)} of ${nameOf(classNames, truth)}`}
                      </span>
                    </li>
                  ))}
                </ol>
              </div>
            )}
          </div>
        </div>
      </div>
      {cell !== null && (
        <section ref={cellSection} aria-labelledby="cell-title" class="cell">
          <h3 id="cell-title">
            {cell.truth === cell.prediction
              ? `Photos where ${nameOf(classNames, cell.truth)} was found`
              : `Photos where ${nameOf(classNames, cell.truth)} was taken for ${nameOf(classNames, cell.prediction)}`}
          </h3>
          <CellPictures
            evaluation={evaluation}
            cell={cell}
            names={classNames}
            colours={colours}
            source={source}
            followed={followed}
            maxFollowed={maxFollowed}
            onFollow={onFollow}
          />
        </section>
      )}
    </>
  );
}
