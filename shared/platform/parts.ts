/** The apps that one package is deployed as, and `all` of it in one process. */
export const parts = ['all', 'api', 'worker'] as const;

export type Part = (typeof parts)[number];

/**
 * Queues wait for models, and whatever answers people must not wait with them. Timers and change feeds are short and send what
 * HTTP left behind, so they go with it, and the worker needs no right to their containers.
 */
export function partOf(item: { kind: 'endpoint' | 'worker' | 'timer' | 'change-feed' }): Exclude<Part, 'all'> {
  return item.kind === 'worker' ? 'worker' : 'api';
}
