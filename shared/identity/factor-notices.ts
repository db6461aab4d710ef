import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { AuditEntry } from '../audit/record.ts';
import type { MailOutbox } from '../mail/outbox.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { UserDocument } from './schemas.ts';

/** What the holder of an account is told by e-mail: `operations` belong in the batch of the change, `send` comes after it. */
export interface Notice {
  operations: BatchOperation[];
  /** Never throws. */
  send(): Promise<void>;
}

/** E-mails about second factors, so that nobody adds or removes one unseen. */
export interface FactorNotices {
  secondFactorChanged(account: UserDocument, trace: AuditEntry): Notice;
}

const nothing: Notice = { operations: [], send: () => Promise.resolve() };

const kinds: Record<string, string> = { totp: 'an authenticator app', passkey: 'a passkey' };

/** What happened, in words; undefined for what nobody need be told. */
function inWords({ action, detail = {} }: AuditEntry): string | undefined {
  const kind = kinds[String(detail['kind'])] ?? 'a second factor';
  if (action === 'second_factor.added') return `${kind} was added`;
  if (action === 'second_factor.removed') return `${kind} was removed`;
  return action === 'second_factor.recovery_renewed' ? 'new recovery codes were made' : undefined;
}

export function createFactorNotices(deps: { mails: Pick<MailOutbox, 'prepare'>; clock: Clock }): FactorNotices {
  return {
    secondFactorChanged(account, trace) {
      const what = inWords(trace);
      if (what === undefined || account.email === null) return nothing;
      const { address } = 'anonymous' in trace.by ? trace.by.anonymous : trace.by.caller;
      const at = isoTime(deps.clock.now());
      const mail = deps.mails.prepare({
        kind: 'second_factor_changed',
        user_id: account.user_id,
        what,
        at,
        address,
      });
      return { operations: [mail.operation], send: () => mail.send() };
    },
  };
}
