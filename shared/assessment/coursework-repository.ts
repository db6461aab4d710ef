import {
  type BatchOperation,
  type BatchRefusal,
  type Container,
  defineQuery,
  type QueryOptions,
  type QueryParameter,
} from '../adapters/cosmos/container.ts';
import type { LedgerDocument, ResultDocument } from '../grading/documents.ts';
import type { OutboxRecord } from '../platform/outbox.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { EnrolmentDocument, StateDocument, StudentPartition, SubmissionDocument } from './schemas.ts';

export const queries = {
  workOnEntry: defineQuery({
    name: 'work-on-entry',
    container: 'coursework',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'enrolment' OR (c.entry_id = @entry_id AND (c.type = 'state' OR (c.is_latest = true AND c.type IN ('submission', 'result'))))`,
    index: 'type; entry_id, is_latest',
  }),
  submitContext: defineQuery({
    name: 'submit-context',
    container: 'coursework',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'enrolment' OR (c.entry_id = @entry_id AND (c.type = 'state' OR (c.is_latest = true AND c.type = 'result')))`,
    index: 'type; entry_id, is_latest',
  }),
  workInCourse: defineQuery({
    name: 'work-in-course',
    container: 'coursework',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type IN ('enrolment', 'state') OR (c.is_latest = true AND c.type IN ('submission', 'result'))`,
    index: 'type; is_latest',
  }),
  submissionsOfStudent: defineQuery({
    name: 'submissions-of-student',
    container: 'coursework',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type IN ('submission', 'result') AND c.entry_id = @entry_id AND c.submission_id < @after ORDER BY c.submission_id DESC OFFSET @skip LIMIT @limit`,
    index: 'entry_id; submission_id',
  }),
  submissionWithResult: defineQuery({
    name: 'submission-with-result',
    container: 'coursework',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.submission_id = @submission_id AND c.type IN ('submission', 'result')`,
    index: 'submission_id',
  }),
  gradingContext: defineQuery({
    name: 'grading-context',
    container: 'coursework',
    scope: 'partition',
    text: `SELECT * FROM c WHERE (c.submission_id = @submission_id AND c.type IN ('submission', 'result')) OR (c.entry_id = @entry_id AND c.type = 'state') OR c.id = @outbox_id`,
    index: 'submission_id; entry_id; id',
  }),
  ledger: defineQuery({
    name: 'ledger',
    container: 'coursework',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'ledger' AND c.submission_id = @submission_id ORDER BY c.seq`,
    index: 'submission_id, seq',
  }),
  enrolments: defineQuery({
    name: 'enrolments',
    container: 'coursework',
    scope: 'prefix',
    text: `SELECT VALUE c.student_user_id FROM c WHERE c.type = 'enrolment' AND c.is_active = true`,
    index: 'type',
  }),
  statesOfEntry: defineQuery({
    name: 'states-of-entry',
    container: 'coursework',
    scope: 'prefix',
    text: `SELECT * FROM c WHERE c.entry_id = @entry_id AND (c.type = 'state' OR (c.is_latest = true AND c.type IN ('submission', 'result')))`,
    index: 'entry_id; type',
  }),
  submissionsOfEntry: defineQuery({
    name: 'submissions-of-entry',
    container: 'coursework',
    scope: 'prefix',
    text: `SELECT * FROM c WHERE c.type IN ('submission', 'result') AND c.entry_id = @entry_id AND (@student_user_id = '' OR c.student_user_id = @student_user_id) AND c.submission_id < @after ORDER BY c.submission_id DESC OFFSET @skip LIMIT @limit`,
    index: 'entry_id; submission_id',
  }),
  submissionsOfCourses: defineQuery({
    name: 'submissions-of-courses',
    container: 'coursework',
    scope: 'cross-partition',
    text: `SELECT * FROM c WHERE c.type IN ('submission', 'result') AND ARRAY_CONTAINS(@comp_ids, c.comp_id) AND (@student_user_id = '' OR c.student_user_id = @student_user_id) AND c.submission_id < @after ORDER BY c.submission_id DESC OFFSET @skip LIMIT @limit`,
    index: 'comp_id; submission_id',
  }),
  submissionsOfPerson: defineQuery({
    name: 'submissions-of-person',
    container: 'coursework',
    scope: 'cross-partition',
    text: `SELECT * FROM c WHERE c.type IN ('submission', 'result') AND c.student_user_id = @student_user_id AND c.submission_id < @after ORDER BY c.submission_id DESC OFFSET @skip LIMIT @limit`,
    index: 'student_user_id; submission_id',
  }),
  attention: defineQuery({
    name: 'grading-attention',
    container: 'coursework',
    scope: 'cross-partition',
    text: `SELECT * FROM c WHERE c.type = 'result' AND c.status = 'needs_attention' AND ARRAY_CONTAINS(@comp_ids, c.comp_id) AND c.submission_id > @after ORDER BY c.submission_id OFFSET @skip LIMIT @limit`,
    index: 'type, submission_id; status',
  }),
  overdueOutbox: defineQuery({
    name: 'overdue-outbox',
    container: 'coursework',
    scope: 'cross-partition',
    text: `SELECT * FROM c WHERE c.type = 'outbox' AND c.deadline < @now OFFSET 0 LIMIT 500`,
    index: 'type, deadline',
  }),
};

