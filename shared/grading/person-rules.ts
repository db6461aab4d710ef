import { z } from 'zod';
import { CriterionScore, gradingLimits, type OutcomeData, ReviewFlag } from './schemas.ts';
import { normaliseConfidence } from './verdict-rules.ts';

/** An outcome as a person writes it: the score and the feedback matter, the rest is taken over when it is given. */
export const PersonOutcomeData = z
  .object({
    feedback_text: z.string().max(gradingLimits.feedbackCharacters).describe('Rich text, sanitised'),
    score: z.number().min(0).max(10),
    llm_confidence: z.number().min(0).max(100).optional().describe('0 to 1, or a percentage'),
    points: z.number().min(0).optional(),
    max_points: z.number().min(0).optional(),
    criteria_scores: z.array(CriterionScore).max(gradingLimits.criteria).optional(),
    review: z.array(ReviewFlag).max(gradingLimits.reviewFlags).optional(),
  })
  .meta({ id: 'PersonOutcomeData', description: 'The whole new outcome; nothing of the old one is merged in.' });
export type PersonOutcomeData = z.output<typeof PersonOutcomeData>;

/** What is stored for it. The doubts of the machine are settled once a person has decided. */
export function completeOutcome(input: PersonOutcomeData): OutcomeData {
  return {
    feedback_text: input.feedback_text,
    score: input.score,
    llm_confidence: normaliseConfidence(input.llm_confidence ?? 1),
    points: input.points ?? input.score,
    max_points: input.max_points ?? 10,
    criteria_scores: input.criteria_scores ?? [],
    review: [],
  };
}
