import { AppError } from '../platform/errors.ts';
import { type Permission, permissionsOfRole } from '../platform/permissions.ts';
import type { Taken } from './account-names-rules.ts';
import { givesNoMore, isAdministrative } from './role-rules.ts';

export type RegistrationPolicy = 'open' | 'invite' | 'staff_only';

/** How older clients expect to hear of a name that is taken: 409, or 400 with other texts. */
export type DuplicateStyle = 'conflict' | 'bad_request';

const lookAlikeText = 'Username looks too much like one that is taken';

export function nameRefusal(taken: Taken, style: DuplicateStyle): AppError {
  if (taken === 'email') return new AppError(style === 'conflict' ? 'email_in_use' : 'email_taken');
  const code = style === 'conflict' ? 'username_in_use' : 'username_taken';
  return taken === 'look_alike' ? new AppError(code, lookAlikeText) : new AppError(code);
}

/**
 * Throws `registration_closed` unless somebody without an invitation may make an account of that role for themselves. A role
 * other than the one of the settings is refused, not replaced: who asks to be a teacher must not find out later that they are not.
 */
export function assertMayRegister(
  settings: { policy: RegistrationPolicy; role: string },
  asked: { role?: string | undefined },
  given: ReadonlySet<Permission>,
): void {
  if (settings.policy === 'invite') throw new AppError('registration_closed', 'Registration needs an invitation');
  if (settings.policy === 'staff_only') throw new AppError('registration_closed', 'Accounts are made by staff here');
  if (asked.role !== undefined && asked.role !== settings.role) {
    const detail = `Who registers becomes ${settings.role}; other roles are given by staff`;
    throw new AppError('registration_closed', detail);
  }
  // The settings may make teachers of those who register, but never administrators.
  const teacher = permissionsOfRole('teacher') ?? new Set();
  if (given.size === 0 || isAdministrative(given) || !givesNoMore(teacher, given)) {
    throw new AppError(
      'registration_closed',
      'The role of the settings is not one that people can take for themselves',
    );
  }
}

/** Throws `registration_closed` where not even who was invited makes an account. */
export function assertMayInvite(policy: RegistrationPolicy): void {
  if (policy === 'staff_only')
    throw new AppError('registration_closed', 'Accounts are made by staff here, not by invitation');
}
