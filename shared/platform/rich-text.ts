import sanitizeHtml from 'sanitize-html';

/** What editors of rich text write; everything else loses its tags and keeps its text. */
const TAGS = [
  ...['p', 'br', 'hr', 'div', 'span', 'blockquote', 'pre', 'code'],
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li'],
  ...['b', 'i', 'u', 's', 'strong', 'em', 'sub', 'sup', 'a', 'img'],
  ...['table', 'caption', 'colgroup', 'col', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td'],
];

/** Elements whose content is no text of the author. */
const TAGS_WITHOUT_TEXT = [
  'script',
  'style',
  'textarea',
  'option',
  'noscript',
  'title',
  'template',
  'svg',
  'math',
  'iframe',
  'object',
];

const NESTING_MAX = 100;
const LINK = /^(?:https?:\/\/|mailto:)[^\s]+$/i;
const WEB_IMAGE = /^https?:\/\/[^\s]+$/i;
/** Pictures that a browser only ever draws: no SVG, which may carry scripts. */
const EMBEDDED_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/]+={0,2}$/i;
const PIXELS = /^\d{1,5}$/;
const CELLS = /^\d{1,3}$/;

function kept(attributes: sanitizeHtml.Attributes, rules: Record<string, RegExp>): sanitizeHtml.Attributes {
  const safe: sanitizeHtml.Attributes = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = attributes[name]?.trim();
    if (value !== undefined && rule.test(value)) safe[name] = value;
  }
  return safe;
}

function cleanLink(tagName: string, attributes: sanitizeHtml.Attributes): sanitizeHtml.Tag {
  const attribs = kept(attributes, { href: LINK, title: /./ });
  // The page that is opened learns neither where the reader came from nor gets hold of the page it was opened from.
  if (attribs['href'] !== undefined) Object.assign(attribs, { target: '_blank', rel: 'noopener noreferrer nofollow' });
  return { tagName, attribs };
}

function cleanImage(tagName: string, attributes: sanitizeHtml.Attributes): sanitizeHtml.Tag {
  const attribs = kept(attributes, { alt: /./, width: PIXELS, height: PIXELS });
  const src = attributes['src']?.trim() ?? '';
  if (WEB_IMAGE.test(src) || EMBEDDED_IMAGE.test(src)) attribs['src'] = src;
  return { tagName, attribs };
}

function cleanCell(tagName: string, attributes: sanitizeHtml.Attributes): sanitizeHtml.Tag {
  return { tagName, attribs: kept(attributes, { colspan: CELLS, rowspan: CELLS, span: CELLS, start: CELLS }) };
}

const OPTIONS: sanitizeHtml.IOptions = {
  allowedTags: TAGS,
  nonTextTags: TAGS_WITHOUT_TEXT,
  allowedAttributes: {
    a: ['href', 'title', 'target', 'rel'],
    img: ['src', 'alt', 'width', 'height'],
    td: ['colspan', 'rowspan'],
    th: ['colspan', 'rowspan'],
    col: ['span'],
    colgroup: ['span'],
    ol: ['start'],
  },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowedSchemesByTag: { img: ['http', 'https', 'data'] },
  allowProtocolRelative: false,
  transformTags: {
    a: cleanLink,
    img: cleanImage,
    td: cleanCell,
    th: cleanCell,
    col: cleanCell,
    colgroup: cleanCell,
    ol: cleanCell,
  },
  exclusiveFilter: ({ tag, attribs }) => tag === 'img' && attribs['src'] === undefined,
  nestingLimit: NESTING_MAX,
};

/** The time of the parser grows with the square of the depth; no text that a person wrote has this many tags. */
const OPENING_TAGS_MAX = 30_000;

function withoutTags(html: string): string {
  return html.replace(/<[^<>]*>/g, ' ').replaceAll('<', '&lt;');
}

/** Counts everything that could open a tag, so that nothing in the text can hide one; stops at the limit. */
function hasTooManyTags(html: string): boolean {
  const opening = /<[a-z]/gi;
  let count = 0;
  while (count <= OPENING_TAGS_MAX && opening.test(html)) count += 1;
  return count > OPENING_TAGS_MAX;
}

/**
 * Rich text with nothing left in it that acts, loads or hides: no scripts, styles, event handlers, comments, frames or other addresses than
 * http, https and mailto. Doing it twice changes nothing. A text of more than 30,000 tags loses all of them.
 */
export function sanitiseRichText(html: string): string {
  return sanitizeHtml(hasTooManyTags(html) ? withoutTags(html) : html, OPTIONS);
}

/** Far more than any text of a person has; at this number sanitising still takes well under a second. */
const MARKUP_MAX = 100_000;

/** True for text made of brackets and ampersands, which would hold the process for seconds and grow fivefold when sanitised. */
export function hasTooMuchMarkup(html: string): boolean {
  return ['<', '&'].some((sign) => html.split(sign, MARKUP_MAX + 2).length > MARKUP_MAX + 1);
}

/** Spaces of every kind, characters of no width, controls, and the blank of Braille. */
const INVISIBLE = /[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\u2800]+/gu;

/** False for text that shows nothing: tags only, spaces of any kind, characters of no width. A picture is no text. */
export function hasVisibleText(html: string): boolean {
  const source = hasTooManyTags(html) ? withoutTags(html) : html;
  const text = sanitizeHtml(source, { allowedTags: [], allowedAttributes: {}, nonTextTags: TAGS_WITHOUT_TEXT });
  return text.replace(INVISIBLE, '') !== '';
}

/** False for text that a database or another program could not store or read: NUL, or half of a surrogate pair. */
export function isCleanText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
