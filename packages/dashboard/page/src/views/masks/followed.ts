/** Which photos are followed, and found among many. Pure. */

/** What is followed after a photo was ticked or unticked: the order in which they were picked, at most `max`. */
export function toggled(ids: readonly string[], id: string, max: number): readonly string[] {
  if (ids.includes(id)) return ids.filter((other) => other !== id);
  return ids.length < max ? [...ids, id] : ids;
}

/** Ids that contain all words of the search, in their order; at most `max`, with how many there are in all. */
export function searchIds(
  ids: readonly string[],
  search: string,
  max: number,
): { found: string[]; numFound: number } {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = ids.filter((id) => words.every((word) => id.toLowerCase().includes(word)));
  return { found: found.slice(0, max), numFound: found.length };
}
