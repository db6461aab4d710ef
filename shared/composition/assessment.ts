import type { LlmGateway } from '../adapters/llm/types.ts';
import { createAccess } from '../assessment/access.ts';
import { type ComponentsService, createComponentsService } from '../assessment/components-service.ts';
import { createCourses } from '../assessment/courses-repository.ts';
import { createCoursework } from '../assessment/coursework-repository.ts';
import { createMemberships, createPointers } from '../assessment/directory-repository.ts';
import { createEnrolmentService, type EnrolmentService } from '../assessment/enrolment-service.ts';
import { createEntriesService, type EntriesService } from '../assessment/entries-service.ts';
import { createProjections, type Projections } from '../assessment/projections.ts';
import { createStudyService, type StudyService } from '../assessment/study-service.ts';
import { createSubmissionsService, type SubmissionsService } from '../assessment/submissions-service.ts';
import { createGradingEngine } from '../grading/engine.ts';
import { createGradingJobService, type GradingJobService } from '../grading/job-service.ts';
import { createOutcomeService, type OutcomeService } from '../grading/outcome-service.ts';
import { createSweepService, type SweepService } from '../grading/sweep-service.ts';
import type { AccountsService } from '../identity/accounts-service.ts';
import type { AccountParts } from './accounts.ts';
import type { Foundation } from './foundation.ts';

export interface AssessmentServices {
  components: ComponentsService;
  entries: EntriesService;
  enrolment: EnrolmentService;
  study: StudyService;
  submissions: SubmissionsService;
  projections: Projections;
  outcomes: OutcomeService;
  gradingJobs: GradingJobService;
  sweeper: SweepService;
}

/** Courses, what students hand in, and its grades; grading writes the partitions of the coursework, so both are made here. */
export function createAssessment(
  { config, clock, ids, random, logger, cosmos, dispatcher }: Foundation,
  deps: { people: AccountParts; accountsService: AccountsService; llm: LlmGateway },
): AssessmentServices {
  const { roles } = deps.people;
  const courses = createCourses(cosmos.container('courses'));
  const coursework = createCoursework(cosmos.container('coursework'));
  const memberships = createMemberships(cosmos.container('memberships'));
  const pointers = createPointers(cosmos.container('pointers'));
  const access = createAccess({ courses, pointers });
  const engine = createGradingEngine({ llm: deps.llm });

  const common = { access, courses, coursework, memberships, accounts: deps.accountsService, clock };
  const components = createComponentsService({ ...common, roles });
  const enrolment = createEnrolmentService(common);
  return {
    components,
    entries: createEntriesService({ access, courses, memberships, pointers, clock }),
    enrolment,
    study: createStudyService({ courses, coursework, memberships, pointers, dispatcher, clock, ids }),
    submissions: createSubmissionsService({ access, coursework, memberships }),
    projections: createProjections({ components, enrolment, dispatcher }),
    outcomes: createOutcomeService({ access, coursework, courses, memberships, pointers, engine, clock, ids }),
    gradingJobs: createGradingJobService({
      coursework,
      courses,
      pointers,
      engine,
      dispatcher,
      clock,
      logger,
      random,
      policy: {
        baseS: config.GRADING_RETRY_BASE_S,
        capS: config.GRADING_RETRY_CAP_S,
        maxAgeS: config.GRADING_MAX_AGE_HOURS * 3600,
        maxBadOutputs: 5,
      },
    }),
    sweeper: createSweepService({ coursework, dispatcher, clock, logger }),
  };
}
