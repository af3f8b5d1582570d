/** The page's links among the lines that a run prints, as a person would copy them. */
export interface Links {
  /** For whoever may look. */
  viewLink: string;
  /** For whoever may steer as well. */
  controlLink: string;
}

/** null: not printed yet. */
export function linksIn(said: string): Links | null {
  const lines = said.split('\n').filter((line) => /https?:\/\/\S+/.test(line));
  const linkOf = (line: string | undefined) => line?.match(/https?:\/\/\S+/)?.[0];
  const controlLink = linkOf(lines.find((line) => /control/i.test(line)));
  const viewLink = linkOf(lines.find((line) => !/control/i.test(line)));
  return viewLink && controlLink ? { viewLink, controlLink } : null;
}
