/** A picture of pixels: drawn when it changes, with words for those who do not see it. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Pixels } from './pixels.ts';
import './pictures.css';

export interface PixelCanvasProps {
  pixels: Pixels;
  /** What there is to see, in a sentence. */
  label: string;
  class?: string;
}

export function PixelCanvas({ pixels, label, class: className }: PixelCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const { width, height, data } = pixels;
    canvas.current!.getContext('2d')!.putImageData(new ImageData(data, width, height), 0, 0);
  }, [pixels]);
  return (
    <canvas
      ref={canvas}
      class={`pixels ${className ?? ''}`}
      width={pixels.width}
      height={pixels.height}
      role="img"
      aria-label={label}
    />
  );
}

/** With its title below. */
export const Picture = ({ caption, ...picture }: PixelCanvasProps & { caption: string }) => (
  <figure>
    <PixelCanvas {...picture} />
    <figcaption>{caption}</figcaption>
  </figure>
);
