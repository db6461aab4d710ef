import { z } from 'zod';
import { PersonOutcomeData } from '../grading/person-rules.ts';
import { EntryStatus, GradingState, OutcomeData, StudentOutcomeData } from '../grading/schemas.ts';
import { Id, Timestamp } from '../platform/schemas.ts';

const Title = z.string().trim().min(1, 'must not be empty').max(255, 'must have 255 characters or fewer');
const LongText = z.string().max(100_000, 'must have 100000 characters or fewer');

/** The largest rubric definition as JSON text; far above any rubric that a person reads. */
export const rubricDefinitionBytesMax = 300_000;
/** The largest answer, in bytes of UTF-8. */
export const answerBytesMax = 1_048_576;

const RubricDefinition = z
  .record(z.string(), z.unknown())
  .refine((rubric) => JSON.stringify(rubric).length <= rubricDefinitionBytesMax, 'is too large')
  .describe(
    '`{criteria: [{text, marks}], performance_levels: [{text}], cell_descriptions: string[][]}`, kept as it was given',
  );

// ---- wire: what clients send ----

export const ComponentCreate = z
  .object({
    comp_name: Title,
    general_instructions: LongText.nullish().describe('Rich text, sanitised'),
    owner_user_ids: z
      .array(Id)
      .min(1)
      .max(50)
      .optional()
      .describe('Staff who may see and change it; the author when absent'),
  })
  .meta({ id: 'ComponentCreate', description: 'A new component.' });
export type ComponentCreate = z.output<typeof ComponentCreate>;

export const ComponentUpdate = ComponentCreate.partial().meta({
  id: 'ComponentUpdate',
  description: 'What is absent stays as it is.',
});
export type ComponentUpdate = z.output<typeof ComponentUpdate>;

const entryFields = {
  entry_title: Title,
  instructions: LongText.nullish().describe('Rich text, sanitised'),
  rubric_definition: RubricDefinition.optional(),
  rubric_visible: z.boolean().optional().describe('Whether students may read the rubric; false unless said'),
};

export const EntryCreate = z
  .object({ flex_age_comp_id: Id.describe('The component it belongs to'), ...entryFields })
  .meta({ id: 'EntryCreate', description: 'A new entry of a component.' });
export type EntryCreate = z.output<typeof EntryCreate>;

export const EntryUpdate = z.object(entryFields).partial().meta({
  id: 'EntryUpdate',
  description: 'What is absent stays as it is; an entry never moves to another component.',
});
export type EntryUpdate = z.output<typeof EntryUpdate>;

export const EnrolmentRequest = z
  .object({ student_user_id: Id, flex_age_comp_id: Id })
  .meta({ id: 'EnrolmentRequest', description: 'A student and a component.' });

export const SubmissionCreate = z
  .object({
    submission_title: Title,
    content: z.string().min(1, 'must not be empty').describe('Rich text, sanitised; at most 1 MB'),
  })
  .meta({ id: 'SubmissionCreate', description: 'An answer to an entry.' });
export type SubmissionCreate = z.output<typeof SubmissionCreate>;

export const OutcomeUpdate = z
  .object({
    outcome_data: PersonOutcomeData,
    reason: z.string().trim().max(2000).nullish().describe('Why; kept in the ledger'),
  })
  .meta({ id: 'OutcomeUpdate', description: "A person's outcome." });
export type OutcomeUpdate = z.output<typeof OutcomeUpdate>;

// ---- wire: what clients get ----

export const Component = z
  .object({
    comp_id: Id,
    comp_name: z.string(),
    general_instructions: z.string().nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'Component', description: 'A component: a course or a part of one.' });
export type Component = z.output<typeof Component>;

export const StaffComponent = Component.extend({
  owner_user_ids: z.array(Id).describe('Staff who may see and change it'),
  created_by_user_id: Id,
}).meta({ id: 'StaffComponent', description: 'A component as staff see it.' });

export const Entry = z
  .object({
    entry_id: Id,
    flex_age_comp_id: Id,
    entry_title: z.string(),
    instructions: z.string().nullable(),
    rubric_definition: z.record(z.string(), z.unknown()),
    rubric_visible: z.boolean().describe('Whether students may read the rubric'),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'Entry', description: 'A task with its rubric.' });
export type Entry = z.output<typeof Entry>;

export const Outcome = z
  .object({
    outcome_id: Id,
    submission_id: Id,
    outcome_data: OutcomeData,
    is_llm_generated: z.boolean().describe('False once a person has set it'),
    generated_at: Timestamp,
  })
  .meta({ id: 'Outcome', description: 'The result of grading one submission.' });
export type Outcome = z.output<typeof Outcome>;

