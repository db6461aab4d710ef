function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** The value below which `percent` of the values lie (nearest rank). @throws RangeError without values. */
export function percentile(values: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * values.length));
  const value = sorted(values)[rank - 1];
  if (value === undefined) throw new RangeError('There is nothing to take a percentile of.');
  return value;
}

export function median(values: readonly number[]): number {
  const order = sorted(values);
  const upper = order[Math.floor(order.length / 2)];
  const lower = order[Math.floor((order.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('There is nothing to take a median of.');
  return (lower + upper) / 2;
}

/** Smallest and largest, for a reader who wants to know how much the machine varied. */
export function spread(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
}
