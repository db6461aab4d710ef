import { createHash } from 'node:crypto';
import type { StoredOutcome } from '../grading/documents.ts';
import { forStudent } from '../grading/outcome-rules.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import type { ComponentDocument, EntryDocument, EntryForStudent, StudentOutcome } from './schemas.ts';

/** Staff manage the components they own or were added to; who oversees the institution manages all. */
export function canManage(
  user: Pick<Principal, 'user_id' | 'permissions'>,
  component: Pick<ComponentDocument, 'owner_user_ids'>,
): boolean {
  if (user.permissions.has('component:oversee')) return true;
  // Who was listed as an owner and is no member of staff any more manages nothing.
  return user.permissions.has('component:read') && component.owner_user_ids.includes(user.user_id);
}

/** The partition of `memberships` that lists every component, for administrators. */
export const institution = 'institution';

/** Whose list of components the caller reads: the own one, or the one of the institution. */
export function staffListOf(user: Pick<Principal, 'user_id' | 'permissions'>): string {
  return user.permissions.has('component:oversee') ? institution : user.user_id;
}

/** The entry as a student reads it: the rubric only where the entry says so. */
export function entryForStudent(entry: EntryDocument): Omit<EntryForStudent, 'student_state'> {
  return { ...entry, rubric_definition: entry.rubric_visible ? entry.rubric_definition : {} };
}

/**
 * The outcome as its student reads it. Scores per criterion tell what the rubric holds, so they go only where the
 * rubric itself may go.
 */
export function outcomeForStudent(outcome: StoredOutcome | null, isRubricVisible: boolean): StudentOutcome | null {
  if (outcome === null) return null;
  const shown = forStudent(outcome.outcome_data);
  return { ...outcome, outcome_data: isRubricVisible ? shown : { ...shown, criteria_scores: [] } };
}

/** What makes two answers the same answer: title and content, byte for byte. */
export function answerHash(answer: { submission_title: string; content: string }): string {
  return createHash('sha256')
    .update(JSON.stringify([answer.submission_title, answer.content]))
    .digest('hex');
}
