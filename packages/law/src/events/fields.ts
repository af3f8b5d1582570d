/**
 * What fields of events hold: each is the check that a value in a line must pass, with two types. What is told has the
 * one; what is read, maybe of an older version's file, has the other.
 */
export interface Field<Told, Read = Told> {
  (value: unknown): boolean;
  /** In types alone. */
  readonly types?: [Told, Read];
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
type TypesOf<F> = F extends Field<infer Told, infer Read> ? { told: Told; read: Read } : never;
type Of<F, Side extends 'told' | 'read'> = TypesOf<F>[Side];
type Optional<F, Side extends 'told' | 'read'> = {
  [K in keyof F]: undefined extends Of<F[K], Side> ? K : never;
}[keyof F];

/** An object with these fields; those that may be undefined may be absent. */
type Holding<F, Side extends 'told' | 'read'> = {
  [K in Exclude<keyof F, Optional<F, Side>>]: Of<F[K], Side>;
} & { [K in Optional<F, Side>]?: Exclude<Of<F[K], Side>, undefined> };

export type Told<F> = Holding<F, 'told'>;
export type Read<F> = Holding<F, 'read'>;

export const number: Field<number> = Number.isFinite;
export const text: Field<string> = (value) => typeof value === 'string';
export const yesOrNo: Field<boolean> = (value) => typeof value === 'boolean';
/** null where there is none. */
export const figure: Field<number | null> = (value) => value === null || number(value);
export const textOrNone: Field<string | null> = (value) => value === null || text(value);
/** What was not finite is null in JSON. */
export const measured: Field<number, number | null> = figure as Field<never>;

export const oneOf =
  <const T extends string>(...names: T[]): Field<T> =>
  (value) =>
    names.some((name) => name === value);

/** It may be absent. */
export const maybe =
  <T, R>(field: Field<T, R>): Field<T | undefined, R | undefined> =>
  (value) =>
    value === undefined || field(value);

/** Whoever tells the event has it; in lines of older versions it may be absent. */
export const newer = <T, R>(field: Field<T, R>): Field<T, R | undefined> => maybe(field) as Field<never>;

export const list =
  <T, R>(field: Field<T, R>): Field<T[], R[]> =>
  (value) =>
    Array.isArray(value) && value.every(field);

export const object =
  <F extends Fields>(fields: F): Field<Told<F>, Read<F>> =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(fields).every(([name, field]) => field((value as Record<string, unknown>)[name]));
