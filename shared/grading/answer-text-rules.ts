import { Tokenizer } from 'htmlparser2';
import { gradingLimits } from './schemas.ts';
import { cleanText } from './text-rules.ts';

/** What a submission's HTML says to a reader, and what it keeps from the reader's eyes. */
export interface Answer {
  /** The text to which evidence offsets refer. */
  text: string;
  /** Text of hidden elements and comments. It is never graded, only searched for instructions to the grader. */
  hiddenText: string;
}

const lineElements = new Set(
  (
    'address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption figure ' +
    'footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol option p pre search section summary ' +
    'table tbody tfoot thead tr ul'
  ).split(' '),
);
const cellElements = new Set(['td', 'th']);
/** Elements whose content no browser shows as text of the page. */
const unseenElements = new Set([
  'script',
  'style',
  'template',
  'noscript',
  'noembed',
  'noframes',
  'iframe',
  'object',
  'head',
  'title',
]);
const voidElements = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '));
/** Elements that end where the next one of their name begins, as browsers read them. */
const selfEndingElements = new Set(['p', 'li', 'dd', 'dt', 'option', 'td', 'th', 'tr']);
const hidingStyle =
  /(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|opacity:0?\.?0*(?:%|;|!|$)|font-size:0(?:\.0*)?(?:[a-z%;!]|$))/;

function isHiding(attribute: string, value: string): boolean {
  if (attribute === 'hidden') return true;
  return attribute === 'style' && hidingStyle.test(value.toLowerCase().replace(/\/\*[^*]*\*\/|\s/g, ''));
}

/** Collects text with the white space of a rendered page: runs become one space, blocks begin on a line of their own. */
function createTextWriter(charactersMax: number) {
  const pieces: string[] = [];
  let length = 0;
  let gap: '' | ' ' | '\n' = '';
  return {
    lineBreak() {
      gap = '\n';
    },
    space() {
      if (gap === '') gap = ' ';
    },
    write(chunk: string, isPreformatted: boolean) {
      if (length > charactersMax) return;
      const shown = isPreformatted ? chunk.replace(/\r\n?/g, '\n') : chunk.replace(/\s+/gu, ' ');
      if (!isPreformatted && shown.startsWith(' ')) this.space();
      const body = isPreformatted ? shown : shown.trim();
      if (body === '') return;
      const piece = length === 0 ? body : gap + body;
      pieces.push(piece);
      length += piece.length;
      gap = !isPreformatted && shown.endsWith(' ') ? ' ' : '';
    },
    text(): string {
      return cleanText(pieces.join(''), charactersMax).trim();
    },
  };
}

/**
 * Reads the stored HTML of a submission as a person would: tags go, block elements, list items and `<br>` begin a new
 * line, table cells are set apart by a space, entities are decoded, runs of white space become one space except in
 * `<pre>`, and what the page does not show (scripts, comments, `hidden`, `display:none`) is kept apart. At most
 * 1,000,000 UTF-16 code units. The same HTML always gives the same text, because evidence offsets refer to it.
 *
 * It works on the token stream and keeps no stack of open elements: a tree builder needs seconds for a megabyte of
 * nested tags.
 */
export function readAnswer(html: string): Answer {
  const visible = createTextWriter(gradingLimits.answerCharacters);
  const unseen = createTextWriter(gradingLimits.answerCharacters);
  let preDepth = 0;
  let tag = '';
  let attribute = '';
  let attributeValue = '';
  let isTagHiding = false;
  /** The hidden element that we are in, with the number of open elements of its name. */
  let hidden: { name: string; depth: number } | undefined;

  const write = (chunk: string) => {
    if (hidden) unseen.write(chunk, false);
    else visible.write(chunk, preDepth > 0);
  };
  const separate = (name: string) => {
    if (lineElements.has(name)) visible.lineBreak();
    else if (cellElements.has(name)) visible.space();
  };
  const openTag = () => {
    if (hidden?.name === tag) {
      if (selfEndingElements.has(tag)) hidden = undefined;
      else hidden.depth += 1;
    }
    if (hidden) return;
    const isHidden = (isTagHiding && !voidElements.has(tag)) || unseenElements.has(tag);
    if (isHidden) {
      hidden = { name: tag, depth: 1 };
      unseen.lineBreak();
      return;
    }
    separate(tag);
    if (tag === 'pre') preDepth += 1;
  };

  const tokenizer = new Tokenizer(
    {},
    {
      onopentagname(start, end) {
        tag = html.slice(start, end).toLowerCase();
        isTagHiding = false;
      },
      onattribname(start, end) {
        attribute = html.slice(start, end).toLowerCase();
        attributeValue = '';
      },
      onattribdata(start, end) {
        attributeValue += html.slice(start, end);
      },
      onattribentity(codePoint) {
        attributeValue += String.fromCodePoint(codePoint);
      },
      onattribend() {
        isTagHiding ||= isHiding(attribute, attributeValue);
      },
      onopentagend: openTag,
      // HTML has no self-closing elements: `<div/>` opens a div.
      onselfclosingtag: openTag,
      onclosetag(start, end) {
        const name = html.slice(start, end).toLowerCase();
        if (hidden) {
          if (hidden.name === name) hidden.depth -= 1;
          if (hidden.depth === 0) hidden = undefined;
          return;
        }
        separate(name);
        if (name === 'pre') preDepth = Math.max(0, preDepth - 1);
      },
      ontext(start, end) {
        write(html.slice(start, end));
      },
      ontextentity(codePoint) {
        write(String.fromCodePoint(codePoint));
      },
      oncomment(start, end, endOffset) {
        unseen.lineBreak();
        unseen.write(html.slice(start, end - endOffset), false);
        unseen.lineBreak();
      },
      oncdata() {},
      ondeclaration() {},
      onprocessinginstruction() {},
      onend() {},
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  return { text: visible.text(), hiddenText: unseen.text() };
}

/** The text of a submission to which evidence offsets refer; `readAnswer` says how it is made. */
export function toPlainText(html: string): string {
  return readAnswer(html).text;
}
