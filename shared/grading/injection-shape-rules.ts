import type { FoldedText, Span } from './text-rules.ts';

/** A passage whose form, not its words, gives it away. */
export interface InjectionShape extends Span {
  kind: 'role_marker' | 'fake_verdict' | 'false_end' | 'encoded' | 'spaced_letters' | 'invisible_characters';
}

const shapesMax = 100;

const spelledCharactersMax = 1_000;
const encodedCharactersMax = 4_000;
/** Folded units within which two fields of a verdict make a ready-made verdict. */
const verdictDistance = 200;

const roleLine =
  /^[ \t>*#[\]"'-]{0,6}(?:system|assistant|developer)(?:[ \t]+(?:message|prompt|note|override))?[ \t]*[\]:>].*$/gimu;
const chatMarkup = /<\|[^|\n]{1,30}\|>|\[\/?INST\]|<<\/?SYS>>|^#{2,}[ \t]*(?:system|new instructions?)\b/gimu;
const tagLookAlike =
  /< ?\/? ?(?:student[_ -]?)?(?:answer|submission|instructions?|rubric|system|assistant|verdict|grading|grader)(?:[ _-][^<>]{0,80})?>/gu;
const verdictField =
  /'(points|score|confidence|criteria|verdict|feedback|feedback_text|quotes|llm_confidence|max_points|total_points|grade)' ?:/gu;
const base64Run = /[A-Za-z0-9+/_-]{24,}={0,2}/g;
const spacedLetters = /(?<!\p{L})(?:\p{L}[ ._*-]{1,2}){7,}\p{L}(?!\p{L})/gu;
const spelledOrder =
  /(?:ignore|disregard|forget|override).*(?:rubric|instruction|prompt|grading)|full(?:marks|points|score|credit)|(?:maximum|max|all|top)(?:points|score|marks)/;
// Letters of the tag block are invisible ASCII; honest only in flags of regions, which begin with a black flag.
const invisible =
  /(?<!\u{1f3f4}[\u{e0020}-\u{e007f}]{0,7})[\u{e0020}-\u{e007f}]+|[\u202d\u202e]|\p{Script=Latin}(?:[\u200b-\u200d\u2060\ufeff]+\p{Script=Latin}){3,}/gu;

function spans(text: string, pattern: RegExp, kind: InjectionShape['kind']): InjectionShape[] {
  const found: InjectionShape[] = [];
  for (const match of text.matchAll(pattern)) {
    if (found.length === shapesMax) break;
    found.push({ kind, start: match.index, end: match.index + match[0].length });
  }
  return found;
}

/** Two different quoted fields of a verdict close together: nobody writes `"score": 10, "confidence": 1` by chance. */
function findVerdicts(folded: string): InjectionShape[] {
  const found: InjectionShape[] = [];
  let previous: { name: string; start: number; end: number } | undefined;
  for (const match of folded.matchAll(verdictField)) {
    const field = { name: match[1] ?? '', start: match.index, end: match.index + match[0].length };
    if (previous && previous.name !== field.name && field.start - previous.end <= verdictDistance) {
      const opening = folded.lastIndexOf('{', previous.start);
      const closing = folded.indexOf('}', field.end);
      const start = opening >= 0 && previous.start - opening <= verdictDistance ? opening : previous.start;
      const end = closing >= 0 && closing - field.end <= 2 * verdictDistance ? closing + 1 : field.end;
      found.push({ kind: 'fake_verdict', start, end });
      if (found.length === shapesMax) break;
    }
    previous = field;
  }
  return found;
}

function findEncoded(text: string, isInjection: (decoded: string) => boolean): InjectionShape[] {
  return spans(text, base64Run, 'encoded').filter(({ start, end }) => {
    const run = text.slice(start, Math.min(end, start + encodedCharactersMax));
    return isInjection(Buffer.from(run, 'base64').toString('utf8'));
  });
}

/**
 * Passages that look like a message to the grader by their form. `isInjection` judges what a passage says once it is
 * decoded. Offsets are UTF-16 code units of `text`; at most 100 of each kind.
 */
export function findShapes(
  text: string,
  foldedText: FoldedText,
  isInjection: (decoded: string) => boolean,
): InjectionShape[] {
  const { folded, starts, ends } = foldedText;
  const original = (shape: InjectionShape): InjectionShape => ({
    kind: shape.kind,
    start: starts[shape.start] ?? 0,
    end: ends[shape.end - 1] ?? 0,
  });
  return [
    ...spans(text, roleLine, 'role_marker'),
    ...spans(text, chatMarkup, 'role_marker'),
    ...spans(folded, tagLookAlike, 'false_end').map(original),
    ...findVerdicts(folded).map(original),
    ...findEncoded(text, isInjection),
    ...spans(folded, spacedLetters, 'spaced_letters')
      .filter(({ start, end }) =>
        spelledOrder.test(folded.slice(start, Math.min(end, start + spelledCharactersMax)).replace(/\P{L}/gu, '')),
      )
      .map(original),
    ...spans(text, invisible, 'invisible_characters'),
  ];
}
