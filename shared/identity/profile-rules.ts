/** How much somebody may keep under `preferences`: enough for the settings of every client, too little for a data store. */
export const preferenceLimits = { charactersMax: 16_384, depthMax: 6, entriesMax: 500 } as const;

/** How deep objects and lists nest in a JSON value, and how many entries they have together. */
function extentOf(value: unknown): { depth: number; entries: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, entries: 0 };
  const within = Object.values(value).map(extentOf);
  return {
    depth: 1 + Math.max(0, ...within.map(({ depth }) => depth)),
    entries: within.length + within.reduce((sum, { entries }) => sum + entries, 0),
  };
}

/** Why preferences are too large to be kept; undefined when they are not. The value is JSON of at most 64 levels. */
export function preferencesProblem(preferences: object): string | undefined {
  const { charactersMax, depthMax, entriesMax } = preferenceLimits;
  const { depth, entries } = extentOf(preferences);
  if (depth > depthMax) return `must not nest deeper than ${depthMax} levels`;
  if (entries > entriesMax) return `must not have more than ${entriesMax} entries`;
  if (JSON.stringify(preferences).length > charactersMax)
    return `must not be longer than ${charactersMax} characters as JSON`;
  return undefined;
}
