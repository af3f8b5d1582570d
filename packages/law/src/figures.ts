/** Figures as people read them, the same in the terminal, on the live page and in reports. Pure. */

/** 950 -> "1s", 65_000 -> "1m 05s", 3_725_000 -> "1h 02m". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${twoDigits(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
}

/** 1_240 -> "1.2 s": for what is compared with something as short. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** A part of a step: "3.4 ms", "340 ms", "1.2 s", "1m 05s". */
export function shortTime(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : duration(ms);
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** 31037698 -> "31,037,698". */
export const whole = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

/** "1 worker", "2 workers". */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${whole(value)} ${value === 1 ? one : many}`;

/** A loss: four decimals, as many training logs have; NaN and infinities by name, since they are worth seeing. */
export const lossText = (value: number | null): string => figureText(value, 4);

/** A share between 0 and 1, such as a mean IoU. */
export const shareText = (value: number | null): string => figureText(value, 3);

/** null: nothing counted, so there is none. */
const figureText = (value: number | null, numDecimals: number): string =>
  value === null ? 'none' : Number.isFinite(value) ? value.toFixed(numDecimals) : String(value);

/** Three significant digits without trailing zeros: 0.001, 1e-8, 0.0000316 -> "3.16e-5". */
export function compact(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-3 && magnitude < 1e6) return String(Number(value.toPrecision(3)));
  return value
    .toExponential(2)
    .replace(/\.?0*e/, 'e')
    .replace('e+', 'e');
}

/** Images per second: more digits where it is slow. */
export const rateText = (perSecond: number): string =>
  `${perSecond.toFixed(perSecond < 10 ? 2 : 0)} images/s`;

/** 1_240_000 -> "1.2 MB". */
export function bytes(value: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [scaled, power] = [value, 0];
  for (; scaled >= 1_000 && power < units.length - 1; power++) scaled /= 1_000;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`;
}
