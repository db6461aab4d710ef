import { defineChangeFeed } from '../../shared/platform/define-job.ts';

export default defineChangeFeed({
  name: 'follow-coursework',
  container: 'coursework',
  summary: 'Sends the messages that were stored but may not have been sent, and keeps the rows of enrolled students.',
  handler: (documents, { services }) => services.projections.coursework(documents),
});