/** All documents of the container, as a union. */
export type WorkDocument =
  | EnrolmentDocument
  | StateDocument
  | SubmissionDocument
  | ResultDocument
  | LedgerDocument
  | (OutboxRecord & StudentPartition);

/** Documents of one query, by type. */
export interface WorkSet {
  enrolment: EnrolmentDocument | undefined;
  states: StateDocument[];
  submissions: SubmissionDocument[];
  results: ResultDocument[];
  outbox: (OutboxRecord & StudentPartition) | undefined;
}

function sortOut(documents: readonly WorkDocument[]): WorkSet {
  return {
    enrolment: documents.find((doc) => doc.type === 'enrolment'),
    states: documents.filter((doc) => doc.type === 'state'),
    submissions: documents.filter((doc) => doc.type === 'submission'),
    results: documents.filter((doc) => doc.type === 'result'),
    outbox: documents.find((doc) => doc.type === 'outbox'),
  };
}

/** A submission and its changing part. */
export interface HandedIn {
  submission: SubmissionDocument;
  result: ResultDocument | undefined;
}

function pairUp(documents: readonly (SubmissionDocument | ResultDocument)[]): HandedIn[] {
  const results = new Map(documents.flatMap((doc) => (doc.type === 'result' ? [[doc.submission_id, doc]] : [])));
  return documents.flatMap((doc) =>
    doc.type === 'submission' ? [{ submission: doc, result: results.get(doc.submission_id) }] : [],
  );
}

export interface Coursework {
  /** A student's work on one entry: enrolment, state, latest submission and result. */
  onEntry(at: StudentPartition, entryId: string): Promise<WorkSet>;
  /** The same without the submission's text, for handing in. */
  submitContext(at: StudentPartition, entryId: string): Promise<WorkSet>;
  /** A student's work on all entries of a component. */
  inCourse(at: StudentPartition): Promise<WorkSet>;
  /** A student's submissions to one entry, newest first. */
  submissionsOfStudent(at: StudentPartition, entryId: string, paging: Paging): Promise<HandedIn[]>;
  /** One submission with its result. */
  submission(at: StudentPartition, submissionId: string): Promise<WorkSet>;
  /** All that a grading reads and changes. */
  gradingContext(
    at: StudentPartition,
    ids: { submission_id: string; entry_id: string; outbox_id: string },
  ): Promise<WorkSet>;
  result(at: StudentPartition, resultId: string): Promise<ResultDocument | undefined>;
  ledger(at: StudentPartition, submissionId: string): Promise<LedgerDocument[]>;
  enrolment(at: StudentPartition): Promise<EnrolmentDocument | undefined>;
  enrolledIds(compId: string): Promise<string[]>;
  statesOfEntry(compId: string, entryId: string): Promise<WorkSet>;
  /** Newest first; an empty student id means all students. */
  submissionsOfEntry(
    compId: string,
    filter: { entry_id: string; student_user_id: string },
    paging: Paging,
  ): Promise<HandedIn[]>;
  submissionsOfCourses(compIds: readonly string[], studentId: string, paging: Paging): Promise<HandedIn[]>;
  submissionsOfPerson(studentId: string, paging: Paging): Promise<HandedIn[]>;
  needingAttention(compIds: readonly string[], paging: Paging): Promise<ResultDocument[]>;
  overdueOutbox(nowIso: string): Promise<(OutboxRecord & StudentPartition)[]>;
  /** All or nothing in one student's partition of one component. */
  tryBatch(at: StudentPartition, operations: readonly BatchOperation[]): Promise<BatchRefusal | undefined>;
}

