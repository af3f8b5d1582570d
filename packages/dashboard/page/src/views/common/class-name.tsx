/** A class as it is named everywhere: its colour, then its words. */
import { nameOf } from '@unet-fleet/pictures/models/class-map';

interface ClassNameProps {
  index: number;
  names: readonly string[];
  colours: readonly string[];
}

export function ClassName({ index, names, colours }: ClassNameProps) {
  return (
    <>
      <span class="swatch" style={{ background: colours[index] }} aria-hidden="true" />
      {nameOf(names, index)}
    </>
  );
}
