/**
 * Options that belong to the entries of a registry: an optimizer's momentum, a schedule's patience. An entry names those it
 * has; schema, types, help, docs and the check that a given one has an effect follow. Entries that have an option alike
 * share its specification, which tells by the entries with it what it goes with.
 */
import type { OptionSpec } from './option-spec.ts';

type Specification<T> = Omit<OptionSpec<T>, 'env' | 'onlyWith'>;

/** An option as an entry gives it. */
export type NumberOption = Specification<number>;
export type EntryOption = NumberOption | Specification<boolean> | Specification<string>;
export type EntryOptions = Readonly<Record<string, EntryOption>>;

type ValueOf<O> = O extends { default: infer T }
  ? T extends number
    ? number
    : T extends boolean
      ? boolean
      : string
  : never;

/** What the options are in a config. */
export type ValuesOf<O extends EntryOptions> = { -readonly [K in keyof O]: ValueOf<O[K]> };

type Registry = Readonly<Record<string, { options: EntryOptions }>>;
type AllOf<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;
type OptionsOf<R extends Registry> = AllOf<R[keyof R]['options']>;

/** Values of the options of all entries. */
export type RegistryValues<R extends Registry> = {
  -readonly [K in keyof OptionsOf<R>]: ValueOf<OptionsOf<R>[K]>;
};

/** Names of the options of all entries that a run which has begun may be given anew. */
export type ChangeableKeys<R extends Registry> = {
  [K in keyof OptionsOf<R>]: OptionsOf<R>[K] extends { changeable: true } ? K : never;
}[keyof OptionsOf<R>];

type SchemaOptions<R extends Registry> = {
  [K in keyof RegistryValues<R>]: Omit<OptionSpec<RegistryValues<R>[K]>, 'env'>;
};

/**
 * The options of all entries for the schema, in the order in which entries name them first. `chooser` is the option that
 * chooses the entry. Throws where two entries have one name for two options.
 */
export function optionsOf<R extends Registry>(chooser: string, registry: R): SchemaOptions<R> {
  const found = new Map<string, { option: EntryOption; values: string[] }>();
  for (const [name, { options }] of Object.entries(registry)) {
    for (const [key, option] of Object.entries(options)) {
      const before = found.get(key);
      if (before === undefined) found.set(key, { option, values: [name] });
      else if (before.option === option) before.values.push(name);
      else throw new Error(`${before.values[0]} and ${name} have two options with the name ${key}`);
    }
  }
  const numEntries = Object.keys(registry).length;
  const inSchema = [...found].map(([key, { option, values }]) => [
    key,
    // What all have always has an effect.
    values.length === numEntries ? option : { ...option, onlyWith: { key: chooser, values } },
  ]);
  return Object.fromEntries(inSchema) as SchemaOptions<R>;
}
