/** Everything that Lyceum writes to people about their accounts, with what the text needs; links are whole addresses. */
export type AccountMail =
  | { kind: 'password_reset'; name: string; link: string; valid_minutes: number }
  | { kind: 'email_verification'; name: string; link: string; valid_hours: number }
  | { kind: 'invitation'; invited_by: string; role: string; link: string; valid_days: number }
  | { kind: 'password_changed'; name: string; at: string; address: string }
  | { kind: 'email_changed'; name: string; new_email: string; at: string; address: string }
  | { kind: 'second_factor_changed'; name: string; what: string; at: string; address: string };

/** An e-mail without its address. */
export interface RenderedMail {
  subject: string;
  text: string;
  html: string;
}
