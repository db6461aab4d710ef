import { MailJob } from '../../shared/mail/job-schemas.ts';
import { defineWorker } from '../../shared/platform/define-job.ts';

export default defineWorker({
  name: 'send-mail',
  queue: 'notifications',
  summary: 'Writes one e-mail about an account and hands it to the e-mail service.',
  schema: MailJob,
  handler: (job, { services }) => services.mail.deliver(job),
});
