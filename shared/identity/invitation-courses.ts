import type { ComponentsService } from '../assessment/components-service.ts';
import type { EnrolmentService } from '../assessment/enrolment-service.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { AppError, validationError } from '../platform/errors.ts';
import type { Logger } from '../platform/logging.ts';
import { untilWritten } from '../platform/optimistic.ts';
import type { Permission } from '../platform/permissions.ts';
import type { AccountStates } from './account-states.ts';
import { toPrincipal } from './authentication.ts';
import type { InvitationDocument } from './invitation-documents.ts';
import type { Roles } from './roles.ts';

/** The components of an invitation, which belong to assessment; all is done in the name of whoever invited. */
export interface InvitationCourses {
  /** Throws `not_found` for a component that the inviter does not manage, `validation_failed` where the role has none. */
  check(inviter: Principal, role: string, compIds: readonly string[]): Promise<void>;
  /** Puts the account into the components. What is done already or cannot be done any more is left out. */
  join(invitation: InvitationDocument, userId: string): Promise<void>;
}

/** What is done in the name of somebody who is not there. */
const nobodyCalls: Caller = {
  request_id: 'invitation',
  address: 'unknown',
  user_agent: null,
  origin: null,
  place_id: null,
};

function kindOf(role: string, permissions: ReadonlySet<Permission>): 'student' | 'staff' | undefined {
  if (role === 'student') return 'student';
  return permissions.has('component:write') ? 'staff' : undefined;
}

export function createInvitationCourses(deps: {
  components: Pick<ComponentsService, 'get' | 'update'>;
  enrolment: Pick<EnrolmentService, 'enrol'>;
  states: AccountStates;
  roles: Pick<Roles, 'permissionsOf'>;
  logger: Logger;
}): InvitationCourses {
  const { components, enrolment, states, roles, logger } = deps;

  async function addStaff(inviter: Principal, compId: string, userId: string): Promise<void> {
    await untilWritten(async () => {
      const { owner_user_ids, _etag } = await components.get(inviter, compId);
      if (owner_user_ids.includes(userId)) return true;
      const owners = { owner_user_ids: [...owner_user_ids, userId] };
      try {
        await components.update(inviter, compId, owners, _etag?.replaceAll('"', ''));
        return true;
      } catch (error) {
        if (error instanceof AppError && error.code === 'precondition_failed') return undefined;
        throw error;
      }
    });
  }

  return {
    async check(inviter, role, compIds) {
      if (compIds.length === 0) return;
      if (kindOf(role, await roles.permissionsOf(role)) === undefined) {
        const msg = 'are for students and staff; this role takes part in none';
        throw validationError([{ loc: ['body', 'comp_ids'], msg, type: 'not_for_role' }]);
      }
      for (const compId of compIds) await components.get(inviter, compId);
    },

    async join(invitation, userId) {
      const inviter = await states.of(invitation.invited_by_user_id);
      const kind = kindOf(invitation.role, await roles.permissionsOf(invitation.role));
      if (inviter?.account.status !== 'active' || kind === undefined) return;
      const via = { kind: 'session', session_id: invitation.invitation_id } as const;
      const principal = toPrincipal(inviter, nobodyCalls, via);
      for (const compId of invitation.comp_ids) {
        const pair = { student_user_id: userId, flex_age_comp_id: compId };
        const joining = kind === 'student' ? enrolment.enrol(principal, pair) : addStaff(principal, compId, userId);
        await joining.catch((error: unknown) => {
          // A component that is gone, or that the inviter has given away, must not keep the others from being joined.
          if (!(error instanceof AppError) || error.status >= 500 || error.code === 'conflict') throw error;
          logger.info('invitation_component_left_out', { comp_id: compId, user_id: userId, code: error.code });
        });
      }
    },
  };
}
