import { defineChangeFeed } from '../../shared/platform/define-job.ts';

export default defineChangeFeed({
  name: 'follow-accounts',
  container: 'identity',
  summary:
    'Sends the e-mails that were stored but may not have been sent, and finishes invitations that were accepted.',
  handler: (documents, { services }) => services.accountChanges.follow(documents),
});
