/**
 * The photos behind a cell of the confusion matrix: those of the leaves that contribute most, with the cell's pixels
 * marked. Where a photo was not followed its prediction was not kept; then all pixels of the true class are marked.
 */

import { nameOf } from '@unet-fleet/pictures/models/class-map';
import type { Cell } from '@unet-fleet/pictures/models/confusion';
import type { Rgb } from '@unet-fleet/pictures/models/palette';
import { useMemo } from 'preact/hooks';
import { cellPicture, type Look, tinted } from '../common/compose.ts';
import type { Evaluation } from '../common/evaluation.ts';
import type { PictureSource } from '../common/picture-source.ts';
import { Picture } from '../common/pixel-canvas.tsx';
import { loadShown, type Shown } from '../common/shown.ts';
import { useLoaded } from '../common/use-loaded.ts';
import { leavesBehind } from './sparse.ts';

export interface CellPicturesProps {
  evaluation: Evaluation;
  cell: Cell;
  names: readonly string[];
  colours: readonly Rgb[];
  source: PictureSource;
  followed: readonly string[];
  maxFollowed: number;
  /** null where there is no coordinator to ask. */
  onFollow: ((ids: readonly string[]) => void) | null;
}

const maxLeaves = 8;
const maxPhotos = 12;

export function CellPictures(props: CellPicturesProps) {
  const { evaluation, cell, names, colours, source, followed, maxFollowed, onFollow } = props;
  const behind = useMemo(
    () => leavesBehind(evaluation.leaves, cell, names.length, maxLeaves),
    [evaluation, cell, names.length],
  );
  const photos = behind
    .flatMap(({ sampleIds, count }) => sampleIds.map((id) => ({ id, count, numInLeaf: sampleIds.length })))
    .slice(0, maxPhotos);
  const loaded = useLoaded(
    () => Promise.all(photos.map(({ id }) => loadShown(source, evaluation.step, id))),
    [source, evaluation.step, photos.map(({ id }) => id).join('\n')],
  );
  const look = useMemo<Look>(
    () => ({ colours, isShown: colours.map(() => true), opacity: 0.6, background: null }),
    [colours],
  );
  if (evaluation.leaves.length === 0) {
    return <p class="quiet">This evaluation was too large to keep which photos are behind a cell.</p>;
  }
  if (behind.length === 0) return <p class="quiet">No photo has such a pixel.</p>;
  const shown = loaded.value ?? [];
  return (
    <div class="cards" aria-busy={loaded.isLoading}>
      {photos.map(({ id, count, numInLeaf }) => {
        const one = shown.find((other) => other.id === id);
        if (one === undefined) return null;
        const pixels = `${count.toLocaleString('en')} pixels`;
        return (
          <article class="photo-card" key={id} aria-label={`Photo ${id}`}>
            <header>
              <h3 title={id}>{id}</h3>
            </header>
            {one.error !== null && <p class="warning">{one.error}</p>}
            <CellTriptych shown={one} cell={cell} look={look} names={names} />
            <p class="photo-card-words">
              {numInLeaf === 1 ? pixels : `${pixels} in the ${numInLeaf} photos of its leaf together`}
            </p>
            {one.error === null && one.prediction === null && onFollow !== null && (
              <button
                type="button"
                disabled={followed.includes(id) || followed.length >= maxFollowed}
                onClick={() => onFollow([...followed, id])}
              >
                {followed.includes(id) ? 'Followed from the next validation on' : 'Follow this photo'}
              </button>
            )}
          </article>
        );
      })}
    </div>
  );
}

interface CellTriptychProps {
  shown: Shown;
  cell: Cell;
  look: Look;
  names: readonly string[];
}

function CellTriptych({ shown, cell, look, names }: CellTriptychProps) {
  const { id, photo, truth, prediction } = shown;
  const pictures = useMemo(() => {
    if (photo === null || truth === null) return null;
    return {
      marked: cellPicture(photo, truth, prediction, cell),
      truth: tinted(photo, truth, look, true),
      prediction: prediction && tinted(photo, prediction, look, false),
    };
  }, [photo, truth, prediction, cell, look]);
  if (pictures === null || photo === null) return null;
  const [wanted, given] = [nameOf(names, cell.truth), nameOf(names, cell.prediction)];
  const what =
    prediction === null
      ? `all ${wanted}: the prediction was not kept`
      : cell.truth === cell.prediction
        ? `found ${wanted}`
        : `${wanted} as ${given}`;
  const marked = `${pictures.marked.numMarked.toLocaleString('en')} pixels marked: ${what}`;
  return (
    <div class={`triptych ${pictures.prediction === null ? '' : 'has-four'}`}>
      <Picture caption="Photo" pixels={photo} label={`Photo ${id}`} />
      <Picture caption="Truth" pixels={pictures.truth} label={`Truth of ${id}`} />
      {pictures.prediction !== null && (
        <Picture caption="Prediction" pixels={pictures.prediction} label={`Prediction for ${id}`} />
      )}
      <Picture caption={what} pixels={pictures.marked.pixels} label={`${id}, ${marked}`} />
    </div>
  );
}
