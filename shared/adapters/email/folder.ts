import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, isoTime } from '../../platform/clock.ts';
import { assertOneLine } from './one-line.ts';
import type { EmailSender } from './types.ts';

/**
 * Writes each e-mail as a file instead of sending it: `<hash of its message id>.json`, whole or not at all, readable by this
 * user alone, because what is in it lets people into accounts. A repeat leaves the first file as it is.
 */
export function createFolderEmail(options: { folder: string; from: string; clock: Clock }): EmailSender {
  const { folder, from, clock } = options;
  return {
    async send(message) {
      assertOneLine(message);
      const { messageId, to, subject, text, html } = message;
      const path = join(folder, `${createHash('sha256').update(messageId).digest('hex').slice(0, 32)}.json`);
      if (await exists(path)) return;
      const mail = { message_id: messageId, sent_at: isoTime(clock.now()), from, to, subject, text, html };
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const unfinished = join(folder, `${randomUUID()}.part`);
      await writeFile(unfinished, `${JSON.stringify(mail, undefined, 2)}\n`, { mode: 0o600 });
      await rename(unfinished, path);
    },
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
