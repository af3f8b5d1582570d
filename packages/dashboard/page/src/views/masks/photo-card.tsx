/** A followed photo: truth, prediction and error side by side, and how much of it is right. */

import type { LabelMap } from '@unet-fleet/pictures/models/class-map';
import { countClasses, countErrors, type ErrorCounts, nameOf } from '@unet-fleet/pictures/models/class-map';
import { useMemo } from 'preact/hooks';
import { errorPicture, type Look, tinted } from '../common/compose.ts';
import { Picture } from '../common/pixel-canvas.tsx';
import type { Shown } from '../common/shown.ts';
import { percent } from '../common/text.ts';

export interface PhotoCardProps {
  shown: Shown;
  look: Look;
  names: readonly string[];
  onOpen: () => void;
}

export function PhotoCard({ shown, look, names, onOpen }: PhotoCardProps) {
  const { id, photo, truth, prediction, error } = shown;
  const pictures = useMemo(() => {
    if (photo === null || truth === null) return null;
    return {
      truth: tinted(photo, truth, look, true),
      prediction: prediction && tinted(photo, prediction, look, false),
      error: prediction && errorPicture(photo, truth, prediction, look),
    };
  }, [photo, truth, prediction, look]);
  const counts = useMemo(
    () => (truth && prediction ? countErrors(truth, prediction, look.background) : null),
    [truth, prediction, look.background],
  );
  return (
    <article class="photo-card" aria-label={`Photo ${id}`}>
      <header>
        <h3 title={id}>{id}</h3>
        <button type="button" onClick={onOpen} disabled={pictures === null} aria-label={`Enlarge ${id}`}>
          Enlarge
        </button>
      </header>
      {error !== null && <p class="warning">{error}</p>}
      {pictures !== null && (
        <div class="triptych">
          <Picture
            caption="Truth"
            pixels={pictures.truth}
            label={`Truth of ${id}: ${largestClasses(truth!, names)}`}
          />
          {pictures.prediction !== null && pictures.error !== null && counts !== null ? (
            <>
              <Picture
                caption="Prediction"
                pixels={pictures.prediction}
                label={`Prediction for ${id}: ${largestClasses(prediction!, names)}`}
              />
              <Picture
                caption="Error"
                pixels={pictures.error}
                label={`Errors in ${id}: ${errorsInWords(counts, look)}`}
              />
            </>
          ) : (
            <p class="not-followed">Not followed at this step: its prediction was not kept.</p>
          )}
        </div>
      )}
      {counts !== null && (
        <p class="photo-card-words">
          {errorsInWords(counts, look)}
          {!look.isShown.every(Boolean) && ', over all classes'}
        </p>
      )}
    </article>
  );
}

export function errorsInWords(
  { numCounted, numRight, missed, invented, confused }: ErrorCounts,
  { background }: Pick<Look, 'background'>,
): string {
  if (numCounted === 0) return 'No pixel of it counts.';
  const share = (count: number) => percent(count / numCounted);
  if (background === null) return `${share(numRight)} right, ${share(confused)} confused`;
  return (
    `${share(numRight)} right, ${share(missed)} missed, ${share(invented)} invented, ` +
    `${share(confused)} confused`
  );
}

/** The classes with most pixels, with their shares. */
export function largestClasses(map: LabelMap, names: readonly string[]): string {
  const counts = [...countClasses(map, names.length)].map((count, index) => ({ count, index }));
  return counts
    .filter(({ count }) => count > 0)
    .sort((left, right) => right.count - left.count)
    .slice(0, 5)
    .map(({ count, index }) => `${nameOf(names, index)} ${percent(count / map.labels.length)}`)
    .join(', ');
}
