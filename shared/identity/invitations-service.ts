import type { AuditActor, AuditRecorder } from '../audit/record.ts';
import type { MailOf } from '../mail/job-schemas.ts';
import type { MailOutbox } from '../mail/outbox.ts';
import type { AddressedMail } from '../mail/service.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Page, Principal } from '../platform/define-endpoint.ts';
import { AppError, validationError } from '../platform/errors.ts';
import type { Logger } from '../platform/logging.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { AccountMaker } from './account-maker.ts';
import { toUser } from './account-rules.ts';
import type { AccountStates } from './account-states.ts';
import { type Accounts, accountsPk } from './accounts-repository.ts';
import type { EmailVerificationService } from './email-verification-service.ts';
import type { InvitationCourses } from './invitation-courses.ts';
import type { InvitationDocument } from './invitation-documents.ts';
import { isInvitationOpen, toInvitation } from './invitation-rules.ts';
import type { Invitation, InvitationAcceptance, InvitationCreate, InvitationMade } from './invitation-schemas.ts';
import { type Invitations, invitationDocumentId, replaceInvitation } from './invitations-repository.ts';
import type { OneTimeTokens } from './one-time-tokens.ts';
import { assertMayInvite, type DuplicateStyle, nameRefusal, type RegistrationPolicy } from './registration-rules.ts';
import type { AssertMayGive } from './role-giving.ts';
import { mayGiveRole } from './role-rules.ts';
import type { Roles } from './roles.ts';
import type { UserDocument } from './schemas.ts';
import { usernamesFor } from './username-rules.ts';

export interface AcceptanceContext {
  caller: Caller;
  newId: string;
  duplicates: DuplicateStyle;
}

export interface InvitationsService {
  /** Throws `registration_closed`, `forbidden` for a role that the inviter may not give, `not_found` for a component. */
  create(inviter: Principal, input: InvitationCreate, newId: string): Promise<InvitationMade>;
  /** The own ones; those of everybody for an administrator. */
  list(user: Principal, paging: Paging): Promise<Page<Invitation>>;
  /** Throws `not_found`, and `conflict` when it was accepted. */
  revoke(user: Principal, invitationId: string): Promise<void>;
  /**
   * The account that comes of it, made once however often it is asked for at the same time. Throws `account_token_invalid`,
   * `validation_failed`, `registration_closed`, and what is said of a name that is taken.
   */
  accept(input: InvitationAcceptance, context: AcceptanceContext): Promise<UserDocument>;
  /** Puts the new account into the components of an accepted invitation; harmless to repeat. */
  finish(invitationId: string): Promise<void>;
  compose(mail: MailOf<'invitation'>): Promise<AddressedMail | undefined>;
}

const dayMs = 24 * 60 * 60_000;
/** An invitation is shown for some time after it has expired. */
const keptAfterMs = 30 * dayMs;

