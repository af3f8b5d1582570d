/** Masks getting better: the followed photos of one step, their controls, and photos of one's own. */

import { countErrors } from '@unet-fleet/pictures/models/class-map';
import { rgbOf } from '@unet-fleet/pictures/models/palette';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { History } from '../../../../src/protocol.ts';
import { useKept } from '../../live/use-kept.ts';
import { errorColours, type Look } from '../common/compose.ts';
import { Slider } from '../common/fields.tsx';
import { backgroundOf } from '../common/pixels.ts';
import { FollowPicker } from './follow-picker.tsx';
import { LargeView } from './large-view.tsx';
import { Legend } from './legend.tsx';
import './masks.css';
import type { PictureSource } from '../common/picture-source.ts';
import { countShown, loadShown, type Shown } from '../common/shown.ts';
import { StepSlider } from '../common/step-slider.tsx';
import { indexOfPosition, neighbours } from '../common/steps.ts';
import { useLoaded } from '../common/use-loaded.ts';
import { usePosition } from '../common/use-position.ts';
import { errorsInWords, PhotoCard } from './photo-card.tsx';
import type { Segmented } from './segment-answer.ts';
import { SegmentPhoto } from './segment-photo.tsx';

export interface MasksViewProps {
  history: History;
  /** Rising; grows while the run goes on. */
  evaluatedSteps: readonly number[];
  followed: readonly string[];
  source: PictureSource;
  /** null where there is no coordinator to ask. */
  live: {
    /** null for who may not choose. */
    follow: ((ids: readonly string[]) => Promise<string>) | null;
    segment: (photo: Blob) => Promise<Uint8Array>;
  } | null;
  announce: (text: string) => void;
}

const maxFollowed = 12;
const settleMs = 40;

/** What the dialog shows: a followed photo by its place, or one of the user's own. */
type Opened = { index: number } | { own: Shown; step: number };

