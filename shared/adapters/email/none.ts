import { EmailRefused } from './errors.ts';
import type { EmailSender } from './types.ts';

/** For an installation that cannot send: every e-mail is refused for good, in words that say what is missing. */
export const noEmail: EmailSender = {
  send: () =>
    Promise.reject(
      new EmailRefused('not_configured', 'E-mails cannot be sent: EMAIL_ENDPOINT is not set (EMAIL_FOLDER locally).'),
    ),
};
