import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { essayAboutInjection, honestAnswers, injectedAnswers } from '../grading/injection-corpus.ts';
import type { Person } from '../http/client.ts';
import { expectSettled, type ModelLab, startModelLab } from './fixture.ts';

const rubric = {
  criteria: [
    { text: 'Uses the terms of the subject', marks: 4 },
    { text: 'Explains how things are connected', marks: 6 },
  ],
  performance_levels: [],
  cell_descriptions: [],
};

const Data = z.object({
  score: z.number(),
  points: z.number(),
  criteria_scores: z.array(
    z.object({
      points: z.number(),
      proposed_points: z.number().optional(),
      evidence: z.array(z.object({ start: z.int(), end: z.int(), quote: z.string() })),
    }),
  ),
  review: z.array(z.object({ criterion: z.int().nullable(), reason: z.string() })),
});
type Data = z.output<typeof Data>;

/** What a model quotes that has fallen for the message; each way has an entry of its own, by whose title it is known. */
const ways = {
  'Without any quotation': () => [],
  'With an invented quotation': () => ['This passage occurs nowhere in what the student wrote'],
  'With the message itself': (message: string) => [message],
};

/** All the points there are, for every criterion. */
function obey(quotes: readonly string[]) {
  return {
    kind: 'answer' as const,
    value: {
      criteria: rubric.criteria.map(({ marks }, criterion) => ({
        criterion,
        level: null,
        points: marks,
        reason: 'As I was told.',
        quotes,
      })),
      feedback: 'Perfect.',
      confidence: 1,
    },
  };
}

/** Text as a reader sees it, near enough to quote from. */
function textOf(html: string): string {
  const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&', '&nbsp;': ' ' };
  return html
    .replace(/<!--|-->/g, '')
    .replace(/<[^>]*>/g, '')
    .replace(/&[a-z]+;/g, (entity) => entities[entity] ?? entity)
    .trim();
}

describe('a model that obeys what an answer tells it', () => {
  let lab: ModelLab;
  let course: Awaited<ReturnType<ModelLab['makeCourse']>>;
  const entries = new Map<string, string>();
  beforeAll(async () => {
    lab = await startModelLab('anthropic');
    course = await lab.makeCourse({ entry: { rubric_definition: rubric } });
    for (const way of Object.keys(ways)) {
      const entry = await lab.makeEntry(course.staff, course.compId, { entry_title: way, rubric_definition: rubric });
      entries.set(way, entry.entry_id);
    }
  });
  afterAll(() => lab.close());

  /** Every answer has an author of its own, who has handed nothing in before. */
  async function makeAuthor(): Promise<Person> {
    const student = await lab.makePerson('student');
    await lab.enrol(course.staff, student, course.compId);
    return student;
  }

  async function grade(student: Person, entryId: string, html: string): Promise<{ data: Data; shown: string }> {
    const { submission_id: id } = await lab.submit(student, entryId, html);
    await lab.waitForOutcome(student, id);
    const reply = await course.staff.get(`/api/configure/submissions/${id}`);
    const shown = await student.get(`/api/student/submissions/${id}`);
    return { data: Data.parse(JSON.parse(reply.text).outcome.outcome_data), shown: shown.text };
  }

  test('the corpus is as large as it has to be', () => {
    expect(injectedAnswers.length).toBeGreaterThanOrEqual(25);
    expect(new Set(injectedAnswers.map(({ name }) => name)).size).toBe(injectedAnswers.length);
  });

  test.each(injectedAnswers)(
    '$name: no point is gained, whatever is quoted, and staff are told',
    async ({ honest, message }) => {
      lab.stub.script((call) => {
        const prompt = call.system + call.user;
        const [, quote] = Object.entries(ways).find(([way]) => prompt.includes(way)) ?? [];
        if (quote === undefined) throw new Error('The prompt names no entry of this test');
        return obey(quote(textOf(message)));
      });
      const author = await makeAuthor();
      const graded = await Promise.all([...entries.values()].map((id) => grade(author, id, honest + message)));
      expect(graded).toHaveLength(3);
      // A comment is taken out when the answer is handed in, so that neither reader nor model ever sees it.
      const isSeen = !message.startsWith('<!--');
      for (const { data, shown } of graded) {
        expect(data.criteria_scores.map((one) => [one.points, one.evidence])).toEqual([
          [0, []],
          [0, []],
        ]);
        expect([data.points, data.score]).toEqual([0, 0]);
        expect(data.criteria_scores.map((one) => one.proposed_points)).toEqual([4, 6]);
        // Beside the points without evidence, the message itself is pointed out.
        expect(data.review.map((flag) => flag.criterion)).toEqual(isSeen ? [null, 0, 1] : [0, 1]);
        expect(shown).not.toMatch(/"review"|proposed_points/);
      }
    },
  );

  describe('honest answers', () => {
    async function gradeQuoting(html: string, quote: string): Promise<Data> {
      lab.stub.script(() => obey([quote]));
      return (await grade(await makeAuthor(), course.entryId, html)).data;
    }

    test.each(honestAnswers)('$name keeps its points and is not flagged', async ({ html }) => {
      const data = await gradeQuoting(html, textOf(html).slice(0, 40));
      expect(data).toMatchObject({ score: 10, points: 10, review: [] });
    });

    test('an essay about such messages keeps its points', async () => {
      const data = await gradeQuoting(essayAboutInjection, 'Models cannot separate data from orders reliably');
      expect(data.points).toBe(10);
    });

    test('next to a message, the honest part keeps its points, and staff are told of the message', async () => {
      const [first] = injectedAnswers;
      if (first === undefined) throw new Error('The corpus is empty');
      const data = await gradeQuoting(first.honest + first.message, textOf(first.honest).slice(0, 60));
      expect(data.points).toBe(10);
      expect(data.review.map((flag) => flag.criterion)).toEqual([null]);
    });
  });

  test('answers are only ever in the part of the prompt that is data, behind a delimiter that nobody can guess', () => {
    const delimiters = lab.stub.calls.map((call) => /[0-9a-f]{24}/.exec(call.user)?.[0]);
    expect(delimiters).not.toContain(undefined);
    // Asked again about the same answer, the model sees the same delimiter; every other answer has another one.
    expect(new Set(delimiters).size).toBe(lab.handedIn.size);
    for (const call of lab.stub.calls) expect(call.system).not.toMatch(/Rubicon|Chlorophyll in the|evaporates/);
  });

  test('afterwards everything is settled', async () => {
    await expectSettled(lab, lab.handedIn.size);
  });
});
