import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { StartError } from './options.ts';

const word = (bytes: number) => randomBytes(bytes).toString('base64url');

const Secrets = z.object({
  jwt_secret: z.string(),
  /** Absent in folders of versions that had nothing to encrypt. */
  data_encryption_key: z.string().default(() => word(48)),
  admin_password: z.string(),
  demo_password: z.string(),
});
export type Secrets = z.infer<typeof Secrets>;

export interface DataFolder {
  readonly path: string;
  readonly secrets: Secrets;
  /** The secrets were made by this start, so nobody has seen them yet. */
  readonly isNew: boolean;
  /** Something that is done once per folder, remembered by name. */
  isDone(what: string): boolean;
  setDone(what: string): void;
  release(): void;
}

/**
 * Takes a data folder for this process. The lock is the operating system's own, held through SQLite, so that a process
 * that was killed leaves none behind.
 * @throws StartError when another process has the folder, or it cannot be written.
 */
export function openDataFolder(path: string): DataFolder {
  const lock = takeLock(path);
  const { secrets, isNew } = readSecrets(join(path, 'secrets.json'));
  return {
    path,
    secrets,
    isNew,
    isDone: (what) => existsSync(join(path, `${what}.done`)),
    setDone: (what) => writeFileSync(join(path, `${what}.done`), ''),
    release: () => lock.close(),
  };
}

function takeLock(path: string): DatabaseSync {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new StartError(
      `The data folder ${path} cannot be made: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const owner = join(path, 'owner.pid');
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(path, 'lock.sqlite'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if (!/locked|busy/i.test(String(error)))
      throw new StartError(`The data folder ${path} cannot be used: ${String(error)}`);
    const by = existsSync(owner) ? ` (process ${readFileSync(owner, 'utf8').trim()})` : '';
    throw new StartError(
      `Another Lyceum${by} uses the data folder ${path}. Stop it, or choose another folder with --data DIR.`,
    );
  }
  writeFileSync(owner, `${process.pid}\n`);
  return lock;
}

function readSecrets(path: string): { secrets: Secrets; isNew: boolean } {
  if (existsSync(path)) {
    const found = Secrets.safeParse(tryJson(readFileSync(path, 'utf8')));
    if (!found.success)
      throw new StartError(
        `${path} cannot be read. Delete it to have new secrets made; everyone has to log in again then.`,
      );
    writeSecrets(path, found.data);
    return { secrets: found.data, isNew: false };
  }
  const secrets = {
    jwt_secret: word(48),
    data_encryption_key: word(48),
    admin_password: word(12),
    demo_password: word(9),
  };
  writeSecrets(path, secrets);
  return { secrets, isNew: true };
}

function writeSecrets(path: string, secrets: Secrets): void {
  // Written whole or not at all: half a file would lock everybody out of the next start.
  writeFileSync(`${path}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
