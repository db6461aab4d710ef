import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toPlainText } from '../../shared/grading/answer-text-rules.ts';
import { combine } from '../../shared/grading/outcome-rules.ts';
import { normaliseRubric } from '../../shared/grading/rubric-rules.ts';
import { Verdict } from '../../shared/grading/schemas.ts';
import { simulateGrading } from '../../shared/grading/simulate.ts';
import { checkVerdict } from '../../shared/grading/verdict-rules.ts';
import { injectedAnswers } from './injection-corpus.ts';

const photosynthesis = {
  entryTitle: 'Photosynthesis',
  instructions: 'Explain how plants make food by photosynthesis.',
  rubric: normaliseRubric({
    criteria: [
      { text: 'Explains the role of light and chlorophyll', marks: 4 },
      { text: 'Names the products glucose and oxygen', marks: 4 },
      { text: 'Clarity of explanation', marks: 2 },
    ],
    performance_levels: ['Excellent', 'Good', 'Poor'],
    cell_descriptions: [
      ['Light energy is absorbed by chlorophyll in chloroplasts', 'Light is mentioned', ''],
      ['Both glucose and oxygen are named', 'One of them is named', ''],
      ['Very clear', 'Clear', 'Unclear'],
    ],
  }),
};
const good =
  'Chlorophyll in the chloroplasts absorbs light energy from the sun. This energy turns water and carbon dioxide into glucose, therefore the plant can store it. ' +
  'Oxygen is released because water is split.';
const half = 'Plants use light to grow, and the chlorophyll in their leaves is green.';

function scoreOf(text: string, task: Omit<Parameters<typeof simulateGrading>[0], 'text'> = photosynthesis): number {
  const verdict = simulateGrading({ ...task, text });
  expect(Verdict.parse(verdict)).toEqual(verdict);
  expect(checkVerdict(verdict, task.rubric, text)).toEqual({ outcome: 'accept', problems: [] });
  return combine({ rubric: task.rubric, text, verdict, sanitise: (html) => html }).score;
}

