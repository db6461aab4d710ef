import { z } from 'zod';
import { NewPassword } from './schemas.ts';

const Token = z.string().min(1).max(200).describe('From the link in the e-mail');
const Address = z.email().max(255);

export const PasswordChange = z
  .object({ current_password: z.string().max(1024), new_password: NewPassword.describe('8 to 256 characters') })
  .meta({ id: 'PasswordChange', description: 'The password now and from now on.' });

export const PasswordResetRequest = z
  .object({ email: Address.describe('Whose password is forgotten') })
  .meta({ id: 'PasswordResetRequest', description: 'Asks for an e-mail with a link to choose a new password.' });

export const PasswordResetToken = z.object({ token: Token });

export const PasswordResetCheck = z
  .object({ valid: z.literal(true), email: z.string() })
  .meta({ id: 'PasswordResetCheck', description: 'The link is good, and whose password it is for.' });
export type PasswordResetCheck = z.output<typeof PasswordResetCheck>;

export const PasswordReset = z
  .object({ token: Token, new_password: NewPassword.describe('8 to 256 characters') })
  .meta({ id: 'PasswordReset', description: 'A new password for whoever has the link.' });

export const EmailVerification = z
  .object({ token: Token })
  .meta({ id: 'EmailVerification', description: 'Proves an e-mail address by what was mailed to it.' });
