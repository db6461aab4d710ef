import type { Lab } from './client.ts';

export interface WireEvent {
  id: string;
  at: string;
  action: string;
  actor: { id: string | null; via: string };
  target: { type: string; id: string | null };
  result: string;
  detail: Record<string, unknown>;
}

/** What the audit trail says, or will say once the change feed has come by; oldest first. */
export async function auditEvents(lab: Pick<Lab, 'container'>): Promise<WireEvent[]> {
  const ask = async (container: string, query: string) =>
    (await lab.container(container).items.query<WireEvent>(query).fetchAll()).resources;
  // What still waits first: what is appended in between is then there twice, and never missing.
  const waiting = await ask('identity', "SELECT VALUE c.event FROM c WHERE c.type = 'audit_outbox'");
  const appended = await ask('audit', "SELECT * FROM c WHERE c.type = 'audit_event'");
  const events = new Map([...appended, ...waiting].map((event) => [event.id, event]));
  return [...events.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** The events whose target this is. */
export async function eventsAbout(lab: Pick<Lab, 'container'>, targetId: string): Promise<WireEvent[]> {
  return (await auditEvents(lab)).filter((event) => event.target.id === targetId);
}