export const StudentOutcome = Outcome.extend({ outcome_data: StudentOutcomeData }).meta({
  id: 'StudentOutcome',
  description: 'The result as its student may read it.',
});
export type StudentOutcome = z.output<typeof StudentOutcome>;

export const AttentionItem = z
  .object({
    submission_id: Id,
    entry_id: Id,
    comp_id: Id,
    student_user_id: Id,
    grading: GradingState,
    updated_at: Timestamp.describe('When the machine gave up'),
  })
  .meta({ id: 'AttentionItem', description: 'A submission that the machine cannot grade.' });

const submissionFields = {
  submission_id: Id,
  entry_id: Id,
  student_user_id: Id,
  student_name: z.string().nullable().describe('Full name, else username, when the work was handed in'),
  submission_title: z.string(),
  content: z.string().describe('Sanitised HTML'),
  submitted_at: Timestamp,
  grading: GradingState,
};

export const Submission = z
  .object({ ...submissionFields, outcome: Outcome.nullable() })
  .meta({ id: 'Submission', description: 'An answer that a student handed in.' });
export type Submission = z.output<typeof Submission>;

export const StudentSubmission = z
  .object({ ...submissionFields, outcome: StudentOutcome.nullable() })
  .meta({ id: 'StudentSubmission', description: 'An answer as its student may read it.' });
export type StudentSubmission = z.output<typeof StudentSubmission>;

const stateFields = {
  state_id: Id,
  entry_id: Id,
  student_user_id: Id,
  status: EntryStatus,
  created_at: Timestamp,
  updated_at: Timestamp,
};

export const StudentState = z
  .object({ ...stateFields, submission: Submission.nullable().describe('The latest one') })
  .meta({ id: 'StudentState', description: "Where one student's work on an entry stands." });
export type StudentState = z.output<typeof StudentState>;

export const OwnState = z
  .object({ ...stateFields, submission: StudentSubmission.nullable().describe('The latest one') })
  .meta({ id: 'OwnState', description: "Where the caller's work on an entry stands." });

export const EntryForStudent = Entry.extend({ student_state: OwnState.nullable() }).meta({
  id: 'EntryForStudent',
  description: 'A task with the work of the caller; `rubric_definition` is `{}` unless the rubric is visible.',
});
export type EntryForStudent = z.output<typeof EntryForStudent>;

// ---- stored documents ----

interface Stored {
  id: string;
  schema_version: 1;
  _etag?: string;
}

/** Container `courses`. */
export interface ComponentDocument extends Stored, z.output<typeof StaffComponent> {
  type: 'component';
  /** Counts the changes, so that copies of it (memberships) never go back. */
  version: number;
  /** A deleted component stays for audit and answers 404. */
  deleted_at: string | null;
}

/** Container `courses`. */
export interface EntryDocument extends Stored, Entry {
  type: 'entry';
  comp_id: string;
  rubric_hash: string;
  created_by_user_id: string;
  deleted_at: string | null;
}

/** Container `courses`: every version of a rubric that a grading may refer to by its hash. */
export interface RubricDocument extends Stored {
  type: 'rubric';
  comp_id: string;
  rubric_hash: string;
  rubric_definition: Record<string, unknown>;
}

/** What all documents of container `coursework` share: their hierarchical partition key. */
export interface StudentPartition {
  comp_id: string;
  student_user_id: string;
}

export interface EnrolmentDocument extends Stored, StudentPartition {
  id: 'enrolment';
  type: 'enrolment';
  is_active: boolean;
  enrolled_by_user_id: string;
  created_at: string;
  updated_at: string;
}

export interface StateDocument extends Stored, StudentPartition {
  type: 'state';
  state_id: string;
  entry_id: string;
  status: EntryStatus;
  latest_submission_id: string | null;
  /** SHA-256 of title and content of the latest submission, to recognise the same answer sent twice. */
  latest_hash: string | null;
  created_at: string;
  updated_at: string;
}

export interface SubmissionDocument extends Stored, StudentPartition {
  type: 'submission';
  submission_id: string;
  entry_id: string;
  is_latest: boolean;
  student_name: string | null;
  submission_title: string;
  content: string;
  submitted_at: string;
}

/** Container `memberships`: one row per person and component that the person studies or teaches. */
export interface MembershipDocument extends Stored {
  type: 'membership';
  user_id: string;
  kind: 'student' | 'staff';
  comp_id: string;
  comp_version: number;
  component: z.output<typeof StaffComponent>;
}

/** Container `pointers`: where the document with this id lies. Never changed. */
export interface PointerDocument extends Stored {
  type: 'entry' | 'submission' | 'outcome';
  comp_id: string;
  student_user_id?: string;
  entry_id?: string;
  submission_id?: string;
}
