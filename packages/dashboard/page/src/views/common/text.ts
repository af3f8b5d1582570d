/** Names, shares and ages in the few characters that the views have for them. Pure. */

export const nameOf = (names: readonly string[], classIndex: number): string =>
  names[classIndex] ?? `class ${classIndex}`;

/** Two digits that mean something; never "0 %" for what is there, nor "100 %" for what is not all. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  if (value < 100 && value > 99.9) return '> 99.9 %';
  return `${value >= 10 ? value.toFixed(value === 100 ? 0 : 1) : value.toFixed(value === 0 ? 0 : 2)} %`;
}

/** How long ago; never negative, whatever the clocks say. */
export function agoText(iso: string, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - Date.parse(iso)) / 1000);
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}
