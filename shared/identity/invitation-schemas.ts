import { z } from 'zod';
import { Id, Timestamp } from '../platform/schemas.ts';
import { NewPassword, PersonName, RoleName, User, Username } from './schemas.ts';
import { MfaChallenge, TokenAnswer } from './session-schemas.ts';

const Email = z.email().max(255);

export const InvitationCreate = z
  .object({
    email: Email.nullish().describe('The invitation is mailed there, and the account gets this address'),
    role: RoleName.default('student').describe('What the account will be; not more than whoever invites may give'),
    comp_ids: z
      .array(Id)
      .max(50)
      .default([])
      .describe('Components that a student is enrolled in, or a member of staff is added to'),
    expires_in_days: z.number().positive().max(90).optional().describe('Days for which it is good; INVITATION_DAYS'),
  })
  .meta({ id: 'InvitationCreate', description: 'Somebody who shall make an account.' });
export type InvitationCreate = z.output<typeof InvitationCreate>;

export const Invitation = z
  .object({
    invitation_id: Id,
    email: z.string().nullable(),
    role: z.string(),
    comp_ids: z.array(Id),
    status: z.enum(['open', 'accepted', 'revoked', 'expired']),
    invited_by_user_id: Id,
    accepted_by_user_id: Id.nullable(),
    created_at: Timestamp,
    expires_at: Timestamp,
  })
  .meta({ id: 'Invitation', description: 'An invitation to make an account; good once.' });
export type Invitation = z.output<typeof Invitation>;

export const InvitationMade = Invitation.extend({
  token: z.string().describe('Shown only now; hand it to who is invited'),
  link: z.string().describe('Where the invitation is accepted, with the token'),
  is_mailed: z.boolean().describe('It is also sent to `email`'),
}).meta({ id: 'InvitationMade', description: 'A new invitation with its secret.' });
export type InvitationMade = z.output<typeof InvitationMade>;

const Person = {
  password: NewPassword.describe('8 to 256 characters; not a common one, not the own name'),
  full_name: PersonName,
  name: PersonName.describe('The same as `full_name`'),
  first_name: PersonName,
  last_name: PersonName,
};

const OwnUsername = Username.optional().describe('Made from the e-mail address when absent');

export const SelfRegistration = z
  .object({
    email: Email,
    username: OwnUsername,
    ...Person,
    role: RoleName.optional().describe('The role of who registers is a setting; another one is refused'),
    invitation_token: z.string().max(200).optional().describe('Needed where only who is invited may register'),
  })
  .meta({ id: 'SelfRegistration', description: 'An account for whoever asks, or by staff for somebody.' });
export type SelfRegistration = z.output<typeof SelfRegistration>;

export const NamedRegistration = SelfRegistration.extend({
  username: Username.refine((name) => [...name].length <= 50, 'must have 50 characters or fewer'),
  email: z.email().max(100),
}).meta({ id: 'NamedRegistration', description: 'A registration that says its username.' });

export const InvitationAcceptance = z
  .object({
    token: z.string().min(1).max(200),
    username: OwnUsername,
    email: Email.optional().describe('Only where the invitation has none'),
    ...Person,
  })
  .meta({ id: 'InvitationAcceptance', description: 'The account that somebody makes of an invitation.' });
export type InvitationAcceptance = z.output<typeof InvitationAcceptance>;

/** One answer for clients that read the account and for those that read the tokens. */
export const Registered = User.extend({
  ...TokenAnswer.omit({ role: true }).partial().shape,
  ...MfaChallenge.omit({ expires_in: true }).partial().shape,
}).meta({
  id: 'Registered',
  description: 'The new account and, for who made it for themselves, what a log-in gives.',
});
export type Registered = z.output<typeof Registered>;
