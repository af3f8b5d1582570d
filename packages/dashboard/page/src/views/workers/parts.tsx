/** How the parts of a step look: a colour and a pattern each, so that they are told apart without colours, too. */
import { coordinatorParts, type Part } from '@unet-fleet/pictures/models/step-parts';
import { partNames, rowParts } from './lane-layout.ts';

/** Lines of a pattern within a square of 8, drawn over the part's colour; '' for a plain one. */
const patterns: Record<Part, string> = {
  fetch: 'M-2 2l4 -4M0 8l8 -8M6 10l4 -4',
  data: 'M2 0v8M6 0v8',
  compute: '',
  send: 'M-2 6l4 4M0 0l8 8M6 -2l4 4',
  wait: '',
  reduce: 'M0 2h8M0 6h8',
  optimize: 'M2 0v8M0 2h8M6 0v8M0 6h8',
};

const allParts = [...rowParts, ...coordinatorParts];

/** The patterns themselves; `prefix` keeps the ids of two drawings apart. */
export function PartPatterns({ prefix }: { prefix: string }) {
  return (
    <defs>
      {allParts.map((part) => (
        <pattern key={part} id={`${prefix}-${part}`} width={8} height={8} patternUnits="userSpaceOnUse">
          <rect width={8} height={8} class={`part-${part}`} />
          <path d={patterns[part]} class="part-lines" />
        </pattern>
      ))}
    </defs>
  );
}

export const partFill = (prefix: string, part: Part): string => `url(#${prefix}-${part})`;

export function PartLegend() {
  return (
    <ul class="part-legend" aria-label="Parts of a step">
      {allParts.map((part) => (
        <li key={part}>
          <svg width={22} height={14} aria-hidden="true">
            <PartPatterns prefix={`legend-${part}`} />
            <rect width={22} height={14} fill={partFill(`legend-${part}`, part)} />
          </svg>
          {partNames[part]}
          {coordinatorParts.some((own) => own === part) && <span class="quiet">(coordinator)</span>}
        </li>
      ))}
    </ul>
  );
}
