import { gradingLimits, type Rubric } from './schemas.ts';
import { cleanText } from './text-rules.ts';
import { fieldOf, numberOf } from './untrusted.ts';

/** The criterion that stands in where a rubric says nothing that could be graded. */
const overallQuality = { text: 'Overall quality', marks: 10 } as const;

/** The first items of whatever claims to be a list; a list of millions costs no more than a full one. */
function firstItems(value: unknown, countMax: number): unknown[] {
  return Array.isArray(value) ? value.slice(0, countMax) : [];
}

function readText(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return '';
  // Trimmed again after the cut, so that normalising twice changes nothing.
  return cleanText(value, gradingLimits.rubricTextCharacters).trim();
}

/** A rubric's own number: 0 to 1000 with at most two decimals; anything that is no number is 0. */
function readMarks(value: unknown): number {
  const bounded = Math.min(Math.max(numberOf(value) ?? 0, 0), gradingLimits.marks);
  return Math.round(bounded * 100) / 100;
}

function isCriterion(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null && !Array.isArray(value));
}

/**
 * The rubric that grading uses, from whatever JSON an entry holds. It never throws, looks only at the three known keys
 * and is bounded: at most 50 criteria x 20 levels, 4,000 characters a text, 0 to 1000 marks a criterion. Criteria
 * without marks stay, for feedback. When no criterion has marks (an empty rubric, or the editor's placeholder of
 * 0 marks) "Overall quality" with 10 marks is added, because a score out of nothing would tell every student 0.
 * Normalising a normal form changes nothing.
 */
export function normaliseRubric(rubricDefinition: unknown): Rubric {
  const levels = firstItems(fieldOf(rubricDefinition, 'performance_levels'), gradingLimits.levels).map(
    (level, column) => ({
      text: readText(typeof level === 'string' ? level : fieldOf(level, 'text')) || `Level ${column + 1}`,
    }),
  );
  const cells = firstItems(fieldOf(rubricDefinition, 'cell_descriptions'), gradingLimits.criteria);
  const rows = firstItems(fieldOf(rubricDefinition, 'criteria'), gradingLimits.criteria)
    // The row number is taken before unusable rows drop out, so that descriptions stay with their criterion.
    .map((criterion, row) => ({ criterion, cells: firstItems(cells[row], gradingLimits.levels) }))
    .filter((row) => isCriterion(row.criterion))
    .map(({ criterion, cells }, row) => ({
      text: readText(typeof criterion === 'string' ? criterion : fieldOf(criterion, 'text')) || `Criterion ${row + 1}`,
      marks: readMarks(fieldOf(criterion, 'marks')),
      cells,
    }));
  if (rows.every((row) => row.marks === 0)) {
    rows.splice(gradingLimits.criteria - 1);
    rows.push({ ...overallQuality, cells: [] });
  }
  return {
    criteria: rows.map(({ text, marks }) => ({ text, marks })),
    performance_levels: levels,
    cell_descriptions: rows.map((row) => levels.map((_, column) => readText(row.cells[column]))),
  };
}

/**
 * The one text of a rubric, for its hash: equal for equal rubrics whatever the order of keys in the stored JSON.
 * The caller hashes it; this module has no cryptography.
 */
export function canonicalRubric(rubric: Rubric): string {
  return JSON.stringify({
    criteria: rubric.criteria.map(({ text, marks }) => ({ text, marks })),
    performance_levels: rubric.performance_levels.map(({ text }) => ({ text })),
    cell_descriptions: rubric.cell_descriptions,
  });
}

/** Sum of the marks of all criteria, exact to two decimals. */
export function maxPoints(rubric: Rubric): number {
  return sumPoints(rubric.criteria.map((criterion) => criterion.marks));
}

/** Adds points in hundredths, because 0.1 + 0.2 must be 0.3 in a grade. */
export function sumPoints(points: readonly number[]): number {
  return points.reduce((sum, item) => sum + Math.round(item * 100), 0) / 100;
}

const goodLevel =
  /\b(excellent|outstanding|exceptional|exemplary|distinguished|distinction|advanced|mastery|master|expert|proficient|accomplished|strong|full|complete|exceeds|very good|great|superior|hd|a)\b/i;
const weakLevel =
  /\b(poor|weak|fail|failing|failed|unsatisfactory|inadequate|insufficient|beginning|beginner|emerging|novice|missing|absent|none|no|not|incomplete|limited|needs|below|unacceptable|f)\b/i;

function levelRank(name: string): number {
  if (weakLevel.test(name)) return -1;
  return goodLevel.test(name) ? 1 : 0;
}

function firstNumberIn(name: string): number | undefined {
  return numberOf(/\d+(?:\.\d+)?/.exec(name)?.[0]);
}

/**
 * Whether the levels go from worst to best or from best to worst, as far as their names tell it: teachers write both.
 * Numbers decide first ("0-2", "3-5"), then the words of the outermost columns. Undefined when nothing tells.
 */
export function levelDirection(levels: Rubric['performance_levels']): 'ascending' | 'descending' | undefined {
  const first = levels.at(0)?.text ?? '';
  const last = levels.at(-1)?.text ?? '';
  // "Level 1" is also the name that normalising gives to a nameless column: such numbers only count the columns.
  const isCounted = levels.every((level, column) => level.text === `Level ${column + 1}`);
  const firstNumber = firstNumberIn(first);
  const lastNumber = firstNumberIn(last);
  const difference =
    firstNumber !== undefined && lastNumber !== undefined && !isCounted
      ? lastNumber - firstNumber
      : levelRank(last) - levelRank(first);
  if (difference === 0) return undefined;
  return difference > 0 ? 'ascending' : 'descending';
}

/** The share of the marks, 0 to 1, that a level stands for, or undefined when the order of the levels is not known. */
export function levelShare(levels: Rubric['performance_levels'], level: number): number | undefined {
  const direction = levelDirection(levels);
  if (direction === undefined) return undefined;
  const share = level / (levels.length - 1);
  return direction === 'ascending' ? share : 1 - share;
}
