import { GradingJob } from '../../shared/grading/documents.ts';
import { defineWorker } from '../../shared/platform/define-job.ts';

export default defineWorker({
  name: 'grade-submission',
  queue: 'grading',
  summary: 'Grades one submission against its rubric and stores the outcome exactly once.',
  schema: GradingJob,
  handler: (job, { services, messageId }) => services.gradingJobs.run(job, messageId),
});