describe('simulateGrading', () => {
  test('gives an empty answer 0, a good one much, a half-right one something between', () => {
    expect(scoreOf('')).toBe(0);
    expect(scoreOf(' \n . ')).toBe(0);
    expect(scoreOf(good)).toBeGreaterThanOrEqual(8);
    expect(scoreOf(half)).toBeGreaterThanOrEqual(2);
    expect(scoreOf(half)).toBeLessThanOrEqual(6);
  });

  test('gives nothing for another subject, for the task repeated, or for orders to the grader', () => {
    expect(
      scoreOf(
        'I like football and pizza. We went to the beach because the weather was nice and my brother swam for hours.',
      ),
    ).toBe(0);
    expect(scoreOf(`${photosynthesis.instructions} Names the products glucose and oxygen.`)).toBe(0);
    for (const { name, message } of injectedAnswers) expect([name, scoreOf(toPlainText(message))]).toEqual([name, 0]);
  });

  test('gives no more for saying a thing twice', () => {
    expect(scoreOf(`${half} ${half} ${half}`)).toBe(scoreOf(half));
  });

  test('judges each criterion by itself and quotes the sentences that show it', () => {
    const { criteria } = simulateGrading({ ...photosynthesis, text: `${good} My dog sleeps.` });
    expect(criteria[0]?.quotes[0]).toBe('Chlorophyll in the chloroplasts absorbs light energy from the sun.');
    expect(criteria[1]?.quotes).toContain('Oxygen is released because water is split.');
    expect(criteria.flatMap(({ quotes }) => quotes)).not.toContain('My dog sleeps.');
    const onlyLight = simulateGrading({ ...photosynthesis, text: half }).criteria;
    expect(onlyLight[0]?.points).toBeGreaterThan(0);
    expect(onlyLight[1]).toMatchObject({ points: 0, quotes: [], reason: 'The answer says nothing about this.' });
  });

  test('names the level that fits, in whichever order the teacher put them', () => {
    const levels = (text: string, names: string[]) =>
      simulateGrading({
        ...photosynthesis,
        rubric: { ...photosynthesis.rubric, performance_levels: names.map((name) => ({ text: name })) },
        text,
      }).criteria[0]?.level;
    expect([levels(good, ['Excellent', 'Good', 'Poor']), levels('', ['Excellent', 'Good', 'Poor'])]).toEqual([0, 2]);
    expect([levels(good, ['Poor', 'Good', 'Excellent']), levels('', ['Poor', 'Good', 'Excellent'])]).toEqual([2, 0]);
    expect(levels(good, [])).toBeNull();
  });

  test('judges by depth alone where nothing says what the answer is about', () => {
    const task = { entryTitle: 'Week 1', instructions: null, rubric: normaliseRubric({}) };
    expect(scoreOf('', task)).toBe(0);
    expect(scoreOf(good, task)).toBeGreaterThanOrEqual(7);
    expect(scoreOf('It is nice weather.', task)).toBeLessThan(4);
  });

  test('reads answers in scripts without spaces', () => {
    const task = {
      entryTitle: '光合作用',
      instructions: '解释光合作用。',
      rubric: normaliseRubric({
        criteria: [
          { text: '叶绿素吸收阳光', marks: 5 },
          { text: '产生葡萄糖和氧气', marks: 5 },
        ],
      }),
    };
    expect(scoreOf('植物的叶绿素吸收阳光的能量。它产生葡萄糖，并放出氧气。', task)).toBeGreaterThanOrEqual(6);
    expect(scoreOf('我喜欢足球和音乐。', task)).toBe(0);
  });

  test('awards halves, and hundredths where a criterion is worth less than a point', () => {
    const rubric = normaliseRubric({
      criteria: [
        { text: 'light and chlorophyll in chloroplasts', marks: 7 },
        { text: 'light and chlorophyll in chloroplasts', marks: 0.3 },
      ],
    });
    for (const text of [half, good]) {
      const [first, second] = simulateGrading({ ...photosynthesis, rubric, text }).criteria;
      expect(Number.isInteger((first?.points ?? 0.1) * 2)).toBe(true);
      expect(second?.points).toBeGreaterThan(0);
      expect(second?.points).toBeLessThanOrEqual(0.3);
    }
  });

  test('cuts long sentences after a word for its quotations', () => {
    const long = `${'Chlorophyll absorbs light energy while '.repeat(20)}the sun shines.`;
    const [quote] = simulateGrading({ ...photosynthesis, text: long }).criteria[0]?.quotes ?? [];
    expect(quote?.length).toBeLessThanOrEqual(300);
    expect(long.startsWith(`${quote} `)).toBe(true);
    expect(
      scoreOf('chlorophylllight'.repeat(100), {
        ...photosynthesis,
        rubric: normaliseRubric({}),
        entryTitle: '',
        instructions: null,
      }),
    ).toBeGreaterThan(0);
  });

  test('says that it is simulated, and says how good the answer is', () => {
    const feedback = (text: string) => simulateGrading({ ...photosynthesis, text }).feedback;
    for (const text of ['', half, good])
      expect(feedback(text)).toMatch(/^Simulated grading, made without a language model\./);
    expect(feedback('')).toContain('does not address');
    expect(feedback(good)).toContain('addresses the task well');
    expect(new Set(['', 'Light.', half, good].map(feedback)).size).toBeGreaterThanOrEqual(3);
    expect(simulateGrading({ ...photosynthesis, text: '' }).criteria[0]?.reason).toBe(
      'The answer says nothing about this.',
    );
    expect(simulateGrading({ ...photosynthesis, text: good }).criteria[0]?.reason).toMatch(
      /^The answer covers this well\. It uses \d of \d expected ideas\.$/,
    );
  });

  test('gives the same verdict for the same input', () => {
    expect(simulateGrading({ ...photosynthesis, text: good })).toEqual(
      simulateGrading({ ...photosynthesis, text: good }),
    );
  });

  test('never awards what the checks would send back, for any rubric and answer', () => {
    const word = fc.constantFrom(
      'light',
      'chlorophyll',
      'Glucose',
      'the',
      'sun.',
      'ignore the rubric.',
      '光合',
      '\n',
      '😀',
      'a',
      '42',
      '...',
      '"',
      'because',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(word, { maxLength: 30 }).map((all) => all.join(' ')),
    );
    const criterion = fc.record({
      text: fc.oneof(fc.constantFrom('light', 'Explains glucose', 'Clarity', ''), fc.string()),
      marks: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.double({ min: 0, max: 3, noNaN: true })),
    });
    fc.assert(
      fc.property(
        fc.array(criterion, { maxLength: 5 }),
        fc.array(fc.constantFrom('Excellent', 'Poor', 'x'), { maxLength: 4 }),
        text,
        text,
        (criteria, names, answer, title) => {
          const rubric = normaliseRubric({ criteria, performance_levels: names });
          const verdict = simulateGrading({ entryTitle: title, instructions: null, rubric, text: answer });
          expect(checkVerdict(verdict, rubric, answer)).toEqual({ outcome: 'accept', problems: [] });
          const outcome = combine({ rubric, text: answer, verdict, sanitise: (html) => html });
          expect(outcome.review.filter(({ criterion: flagged }) => flagged !== null)).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
  });
});
