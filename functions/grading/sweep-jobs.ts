import { defineTimer } from '../../shared/platform/define-job.ts';

export default defineTimer({
  name: 'sweep-jobs',
  schedule: '0 * * * * *',
  summary: 'Every minute: sends again, or hands to a person, the jobs that nobody moved on before their deadline.',
  handler: ({ services }) => services.sweeper.sweep(),
});
