/**
 * A photo of one's own, chosen, dropped or pasted, segmented with the weights of this moment. Results stay until they
 * are removed, a few at most; one can be computed again to see how far the run has come.
 */
import { messageOf } from '@unet-fleet/law';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useKept } from '../../live/use-kept.ts';
import { BusyButton } from '../common/busy-button.tsx';
import { type Look, tinted } from '../common/compose.ts';
import { Picture } from '../common/pixel-canvas.tsx';
import { largestClasses } from './photo-card.tsx';
import { type Segmented, segmentedOf } from './segment-answer.ts';

export interface SegmentPhotoProps {
  runName: string;
  post: (photo: Blob) => Promise<Uint8Array>;
  look: Look;
  names: readonly string[];
  announce: (text: string) => void;
  onOpen: (id: string, segmented: Segmented) => void;
  /** Classes that occur in it belong to the legend, too. */
  onResults: (results: readonly Segmented[]) => void;
}

interface Result {
  id: number;
  name: string;
  file: Blob;
  segmented: Segmented;
}

const maxResults = 6;
/** Larger photos are refused by the server; saying so here spares the upload. */
const maxPhotoBytes = 32 * 2 ** 20;

export function SegmentPhoto({ runName, post, look, names, announce, onOpen, onResults }: SegmentPhotoProps) {
  const [results, setResults] = useKept<readonly Result[]>(`photos segmented by ${runName}`, () => []);
  const [pending, setPending] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isOver, setIsOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const isBusy = useRef(false);

  useEffect(() => onResults(results.map(({ segmented }) => segmented)), [results]);

  const segment = async (file: Blob, name: string, replaces?: number) => {
    if (isBusy.current) return;
    if (file.size > maxPhotoBytes) {
      setError(`${name} has more than 32 MiB: choose a smaller photo.`);
      return;
    }
    isBusy.current = true;
    setPending(name);
    setError(null);
    try {
      const segmented = segmentedOf(await post(file));
      setResults((before) => {
        const id = replaces ?? Math.max(0, ...before.map((other) => other.id)) + 1;
        const result = { id, name, file, segmented };
        return replaces === undefined
          ? [result, ...before].slice(0, maxResults)
          : before.map((other) => (other.id === replaces ? result : other));
      });
      announce(`${name} was segmented with the weights of step ${segmented.step}.`);
    } catch (failure) {
      setError(`${name} was not segmented: ${messageOf(failure)}`);
    } finally {
      isBusy.current = false;
      setPending(null);
    }
  };
  const take = (files: Iterable<File> | undefined | null): boolean => {
    const file = [...(files ?? [])].find(({ type }) => type.startsWith('image/'));
    if (file === undefined) return false;
    void segment(file, file.name || 'the pasted photo');
    return true;
  };
  const latestTake = useRef(take);
  latestTake.current = take;

  // The whole window takes a photo: a drop that misses the frame would otherwise replace the page.
  useEffect(() => {
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setIsOver(true);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setIsOver(false);
    const drop = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setIsOver(false);
      if (!latestTake.current(event.dataTransfer!.files)) setError('What was dropped is no photo.');
    };
    const paste = (event: ClipboardEvent) => {
      if (latestTake.current(event.clipboardData?.files)) event.preventDefault();
    };
    const ending = new AbortController();
    const { signal } = ending;
    window.addEventListener('dragover', over, { signal });
    window.addEventListener('dragleave', leave, { signal });
    window.addEventListener('drop', drop, { signal });
    window.addEventListener('paste', paste, { signal });
    return () => ending.abort();
  }, []);

  return (
    <section class="segment" aria-labelledby="segment-title">
      <h3 id="segment-title">A photo of your own</h3>
      <div class={`drop-zone ${isOver ? 'is-over' : ''}`}>
        <BusyButton isBusy={pending !== null} onClick={() => chooser.current!.click()}>
          {pending === null ? 'Choose a photo' : 'Segmenting…'}
        </BusyButton>
        <input
          ref={chooser}
          class="visually-hidden"
          type="file"
          accept="image/*"
          tabIndex={-1}
          aria-label="Photo to segment"
          onChange={({ currentTarget }) => {
            take(currentTarget.files);
            currentTarget.value = '';
          }}
        />
        <span class="quiet">or drop or paste one here: it is segmented with the current weights.</span>
      </div>
      {error !== null && (
        <p class="warning" role="alert">
          {error}
        </p>
      )}
      {results.length > 0 && (
        <div class="cards">
          {results.map(({ id, name, file, segmented }) => (
            <SegmentedCard
              key={id}
              name={name}
              segmented={segmented}
              look={look}
              names={names}
              isBusy={pending !== null}
              onOpen={() => onOpen(name, segmented)}
              onAgain={() => segment(file, name, id)}
              onRemove={() => setResults(results.filter((other) => other.id !== id))}
            />
          ))}
        </div>
      )}
    </section>
  );
}

interface SegmentedCardProps {
  name: string;
  segmented: Segmented;
  look: Look;
  names: readonly string[];
  isBusy: boolean;
  onOpen: () => void;
  onAgain: () => void;
  onRemove: () => void;
}

function SegmentedCard(props: SegmentedCardProps) {
  const { name, segmented, look, names, isBusy, onOpen, onAgain, onRemove } = props;
  const { step, photo, prediction } = segmented;
  const picture = useMemo(() => tinted(photo, prediction, look, false), [photo, prediction, look]);
  const words = largestClasses(prediction, names);
  return (
    <article class="photo-card" aria-label={`Your photo ${name}`}>
      <header>
        <h3 title={name}>{name}</h3>
        <button type="button" onClick={onOpen} aria-label={`Enlarge ${name}`}>
          Enlarge
        </button>
        <BusyButton isBusy={isBusy} onClick={onAgain} label={`Segment ${name} again`}>
          Again
        </BusyButton>
        <button type="button" onClick={onRemove} aria-label={`Remove ${name}`}>
          Remove
        </button>
      </header>
      <div class="triptych is-two">
        <Picture caption="Photo" pixels={photo} label={`Your photo ${name}`} />
        <Picture caption="Prediction" pixels={picture} label={`Prediction for ${name}: ${words}`} />
      </div>
      <p class="photo-card-words">
        With the weights of step {step}: {words}
      </p>
    </article>
  );
}
