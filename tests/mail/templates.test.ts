import fc from 'fast-check';
import { Parser } from 'htmlparser2';
import { describe, expect, test } from 'vitest';
import type { AccountMail } from '../../shared/mail/schemas.ts';
import { renderMail } from '../../shared/mail/templates.ts';

const link = 'https://school.example.org/reset?token=abc&next=1';
const at = '2026-03-04T05:06:07.000Z';
const address = '192.0.2.7';

const mails: Record<AccountMail['kind'], AccountMail> = {
  password_reset: { kind: 'password_reset', name: 'Ann', link, valid_minutes: 60 },
  email_verification: { kind: 'email_verification', name: 'Ann', link, valid_hours: 24 },
  invitation: { kind: 'invitation', invited_by: 'Tess Teacher', role: 'student', link, valid_days: 7 },
  password_changed: { kind: 'password_changed', name: 'Ann', at, address },
  email_changed: { kind: 'email_changed', name: 'Ann', new_email: 'new@example.org', at, address },
  second_factor_changed: { kind: 'second_factor_changed', name: 'Ann', what: 'An app was added', at, address },
};
const all = Object.values(mails);

interface Page {
  /** Elements in the order in which they begin. */
  elements: { name: string; attributes: Record<string, string> }[];
  /** What is read, one line for each block. */
  lines: string[];
}

/** The page as a browser would understand it, without its styles. */
function read(html: string): Page {
  const page: Page = { elements: [], lines: [] };
  let line = '';
  const parser = new Parser({
    onopentag: (name, attributes) => page.elements.push({ name, attributes: { ...attributes } }),
    ontext: (text) => {
      line += text;
    },
    onclosetag: (name) => {
      if (!['p', 'h1', 'title'].includes(name)) return;
      page.lines.push(line.trim());
      line = '';
    },
  });
  parser.write(html);
  parser.end();
  return page;
}

const named = (page: Page, name: string) => page.elements.filter((element) => element.name === name);

describe.each(all)('the mail $kind', (mail) => {
  const { subject, text, html } = renderMail(mail);
  const page = read(html);

  test('is readable by everyone: language, title, one heading, no images, scripts or outside styles', () => {
    expect(html.startsWith('<!doctype html>')).toBe(true);
    expect(named(page, 'html')[0]?.attributes).toMatchObject({ lang: 'en', dir: 'ltr' });
    expect(page.lines.slice(0, 2)).toEqual([subject, subject]);
    expect(named(page, 'h1')).toHaveLength(1);
    expect(named(page, 'main')[0]?.attributes['style']).toContain('max-width');
    const allowed = ['html', 'head', 'meta', 'title', 'body', 'main', 'h1', 'p', 'a'];
    expect(page.elements.filter(({ name }) => !allowed.includes(name))).toEqual([]);
    expect(html).not.toMatch(/url\(|@import|src=/);
  });

  test('says in its text what it says in its HTML', () => {
    const [, , ...lines] = page.lines;
    const inHtml = lines.filter((one) => !one.startsWith('If the link does not open'));
    const inText = text.trim().split('\n\n');
    expect(inText.map((one) => one.split(':\n')[0])).toEqual(inHtml);
  });

  test('has one link, with a text that says what it does, and the same address to read in both parts', () => {
    const links = named(page, 'a');
    const addresses = 'link' in mail ? [mail.link] : [];
    expect(links.map(({ attributes }) => attributes['href'])).toEqual(addresses);
    expect(text.match(/https?:\S+/g) ?? []).toEqual(addresses);
    expect(page.lines.join('\n').match(/https?:\S+/g) ?? []).toEqual(addresses);
    expect(page.lines.join('\n')).not.toMatch(/click here/i);
  });
});

test('a mail says how long its link is good, in words that fit one and many', () => {
  expect(renderMail(mails.password_reset).text).toContain('good for 60 minutes and works once');
  expect(renderMail({ ...mails.invitation, valid_days: 1 } as AccountMail).text).toContain('good for 1 day and');
});

test('a mail about a change says when and from where', () => {
  expect(renderMail(mails.password_changed).text).toContain('2026-03-04 05:06 UTC, from the network address 192.0.2.7');
  expect(renderMail({ kind: 'password_changed', name: 'Ann', at: 'no\ntime', address }).text).toContain('on no time,');
});

const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</p></main><a href="http://evil.example">Log in</a>',
  '&lt;b&gt; &amp;amp;',
  'Ann\r\nBcc: everyone@example.org',
  'Ann\n\nYour account is locked.\n\nRing 0900',
  'Ann\u2028next line\u2029and one more',
  '\u202egnp.exe',
  '\u0000\u0007\u001b[31m',
  'x'.repeat(5000),
  '{{name}} %s %0d%0a',
  '',
];

/** The mail with every text of somebody else's replaced. */
function withEverywhere(mail: AccountMail, value: string): AccountMail {
  const fixed = ['kind', 'link'];
  const fields = Object.entries(mail).map(([field, old]) =>
    fixed.includes(field) || typeof old !== 'string' ? [field, old] : [field, value],
  );
  return Object.fromEntries(fields) as AccountMail;
}

describe.each(all)('hostile texts in the mail $kind', (mail) => {
  const harmless = renderMail(mail);

  function expectHarmless(value: string): void {
    const rendered = renderMail(withEverywhere(mail, value));
    const page = read(rendered.html);
    expect(rendered.subject).toBe(harmless.subject);
    expect(page.elements).toEqual(read(harmless.html).elements);
    expect(page.lines).toHaveLength(read(harmless.html).lines.length);
    expect(rendered.text.split('\n')).toHaveLength(harmless.text.split('\n').length);
    expect(rendered.text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    expect(rendered.html.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    expect(rendered.text.length).toBeLessThan(harmless.text.length + 1000);
  }

  test.each(hostile)('%j adds no element, no line and no header', (value) => expectHarmless(value));

  test('nor does any other text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), expectHarmless));
  });
});

test.each(['http://evil.example', 'Free money at www.evil.example', 'evil.example', 'Ann ://x', 'a\\b'])(
  'a name like %j is left out, because mail programs would make a link of it',
  (name) => {
    const reset = renderMail({ ...mails.password_reset, name } as AccountMail);
    expect(reset.text.startsWith('Hello,\n')).toBe(true);
    const invitation = renderMail({ ...mails.invitation, invited_by: name, role: name } as AccountMail);
    expect(invitation.text).toContain('A member of staff invites you to Lyceum.');
    expect(renderMail({ ...mails.second_factor_changed, what: name } as AccountMail).text).toContain(
      'What changed: a second factor.',
    );
  },
);

test.each(['Ann-Marie O’Neill', 'Dr. Söderström', 'J. R. R. Tolkien', '李小龍', 'Ann & Bob <3'])(
  'a name like %j is used as it is',
  (name) => {
    const rendered = renderMail({ ...mails.password_reset, name } as AccountMail);
    expect(rendered.text.startsWith(`Hello ${name},\n`)).toBe(true);
    expect(read(rendered.html).lines).toContain(`Hello ${name},`);
  },
);

test.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'not a link'])(
  'a link like %j is refused',
  (bad) => {
    expect(() => renderMail({ ...mails.password_reset, link: bad } as AccountMail)).toThrow(TypeError);
  },
);
