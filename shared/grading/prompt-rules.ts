import { toPlainText } from './answer-text-rules.ts';
import { askAgain, gradingPromptVersion, gradingSystem, gradingUser } from './prompts/grading-v1.ts';
import type { Rubric } from './schemas.ts';
import { cleanText } from './text-rules.ts';

/** A grading request to a model, in the order in which it is sent. */
export interface GradingPrompt {
  promptVersion: string;
  /** The same for every request of this version. */
  system: string;
  /** Task and rubric: the same for all answers to one entry, so that a provider can cache system + prefix. */
  cachedPrefix: string;
  /** The delimited answer. */
  user: string;
}

export interface GradingPromptInput {
  entryTitle: string;
  /** HTML or plain text, as the entry holds it; null when there are none. */
  instructions: string | null;
  rubric: Rubric;
  /** Plain text of the submission, made by `toPlainText`. */
  text: string;
  /** A code made at random for this one request: 16 to 64 ASCII letters and digits. */
  delimiter: string;
}

const titleCharactersMax = 1_000;
const instructionsCharactersMax = 20_000;

/** Tags that a model could take for parts of the prompt, with their opening bracket apart. */
const promptTag =
  /[<\uff1c](?=[\s\p{Cf}]{0,8}\/?[\s\p{Cf}]{0,8}(?:student|answer|submission|task|rubric|instruction|system|assistant|user|human|verdict|grad))/giu;
const chatMarkup = /<(?=\|)|<(?=<\/?SYS>)|\[(?=\/?INST\])/gi;

/**
 * Takes the force out of what looks like a part of the prompt. The bracket of such a tag becomes a look-alike that
 * `foldText` folds back, so that a quotation with it is still found in the answer.
 */
function neutralise(text: string): string {
  return text.replace(promptTag, '\u2039').replace(chatMarkup, (bracket) => (bracket === '<' ? '\u2039' : '('));
}

/** Breaks up the code of the marker lines, in any case, so that no text can close the block. */
function withoutCode(text: string, delimiter: string): string {
  return text.replace(new RegExp(delimiter, 'gi'), '\u2026');
}

function describeRubric(rubric: Rubric): string {
  const lines = rubric.criteria.flatMap(({ text, marks }, row) => [
    `Criterion ${row} (0 to ${marks} points): ${neutralise(text)}`,
    ...rubric.performance_levels.flatMap(({ text: level }, column) => {
      const description = rubric.cell_descriptions[row]?.[column] ?? '';
      return description === '' ? [] : [`  Level ${column}, ${neutralise(level)}: ${neutralise(description)}`];
    }),
  ]);
  const levels = rubric.performance_levels.map(({ text }, column) => `${column} = ${neutralise(text)}`);
  return [...lines, levels.length === 0 ? 'Levels: none (level is null)' : `Levels: ${levels.join('; ')}`].join('\n');
}

/**
 * Builds the request that grades one answer. The answer stands between marker lines whose code the caller makes at
 * random for each request; the code cannot occur inside, and tags that imitate the prompt are made harmless.
 * Throws a RangeError when the delimiter is not 16 to 64 ASCII letters and digits: that is a mistake of the caller.
 */
export function buildPrompt(input: GradingPromptInput): GradingPrompt {
  if (!/^[A-Za-z0-9]{16,64}$/.test(input.delimiter)) {
    throw new RangeError('The delimiter must be 16 to 64 ASCII letters and digits.');
  }
  const title = neutralise(cleanText(input.entryTitle, titleCharactersMax));
  const instructions = neutralise(cleanText(toPlainText(input.instructions ?? ''), instructionsCharactersMax));
  const answer = withoutCode(neutralise(input.text), input.delimiter);
  return {
    promptVersion: gradingPromptVersion,
    system: gradingSystem,
    cachedPrefix: [
      '<task>',
      `Title: ${title}`,
      `Instructions: ${instructions === '' ? 'none' : instructions}`,
      '</task>',
      '<rubric>',
      describeRubric(input.rubric),
      '</rubric>',
    ].join('\n'),
    user: [
      gradingUser.before(input.delimiter),
      gradingUser.open(input.delimiter),
      answer.trim() === '' ? gradingUser.empty : answer,
      gradingUser.close(input.delimiter),
      gradingUser.after,
    ].join('\n'),
  };
}

/** The message that sends a verdict back to the model, from the problems that `checkVerdict` found. */
export function buildAskAgain(problems: readonly string[]): string {
  return [askAgain.before, ...problems.map((problem) => `- ${problem}`), askAgain.after].join('\n');
}
