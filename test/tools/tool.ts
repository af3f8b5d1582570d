/**
 * What a check needs of the machine, and the look for all of it before the first work. What it keeps true: whoever starts
 * a check learns at once of everything that is missing and how to have it, and a check that was not made is no success.
 */

export interface Tool {
  /** As a person knows it. */
  name: string;
  /** What it is there for, after "for". */
  why: string;
  /** How to have it, as an order to a person. */
  remedy: string;
  /** Debian's packages that bring it, for --install. */
  packages?: readonly string[];
  /** Path of a program, or '' for what has none; null where it is not there. */
  find(): string | null | Promise<string | null>;
  /** How it comes into the user's cache where the machine has none; needs other tools. */
  fetch?: { by: readonly Tool[]; run(tell: Tell): Promise<string> };
  /** The part of the check that can't be made without it, where the rest can. */
  part?: string;
}

export type Tell = (text: string) => void;

export interface Look {
  /** By name: paths of what is there. */
  found: Map<string, string>;
  missing: Tool[];
  /** Not there, and to be fetched; all that this takes is there. */
  toFetch: Tool[];
}

/** Looks for every tool; fetches and starts nothing. */
export async function lookFor(tools: readonly Tool[]): Promise<Look> {
  const look: Look = { found: new Map(), missing: [], toFetch: [] };
  for (const tool of tools) {
    const path = await tool.find();
    if (path !== null) look.found.set(tool.name, path);
    else if (tool.fetch && (await lookFor(tool.fetch.by)).missing.length === 0) look.toFetch.push(tool);
    else look.missing.push(tool);
  }
  return look;
}

/** What is missing, what for, and how to have it: a line each. */
export function textOf(check: string, missing: readonly Tool[]): string {
  const widthOf = (of: (tool: Tool) => string) => Math.max(...missing.map((tool) => of(tool).length));
  const [names, whys] = [widthOf(({ name }) => name), widthOf(({ why }) => why)];
  const lines = missing.map(
    ({ name, why, remedy }) => `  ${name.padEnd(names)}  for ${why.padEnd(whys)}  ${remedy}`,
  );
  const what = missing.length === 1 ? 'something is' : `${missing.length} things are`;
  return [`${check}: ${what} missing here:`, ...lines].join('\n');
}

/** Debian's packages of these tools, each once, as apt-get takes them. */
export const packagesOf = (tools: readonly Tool[]): string[] => [
  ...new Set(tools.flatMap(({ packages = [] }) => packages)),
];
