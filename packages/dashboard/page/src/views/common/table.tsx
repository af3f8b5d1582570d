/** Parts of tables: a frame that scrolls, and the row of titles. */
import type { ComponentChildren } from 'preact';

/** Wider than a phone: it scrolls in a frame of its own, which the keyboard must reach. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region is scrolled by keys only if it takes the focus
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

export interface Column {
  title: string;
  isNumber?: boolean;
}

export const Titles = ({ columns }: { columns: readonly Column[] }) => (
  <>
    {columns.map(({ title, isNumber }) => (
      <th key={title} scope="col" class={isNumber ? 'number' : undefined}>
        {title}
      </th>
    ))}
  </>
);