export function createCoursework(container: Container): Coursework {
  const key = (at: StudentPartition) => [at.comp_id, at.student_user_id];
  const inPartition = async (
    at: StudentPartition,
    query: (typeof queries)[keyof typeof queries],
    parameters: QueryParameter[],
  ) => sortOut(await container.query<WorkDocument>(query, { pk: key(at), parameters }));
  const entryParameter = (entryId: string) => [{ name: '@entry_id', value: entryId }];
  /** A submission and its result are stored together under one submission id, so a page of both is one query. */
  const pairs = async (
    query: (typeof queries)[keyof typeof queries],
    pk: QueryOptions['pk'],
    paging: Paging,
    parameters: QueryParameter[],
  ) => {
    const doubled = { ...paging, skip: 2 * paging.skip, limit: 2 * paging.limit + 1 };
    return pairUp(
      await container.query<SubmissionDocument | ResultDocument>(query, {
        pk,
        parameters: [...pageParameters(doubled, 'newest-first'), ...parameters],
      }),
    );
  };
  const studentParameter = (studentId: string) => ({ name: '@student_user_id', value: studentId });

  return {
    onEntry: (at, entryId) => inPartition(at, queries.workOnEntry, entryParameter(entryId)),
    submitContext: (at, entryId) => inPartition(at, queries.submitContext, entryParameter(entryId)),
    inCourse: (at) => inPartition(at, queries.workInCourse, []),
    submissionsOfStudent: (at, entryId, paging) =>
      pairs(queries.submissionsOfStudent, key(at), paging, entryParameter(entryId)),
    submission: (at, submissionId) =>
      inPartition(at, queries.submissionWithResult, [{ name: '@submission_id', value: submissionId }]),
    gradingContext: (at, ids) =>
      inPartition(at, queries.gradingContext, [
        { name: '@submission_id', value: ids.submission_id },
        { name: '@entry_id', value: ids.entry_id },
        { name: '@outbox_id', value: ids.outbox_id },
      ]),
    result: (at, id) => container.read<ResultDocument>(id, key(at)),
    ledger: (at, submissionId) =>
      container.query<LedgerDocument>(queries.ledger, {
        pk: key(at),
        parameters: [{ name: '@submission_id', value: submissionId }],
      }),
    enrolment: (at) => container.read<EnrolmentDocument>('enrolment', key(at)),
    enrolledIds: (compId) => container.query<string>(queries.enrolments, { pk: [compId], parameters: [] }),
    async statesOfEntry(compId, entryId) {
      return sortOut(
        await container.query<WorkDocument>(queries.statesOfEntry, {
          pk: [compId],
          parameters: entryParameter(entryId),
        }),
      );
    },
    submissionsOfEntry: (compId, filter, paging) =>
      pairs(queries.submissionsOfEntry, [compId], paging, [
        studentParameter(filter.student_user_id),
        ...entryParameter(filter.entry_id),
      ]),
    submissionsOfCourses: (compIds, studentId, paging) =>
      pairs(queries.submissionsOfCourses, 'cross-partition', paging, [
        studentParameter(studentId),
        { name: '@comp_ids', value: compIds },
      ]),
    submissionsOfPerson: (studentId, paging) =>
      pairs(queries.submissionsOfPerson, 'cross-partition', paging, [studentParameter(studentId)]),
    needingAttention: (compIds, paging) =>
      container.query<ResultDocument>(queries.attention, {
        pk: 'cross-partition',
        parameters: [...pageParameters(paging, 'oldest-first'), { name: '@comp_ids', value: compIds }],
      }),
    overdueOutbox: (nowIso) =>
      container.query<OutboxRecord & StudentPartition>(queries.overdueOutbox, {
        pk: 'cross-partition',
        parameters: [{ name: '@now', value: nowIso }],
      }),
    tryBatch: (at, operations) => container.tryBatch(key(at), operations),
  };
}
