import { defineChangeFeed } from '../../shared/platform/define-job.ts';

export default defineChangeFeed({
  name: 'follow-identity',
  container: 'identity',
  summary: 'Appends what was recorded beside accounts, sessions and keys to the audit trail.',
  handler: (documents, { services }) => services.auditAppend.follow(documents),
});
