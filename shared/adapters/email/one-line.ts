import { EmailRefused } from './errors.ts';
import type { EmailMessage } from './types.ts';

const manyLines = /[\p{Cc}\u2028\u2029]/u;

/** Throws `EmailRefused` for what would become headers of its own: no sender can be made to write these. */
export function assertOneLine({ to, subject, messageId }: EmailMessage): void {
  for (const [name, value] of Object.entries({ to, subject, messageId })) {
    if (value === '' || manyLines.test(value)) {
      throw new EmailRefused('malformed', `An e-mail has control characters in its ${name}, or none at all.`);
    }
  }
}
