import type { Lab } from './client.ts';

export interface WireEvent {
  id: string;
  action: string;
  actor: { id: string | null };
  detail: Record<string, unknown>;
}

/** What the audit trail says of something, or will say once the change feed has come by; oldest first. */
export async function eventsAbout(lab: Lab, targetId: string): Promise<WireEvent[]> {
  const parameters = [{ name: '@id', value: targetId }];
  const ask = async (container: string, query: string) =>
    (await lab.container(container).items.query<WireEvent>({ query, parameters }).fetchAll()).resources;
  // What still waits first: what is appended in between is then there twice, and never missing.
  const waiting = await ask('identity', 'SELECT VALUE c.event FROM c WHERE c.event.target.id = @id');
  const appended = await ask('audit', 'SELECT * FROM c WHERE c.target.id = @id');
  const events = new Map([...appended, ...waiting].map((event) => [event.id, event]));
  return [...events.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