export function createInvitationsService(deps: {
  invitations: Invitations;
  accounts: Accounts;
  maker: AccountMaker;
  states: AccountStates;
  roles: Pick<Roles, 'toGive'>;
  assertMayGive: AssertMayGive;
  courses: InvitationCourses;
  tokens: OneTimeTokens;
  verification: Pick<EmailVerificationService, 'mailsFor'>;
  mails: MailOutbox;
  audit: AuditRecorder;
  clock: Clock;
  logger: Logger;
  settings: { policy: RegistrationPolicy; days: number; appUrl: string };
}): InvitationsService {
  const { invitations, accounts, maker, states, roles, assertMayGive, courses, tokens, verification, mails } = deps;
  const { audit, clock, logger, settings } = deps;
  const shownToken = (id: string) => tokens.make('invitation', id, '');
  const mailedToken = (id: string) => tokens.make('mailed_invitation', id, '');
  const linkOf = (token: string) => `${settings.appUrl}/accept-invitation?token=${token}`;
  const invalid = () => new AppError('account_token_invalid');

  function made(invitation: InvitationDocument): InvitationMade {
    const token = shownToken(invitation.invitation_id);
    const is_mailed = invitation.email !== null;
    return { ...toInvitation(invitation, clock.now()), token, link: linkOf(token), is_mailed };
  }

  function event(invitationId: string, by: AuditActor, done: 'created' | 'accepted' | 'revoked') {
    const action = `invitation.${done}` as const;
    return audit.operation(accountsPk, { by, action, target: { type: 'invitation', id: invitationId } });
  }

  /** The invitation that a token opens; an invitation is only as good as the one who gave it is now. */
  async function open(token: string, newId: string) {
    const id = tokens.subjectOf(token);
    const invitation = id === undefined ? undefined : await invitations.find(id);
    if (invitation === undefined) throw invalid();
    const isMailed = invitation.mailed_token_hash !== null && tokens.matches(token, invitation.mailed_token_hash);
    if (!isMailed && !tokens.matches(token, invitation.token_hash)) throw invalid();
    if (invitation.accepted_by_user_id === newId) return { invitation, isMailed };
    const inviter = await states.of(invitation.invited_by_user_id);
    const given = await roles.toGive(invitation.role);
    const isStaff = inviter?.account.status === 'active';
    const mayGive = isStaff && given !== undefined && mayGiveRole(inviter.permissions, given.definition);
    if (!mayGive || !isInvitationOpen(invitation, clock.now())) throw invalid();
    return { invitation, isMailed };
  }

  function identityOf(invitation: InvitationDocument, input: InvitationAcceptance, newId: string) {
    const email = invitation.email ?? input.email ?? null;
    if (input.email !== undefined && input.email.toLowerCase() !== email?.toLowerCase()) {
      throw validationError([
        { loc: ['body', 'email'], msg: 'is not the address of the invitation', type: 'wrong_email' },
      ]);
    }
    if (input.username !== undefined) return { email, usernames: [input.username] };
    if (email === null) throw validationError([{ loc: ['body', 'username'], msg: 'is needed', type: 'missing' }]);
    return { email, usernames: usernamesFor(email, newId) };
  }

  async function finish(invitationId: string): Promise<void> {
    const invitation = await invitations.find(invitationId);
    if (!invitation?.is_joining || invitation.accepted_by_user_id === null) return;
    await courses.join(invitation, invitation.accepted_by_user_id);
    // When somebody else was first, they have done the same.
    await invitations.replace({ ...invitation, is_joining: false });
  }

  return {
    async create(inviter, input, newId) {
      assertMayInvite(settings.policy);
      await assertMayGive(inviter, input.role);
      const compIds = [...new Set(input.comp_ids)];
      await courses.check(inviter, input.role, compIds);
      const nowMs = clock.now();
      const livesMs = (input.expires_in_days ?? settings.days) * dayMs;
      const email = input.email ?? null;
      const invitation: InvitationDocument = {
        id: invitationDocumentId(newId),
        pk: 'accounts',
        type: 'invitation',
        schema_version: 1,
        invitation_id: newId,
        email,
        role: input.role,
        comp_ids: compIds,
        invited_by_user_id: inviter.user_id,
        token_hash: tokens.hash(shownToken(newId)),
        mailed_token_hash: email === null ? null : tokens.hash(mailedToken(newId)),
        status: 'open',
        accepted_by_user_id: null,
        is_joining: false,
        created_at: isoTime(nowMs),
        expires_at: isoTime(nowMs + livesMs),
        ttl: Math.ceil((livesMs + keptAfterMs) / 1000),
      };
      const told = mails.prepare(email === null ? [] : [{ kind: 'invitation', invitation_id: newId }]);
      const isNew = await invitations.create(invitation, [event(newId, inviter, 'created'), ...told.operations]);
      if (isNew) await told.send();
      // A repeat of a request that died after it had made the invitation: its tokens are made again.
      const kept = isNew ? invitation : await invitations.find(newId);
      return made(kept ?? invitation);
    },

    async list(user, paging) {
      const found = await invitations.list(user.permissions.has('user:admin') ? undefined : user.user_id, paging);
      const nowMs = clock.now();
      return toPage(
        found.map((one) => toInvitation(one, nowMs)),
        paging,
        (one) => one.invitation_id,
      );
    },

    async revoke(user, invitationId) {
      const invitation = await invitations.find(invitationId);
      const isOwn = invitation?.invited_by_user_id === user.user_id;
      if (invitation === undefined || !(isOwn || user.permissions.has('user:admin'))) {
        throw new AppError('not_found', 'Invitation not found');
      }
      if (invitation.status === 'revoked') return;
      if (invitation.status === 'accepted') throw new AppError('conflict', 'The invitation was accepted already');
      const revoked = { ...invitation, status: 'revoked' as const };
      const isDone = await invitations.replace(revoked, [event(invitationId, user, 'revoked')]);
      if (!isDone) throw new AppError('conflict', 'The invitation was accepted or revoked at this moment');
    },

    async accept(input, { caller, newId, duplicates }) {
      assertMayInvite(settings.policy);
      const { invitation, isMailed } = await open(input.token, newId);
      const known = invitation.status === 'accepted' ? await accounts.find(newId) : undefined;
      // A repeat of a request that died after it had made the account.
      if (known !== undefined) return known;
      const { full_name, name, first_name, last_name, password } = input;
      const request = {
        ...identityOf(invitation, input, newId),
        user_id: newId,
        role: invitation.role,
        full_name: full_name ?? name,
        first_name,
        last_name,
        password,
        is_verified: isMailed,
      };
      const accepted: InvitationDocument = {
        ...invitation,
        status: 'accepted',
        accepted_by_user_id: newId,
        is_joining: invitation.comp_ids.length > 0,
      };
      const by = { anonymous: caller };
      const { invitation_id } = invitation;
      const told = mails.prepare(isMailed ? [] : verification.mailsFor(request));
      const more = [replaceInvitation(accepted), event(invitation_id, by, 'accepted'), ...told.operations];
      const result = await maker.make(request, by, more);
      if ('taken' in result) {
        // Of several who accept at once with the same name, all but one find the name taken, and the invitation used.
        const now = await invitations.find(invitation_id);
        if (result.taken === 'more' || now?.status !== 'open') throw invalid();
        throw nameRefusal(result.taken, duplicates);
      }
      await told.send();
      await finish(invitation_id).catch((error: unknown) => {
        // The account is made; the change feed puts it into its components.
        logger.warn('invitation_not_finished', { invitation_id, error });
      });
      return result.user;
    },

    finish,

    async compose({ invitation_id }) {
      const invitation = await invitations.find(invitation_id);
      const inviter = invitation && (await accounts.find(invitation.invited_by_user_id));
      if (!inviter || invitation.email === null || !isInvitationOpen(invitation, clock.now())) return undefined;
      const lives = Date.parse(invitation.expires_at) - Date.parse(invitation.created_at);
      return {
        to: invitation.email,
        mail: {
          kind: 'invitation',
          invited_by: toUser(inviter).name,
          role: invitation.role,
          link: linkOf(mailedToken(invitation_id)),
          valid_days: Math.max(1, Math.floor(lives / dayMs)),
        },
      };
    },
  };
}