export function MasksView({ history, evaluatedSteps, followed, source, live, announce }: MasksViewProps) {
  const { classNames, classColours } = history;
  const [position, move] = usePosition(history.name);
  const [isPlaying, setIsPlaying] = useState(false);
  const [opacity, setOpacity] = useKept('opacity', () => 0.6);
  const [isShown, setIsShown] = useKept<boolean[]>(`classes shown of ${history.name}`, () =>
    classColours.map(() => true),
  );
  const [own, setOwn] = useState<readonly Segmented[]>([]);
  const [opened, setOpened] = useState<Opened | null>(null);
  const look = useMemo<Look>(
    () => ({ colours: classColours.map(rgbOf), isShown, opacity, background: backgroundOf(classNames) }),
    [classColours, classNames, isShown, opacity],
  );

  const index = indexOfPosition(evaluatedSteps, position);
  const step = evaluatedSteps[index];
  const loaded = useLoaded(
    async () => {
      if (step === undefined) return null;
      const evaluation = await source.evaluation(step);
      const ids = followed.length > 0 ? followed : evaluation.pictures.map(({ sampleId }) => sampleId);
      return { evaluation, shown: await Promise.all(ids.map((id) => loadShown(source, step, id))) };
    },
    [source, step, followed.join('\n')],
    settleMs,
  );
  const isReady = !loaded.isLoading && loaded.value?.evaluation.step === step;
  const shown = loaded.value?.shown ?? [];

  useEffect(() => {
    if (!isReady) return;
    for (const at of neighbours(index, evaluatedSteps.length)) {
      // What can't be had is told of when it is asked for.
      for (const { id } of shown) source.prediction(evaluatedSteps[at]!, id).catch(() => null);
    }
  }, [isReady, index]);

  const counts = useMemo(
    () =>
      countShown(
        [
          ...shown.flatMap(({ truth, prediction }) => [truth, prediction]),
          ...own.map((one) => one.prediction),
        ],
        classColours.length,
      ),
    [shown, own, classColours.length],
  );
  const slider = (
    <StepSlider
      steps={evaluatedSteps}
      position={position}
      onMove={move}
      evaluation={loaded.value?.evaluation ?? null}
      isReady={isReady}
      isPlaying={isPlaying}
      onPlay={setIsPlaying}
    />
  );
  const openedShown = opened === null ? null : 'own' in opened ? opened.own : (shown[opened.index] ?? null);

  return (
    <section class="masks" aria-labelledby="masks-title">
      <h2 id="masks-title">Masks</h2>
      {step === undefined ? (
        <p class="quiet">
          {history.curves.validationLoss.length > 0
            ? 'The masks of the validations of this run were not kept.'
            : 'No validation yet: the first masks appear with it.'}
        </p>
      ) : (
        <div class="masks-bar">
          {slider}
          <Slider
            class="opacity"
            max={100}
            step={5}
            value={Math.round(opacity * 100)}
            text={`${Math.round(opacity * 100)} %`}
            onValue={(percent) => setOpacity(percent / 100)}
          >
            Opacity
          </Slider>
        </div>
      )}
      {loaded.error !== null && <p class="warning">{loaded.error}</p>}
      {live?.follow && (
        <FollowPicker
          validationIds={history.validationIds}
          followed={followed}
          max={maxFollowed}
          onFollow={live.follow}
        />
      )}
      {(shown.length > 0 || own.length > 0) && (
        <div class="masks-keys">
          <Legend
            names={classNames}
            colours={classColours}
            counts={counts}
            isShown={isShown}
            onChange={setIsShown}
          />
          <ErrorKey hasBackground={look.background !== null} backgroundName={classNames[0] ?? ''} />
        </div>
      )}
      <div class="cards" aria-busy={!isReady}>
        {shown.map((one, at) => (
          <PhotoCard
            key={one.id}
            shown={one}
            look={look}
            names={classNames}
            onOpen={() => setOpened({ index: at })}
          />
        ))}
      </div>
      {live !== null && (
        <SegmentPhoto
          runName={history.name}
          post={live.segment}
          look={look}
          names={classNames}
          announce={announce}
          onResults={setOwn}
          onOpen={(id, { photo, prediction, step: at }) =>
            setOpened({ own: { id, photo, prediction, truth: null, error: null }, step: at })
          }
        />
      )}
      {opened !== null && openedShown !== null && (
        <LargeView
          key={'own' in opened ? 'own' : 'followed'}
          shown={openedShown}
          look={look}
          onClose={() => setOpened(null)}
          onTurn={
            'own' in opened || shown.length < 2
              ? null
              : (by) => setOpened({ index: (opened.index + by + shown.length) % shown.length })
          }
        >
          {'own' in opened ? <p>With the weights of step {opened.step}.</p> : slider}
          {openedShown.truth !== null && openedShown.prediction !== null && (
            <p>
              {errorsInWords(countErrors(openedShown.truth, openedShown.prediction, look.background), look)}
            </p>
          )}
        </LargeView>
      )}
    </section>
  );
}

/** What the colours of the error pictures say. */
function ErrorKey({ hasBackground, backgroundName }: { hasBackground: boolean; backgroundName: string }) {
  const entries: [colour: readonly number[], text: string][] = hasBackground
    ? [
        [errorColours.missed, `missed: a class was taken for ${backgroundName}`],
        [errorColours.invented, `invented: ${backgroundName} was taken for a class`],
        [errorColours.confused, 'confused: a class was taken for another'],
      ]
    : [[errorColours.confused, 'confused: a class was taken for another']];
  return (
    <div class="error-key">
      <h3>Errors</h3>
      <ul>
        {entries.map(([colour, text]) => (
          <li key={text}>
            <span class="swatch" style={{ background: `rgb(${colour.join(' ')})` }} aria-hidden="true" />
            {text}
          </li>
        ))}
        <li>
          <span class="swatch is-hatched" aria-hidden="true" />
          ignored: does not count
        </li>
      </ul>
    </div>
  );
}
