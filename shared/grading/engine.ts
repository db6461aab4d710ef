import { createHash, randomBytes } from 'node:crypto';
import { LlmError, type LlmGateway, type LlmSpent } from '../adapters/llm/types.ts';
import { currentMeter } from '../platform/meter.ts';
import { sanitiseRichText } from '../platform/rich-text.ts';
import { readAnswer, toPlainText } from './answer-text-rules.ts';
import type { Spending } from './documents.ts';
import { combine } from './outcome-rules.ts';
import { buildAskAgain, buildPrompt } from './prompt-rules.ts';
import { canonicalRubric, normaliseRubric } from './rubric-rules.ts';
import { type OutcomeData, Verdict } from './schemas.ts';
import { checkJudged, judgeVerdict } from './verdict-rules.ts';

export interface GradingTask {
  entry: { entry_title: string; instructions: string | null; rubric_definition: unknown };
  submission: { content: string; student_user_id: string; comp_id: string };
  /** Milliseconds since the epoch after which no model is asked any more. */
  deadlineMs: number;
}

export interface Graded {
  outcomeData: OutcomeData;
  provider: string;
  model: string;
  promptVersion: string;
  rubricHash: string;
  spent: Spending;
}

/** A grading that gave no outcome. It is never a grade; `spent` is what it cost all the same. */
export class GradingFailure extends Error {
  readonly code: string;
  /** `unknown`: the model answered, but nothing usable. */
  readonly kind: 'transient' | 'permanent' | 'unknown';
  readonly retryAfterS: number | undefined;
  readonly spent: Spending;

  constructor(error: LlmError, spent: Spending) {
    super(error.message, { cause: error });
    this.name = 'GradingFailure';
    this.code = error.code;
    this.kind = error.code === 'llm_bad_output' || error.code === 'llm_truncated' ? 'unknown' : error.kind;
    this.retryAfterS = error.retryAfterS;
    this.spent = spent;
  }
}

export interface GradingEngine {
  /** Asks a model, checks what it says against the answer, asks once more when that is needed. Throws `GradingFailure`. */
  grade(task: GradingTask): Promise<Graded>;
}

export const noSpending: Spending = { input_tokens: 0, output_tokens: 0, cost_micro_usd: 0 };

export function addSpending(a: Spending, b: Spending): Spending {
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cost_micro_usd: a.cost_micro_usd + b.cost_micro_usd,
  };
}

function spending(spent: LlmSpent): Spending {
  return {
    input_tokens: spent.usage.input_tokens,
    output_tokens: spent.usage.output_tokens,
    cost_micro_usd: spent.cost_micro_usd,
  };
}

/** SHA-256 of the rubric as grading reads it, so that two ways of writing the same rubric have one hash. */
export function rubricHash(definition: unknown): string {
  return createHash('sha256')
    .update(canonicalRubric(normaliseRubric(definition)))
    .digest('hex');
}

/** Room for 50 criteria, and for what a model thinks before it answers, which vendors count as output. */
const maxOutputTokens = 16_000;

export function createGradingEngine(deps: { llm: LlmGateway }): GradingEngine {
  function meter(spent: Spending): void {
    const counters = currentMeter();
    if (counters === undefined) return;
    counters.tokens_in += spent.input_tokens;
    counters.tokens_out += spent.output_tokens;
    counters.cost_micro_usd += spent.cost_micro_usd;
  }

  return {
    async grade({ entry, submission, deadlineMs }) {
      const rubric = normaliseRubric(entry.rubric_definition);
      const { text, hiddenText } = readAnswer(submission.content);
      const prompt = buildPrompt({
        entryTitle: entry.entry_title,
        instructions: entry.instructions,
        rubric,
        text,
        delimiter: randomBytes(12).toString('hex'),
      });
      const instructions = entry.instructions === null ? null : toPlainText(entry.instructions);
      const input = { entryTitle: entry.entry_title, instructions, rubric, text };
      let spent = noSpending;

      const ask = async (user: string) => {
        try {
          const result = await deps.llm.complete({
            use: 'grading',
            system: prompt.system,
            cachedPrefix: prompt.cachedPrefix,
            user,
            schema: Verdict,
            schemaName: 'verdict',
            maxOutputTokens,
            input,
            deadlineMs,
            budgetKeys: [`user:${submission.student_user_id}`, 'day'],
            about: { comp_id: submission.comp_id },
          });
          spent = addSpending(spent, spending({ usage: result.usage, cost_micro_usd: result.cost_micro_usd }));
          return result;
        } catch (error) {
          if (!(error instanceof LlmError)) throw error;
          const total = addSpending(spent, spending(error.spent));
          meter(total);
          throw new GradingFailure(error, total);
        }
      };

      let answer = await ask(prompt.user);
      let judged = judgeVerdict(answer.value, rubric, text);
      const check = checkJudged(judged);
      if (check.outcome === 'ask_again') {
        answer = await ask(`${prompt.user}\n\n${buildAskAgain(check.problems)}`);
        judged = judgeVerdict(answer.value, rubric, text);
      }
      meter(spent);
      return {
        outcomeData: combine({ rubric, text, hiddenText, verdict: answer.value, judged, sanitise: sanitiseRichText }),
        provider: answer.provider,
        model: answer.model,
        promptVersion: prompt.promptVersion,
        rubricHash: rubricHash(entry.rubric_definition),
        spent,
      };
    },
  };
}
