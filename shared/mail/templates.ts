import type { AccountMail, RenderedMail } from './schemas.ts';

/** What an e-mail says; both parts are made of it, so that they cannot say different things. */
interface Content {
  subject: string;
  greeting?: string;
  paragraphs: string[];
  action?: { label: string; link: string };
  /** After the action. */
  closing: string[];
}

const shownMax = 120;

// Control characters and line separators would start lines of their own; the others turn the direction of what follows.
const unprintable = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu;

/** One line of somebody's text, as it may stand in a sentence of ours. */
function oneLine(text: string): string {
  const line = text.replace(unprintable, ' ').replace(/\s+/gu, ' ').trim();
  const characters = [...line];
  return characters.length > shownMax ? `${characters.slice(0, shownMax).join('')}…` : line;
}

/**
 * A name, or nothing when it could be taken for an address of the web: mail programs make links of these, and whoever
 * chooses a name must not be able to send a link to somebody in a mail of ours.
 */
function nameOf(text: string): string | undefined {
  const name = oneLine(text);
  return name === '' || /[/\\:]|\bwww\b|[\p{L}\p{N}]\.\p{L}{2}/iu.test(name) ? undefined : name;
}

function greet(name: string): string {
  const shown = nameOf(name);
  return shown === undefined ? 'Hello,' : `Hello ${shown},`;
}

function timeOf(at: string): string {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? oneLine(at) : `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Throws for anything but an address of the web. */
function linkOf(link: string): string {
  const url = new URL(link);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new TypeError('A link in an e-mail must be of the web.');
  return url.href;
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}

const notYou =
  'If this was not you, somebody else may have your password: choose a new one now, and tell your administrator.';

type Templates = { [Kind in AccountMail['kind']]: (mail: Extract<AccountMail, { kind: Kind }>) => Content };

const templates: Templates = {
  password_reset: ({ name, link, valid_minutes }) => ({
    subject: 'Choose a new password for Lyceum',
    greeting: greet(name),
    paragraphs: ['Somebody, probably you, asked for a new password for your account.'],
    action: { label: 'Choose a new password', link },
    closing: [
      `The link is good for ${count(valid_minutes, 'minute')} and works once.`,
      'If it was not you, there is nothing to do: your password stays as it is.',
    ],
  }),
  email_verification: ({ name, link, valid_hours }) => ({
    subject: 'Confirm your e-mail address for Lyceum',
    greeting: greet(name),
    paragraphs: ['Please confirm that this address is yours.'],
    action: { label: 'Confirm the address', link },
    closing: [
      `The link is good for ${count(valid_hours, 'hour')}.`,
      'If you have no account at Lyceum, somebody typed your address by mistake, and there is nothing to do.',
    ],
  }),
  invitation: ({ invited_by, role, link, valid_days }) => ({
    subject: 'Your invitation to Lyceum',
    greeting: 'Hello,',
    paragraphs: [
      `${nameOf(invited_by) ?? 'A member of staff'} invites you to Lyceum${nameOf(role) === undefined ? '' : ` with the role “${oneLine(role)}”`}.`,
    ],
    action: { label: 'Accept the invitation', link },
    closing: [
      `The invitation is good for ${count(valid_days, 'day')} and can be used once.`,
      'If you do not know what this is about, there is nothing to do.',
    ],
  }),
  password_changed: ({ name, at, address }) => ({
    subject: 'Your Lyceum password was changed',
    greeting: greet(name),
    paragraphs: [
      `The password of your account was changed on ${timeOf(at)}, from the network address ${oneLine(address)}.`,
    ],
    closing: [notYou],
  }),
  email_changed: ({ name, new_email, at, address }) => ({
    subject: 'The e-mail address of your Lyceum account was changed',
    greeting: greet(name),
    paragraphs: [
      `The e-mail address of your account was changed to ${oneLine(new_email)} on ${timeOf(at)}, from the network address ${oneLine(address)}.`,
      'This is the last e-mail to the address that it had before.',
    ],
    closing: [notYou],
  }),
  second_factor_changed: ({ name, what, at, address }) => ({
    subject: 'The second factor of your Lyceum account was changed',
    greeting: greet(name),
    paragraphs: [
      `What changed: ${nameOf(what) ?? 'a second factor'}.`,
      `It was done on ${timeOf(at)}, from the network address ${oneLine(address)}.`,
    ],
    closing: [notYou],
  }),
};

function contentOf(mail: AccountMail): Content {
  // Each kind finds the template of exactly its own type; the compiler cannot follow that through the look-up.
  const template = templates[mail.kind] as (mail: AccountMail) => Content;
  const content = template(mail);
  return content.action === undefined
    ? content
    : { ...content, action: { ...content.action, link: linkOf(content.action.link) } };
}

const signature = 'Lyceum';

function toText({ greeting, paragraphs, action, closing }: Content): string {
  const link = action === undefined ? [] : [`${action.label}:\n${action.link}`];
  return `${[greeting ?? '', ...paragraphs, ...link, ...closing, signature].filter((part) => part !== '').join('\n\n')}\n`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

// Dark on white and white on dark blue, 9:1 and more: enough for AAA. Without styles it is headings, paragraphs and a link.
const styles = {
  body: 'margin:0;padding:24px;background:#ffffff;color:#1f2328;font-family:system-ui,sans-serif;font-size:16px;line-height:1.5',
  main: 'max-width:36em;margin:0 auto',
  heading: 'font-size:22px;line-height:1.3;margin:0 0 16px',
  action: 'display:inline-block;padding:12px 20px;border-radius:6px;background:#0b3d75;color:#ffffff;font-weight:600',
  address: 'overflow-wrap:anywhere',
} as const;

function toHtml({ subject, greeting, paragraphs, action, closing }: Content): string {
  const paragraph = (text: string) => `<p>${escaped(text)}</p>`;
  const link = action === undefined ? '' : escaped(action.link);
  const actionLines =
    action === undefined
      ? []
      : [
          `<p><a href="${link}" style="${styles.action}">${escaped(action.label)}</a></p>`,
          `<p style="${styles.address}">If the link does not open, copy this address into your browser: ${link}</p>`,
        ];
  return [
    '<!doctype html>',
    '<html lang="en" dir="ltr">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light">',
    `<title>${escaped(subject)}</title>`,
    '</head>',
    `<body style="${styles.body}">`,
    `<main style="${styles.main}">`,
    `<h1 style="${styles.heading}">${escaped(subject)}</h1>`,
    ...(greeting === undefined ? [] : [paragraph(greeting)]),
    ...paragraphs.map(paragraph),
    ...actionLines,
    ...closing.map(paragraph),
    paragraph(signature),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/**
 * The e-mail as text and as HTML that say the same. What people chose (names, roles, addresses) is hostile input: it stands
 * on one line, escaped, and never in the subject. Throws a `TypeError` for a link that is not of the web.
 */
export function renderMail(mail: AccountMail): RenderedMail {
  const content = contentOf(mail);
  return { subject: content.subject, text: toText(content), html: toHtml(content) };
}
