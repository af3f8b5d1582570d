/** One photo as large as the window allows, with a wipe between two ways to see it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { errorPicture, type Look, tinted } from '../common/compose.ts';
import { Slider } from '../common/fields.tsx';
import { PixelCanvas } from '../common/pixel-canvas.tsx';
import type { Pixels } from '../common/pixels.ts';
import type { Shown } from '../common/shown.ts';

export interface LargeViewProps {
  shown: Shown;
  look: Look;
  /** The slider over the steps, and what else belongs below. */
  children?: ComponentChildren;
  onClose: () => void;
  /** -1 the one before, 1 the next. */
  onTurn: ((by: -1 | 1) => void) | null;
}

type Side = 'photo' | 'truth' | 'prediction' | 'error';

export function LargeView({ shown, look, children, onClose, onTurn }: LargeViewProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [wipe, setWipe] = useState(50);
  const [left, setLeft] = useState<Side>(shown.truth === null ? 'photo' : 'truth');
  const [right, setRight] = useState<Side>('prediction');
  const { id, photo, truth, prediction } = shown;

  useEffect(() => {
    // Absent where the element is drawn without a window, as in tests.
    dialog.current?.showModal?.();
  }, []);

  const pictures = useMemo(() => {
    const all = new Map<Side, Pixels>();
    if (photo === null) return all;
    all.set('photo', photo);
    if (truth !== null) all.set('truth', tinted(photo, truth, look, true));
    if (prediction !== null) all.set('prediction', tinted(photo, prediction, look, false));
    if (truth !== null && prediction !== null) all.set('error', errorPicture(photo, truth, prediction, look));
    return all;
  }, [photo, truth, prediction, look]);
  const under = pictures.get(right) ?? photo;
  const over = pictures.get(left) ?? photo;

  const wipeTo = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (event.buttons === 0) return;
    const { left: from, width } = event.currentTarget.getBoundingClientRect();
    setWipe(Math.round(Math.min(100, Math.max(0, ((event.clientX - from) / width) * 100))));
  };
  const choice = (label: string, value: Side, onChange: (side: Side) => void) => (
    <label class="field">
      {label}
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value as Side)}>
        {[...pictures.keys()].map((side) => (
          <option key={side} value={side}>
            {side}
          </option>
        ))}
      </select>
    </label>
  );

  return (
    <dialog ref={dialog} class="large-view" aria-label={`Photo ${id}`} onClose={onClose}>
      <header>
        <h2 title={id}>{id}</h2>
        {onTurn !== null && (
          <>
            <button type="button" onClick={() => onTurn(-1)}>
              Previous
            </button>
            <button type="button" onClick={() => onTurn(1)}>
              Next
            </button>
          </>
        )}
        <button type="button" onClick={() => dialog.current!.close()}>
          Close
        </button>
      </header>
      {under !== null && over !== null && (
        <div
          class="wipe"
          style={{ '--wipe': `${wipe}%`, aspectRatio: `${under.width} / ${under.height}` }}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            wipeTo(event);
          }}
          onPointerMove={wipeTo}
        >
          <PixelCanvas pixels={under} label={`${right} of ${id}, to the right`} />
          <PixelCanvas pixels={over} class="wipe-over" label={`${left} of ${id}, to the left`} />
          <span class="wipe-line" aria-hidden="true" />
        </div>
      )}
      <Slider
        class="wipe-slider"
        max={100}
        value={wipe}
        text={`${wipe} % ${left}, the rest ${right}`}
        onValue={setWipe}
      >
        Wipe
      </Slider>
      <div class="wipe-sides">
        {choice('Left', left, setLeft)}
        {choice('Right', right, setRight)}
      </div>
      {children}
    </dialog>
  );
}
