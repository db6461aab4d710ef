import { defineChangeFeed } from '../../shared/platform/define-job.ts';

export default defineChangeFeed({
  name: 'follow-courses',
  container: 'courses',
  summary: 'Keeps the lists of components that people study or teach in line with the components.',
  handler: (documents, { services }) => services.projections.courses(documents),
});
