import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalRubric,
  levelDirection,
  levelShare,
  maxPoints,
  normaliseRubric,
  sumPoints,
} from '../../shared/grading/rubric-rules.ts';
import { Rubric } from '../../shared/grading/schemas.ts';

const overall = { text: 'Overall quality', marks: 10 };
const levels = (...names: string[]) => names.map((text) => ({ text }));

describe('normaliseRubric', () => {
  test('keeps what the editor makes', () => {
    const rubric = {
      criteria: [
        { text: 'Facts', marks: 6 },
        { text: 'Style', marks: 0 },
      ],
      performance_levels: levels('Good', 'Poor'),
      cell_descriptions: [
        ['right', 'wrong'],
        ['nice', 'dull'],
      ],
    };
    expect(normaliseRubric(rubric)).toEqual(rubric);
  });

  test.each([
    [undefined],
    [null],
    [{}],
    [[]],
    ['rubric'],
    [7],
    [{ criteria: 'x', performance_levels: 4, cell_descriptions: {} }],
    [{ criteria: [] }],
    [{ criteria: [null, 4, ['x'], undefined] }],
  ])('grades overall quality out of 10 when there is no criterion: %j', (definition) => {
    expect(normaliseRubric(definition)).toEqual({
      criteria: [overall],
      performance_levels: [],
      cell_descriptions: [[]],
    });
  });

  test('adds overall quality to criteria without any marks, as the placeholder of the editor has', () => {
    expect(
      normaliseRubric({
        criteria: [{ text: 'Sample Criterion', marks: 0 }],
        performance_levels: levels('Placeholder'),
        cell_descriptions: [['']],
      }),
    ).toEqual({
      criteria: [{ text: 'Sample Criterion', marks: 0 }, overall],
      performance_levels: levels('Placeholder'),
      cell_descriptions: [[''], ['']],
    });
  });

  test('adds overall quality within the bound of 50 criteria', () => {
    const { criteria } = normaliseRubric({ criteria: Array.from({ length: 50 }, () => ({ text: 'x', marks: 0 })) });
    expect(criteria).toHaveLength(50);
    expect(criteria.at(-1)).toEqual(overall);
    expect(criteria.at(-2)).toEqual({ text: 'x', marks: 0 });
  });

  test.each([
    [5, 5],
    ['5.5', 5.5],
    [' 7 ', 7],
    [-3, 0],
    [-0, 0],
    [1001, 1000],
    [Number.POSITIVE_INFINITY, 1000],
    [Number.NEGATIVE_INFINITY, 0],
    [Number.NaN, 0],
    ['', 0],
    [' ', 0],
    ['many', 0],
    [null, 0],
    [true, 0],
    [[3], 0],
    [0.005, 0.01],
    [1.004, 1],
  ])('reads marks %j as %d', (marks, expected) => {
    const { criteria } = normaliseRubric({
      criteria: [
        { text: 'a', marks: 1 },
        { text: 'b', marks },
      ],
    });
    expect(criteria[1]).toStrictEqual({ text: 'b', marks: expected });
  });

  test('accepts names as plain strings and numbers, and numbers what has no name', () => {
    expect(
      normaliseRubric({
        criteria: ['Facts', { marks: 2 }, { text: 3, marks: 1 }, { text: ' \n', marks: 1 }, { text: {}, marks: 1 }],
        performance_levels: ['Top', null, { text: 2 }, { text: '' }],
      }),
    ).toEqual({
      criteria: [
        { text: 'Facts', marks: 0 },
        { text: 'Criterion 2', marks: 2 },
        { text: '3', marks: 1 },
        { text: 'Criterion 4', marks: 1 },
        { text: 'Criterion 5', marks: 1 },
      ],
      performance_levels: levels('Top', 'Level 2', '2', 'Level 4'),
      cell_descriptions: Array.from({ length: 5 }, () => ['', '', '', '']),
    });
  });

  test('keeps descriptions with their criterion when an unusable row drops out', () => {
    const rubric = normaliseRubric({
      criteria: [null, { text: 'Facts', marks: 1 }],
      performance_levels: levels('Good', 'Poor'),
      cell_descriptions: [
        ['lost', 'lost'],
        ['right', 5, 'too many'],
      ],
    });
    expect(rubric.cell_descriptions).toEqual([['right', '5']]);
  });

  test('cuts texts at 4,000 characters, also between the halves of a sign, and takes NUL out', () => {
    const { criteria } = normaliseRubric({
      criteria: [
        { text: `${'a'.repeat(3_999)}\u{1f600}`, marks: 1 },
        { text: `  b\u0000c\ud800  `, marks: 1 },
        { text: `${'d'.repeat(3_998)}  e`, marks: 1 },
      ],
    });
    expect(criteria.map(({ text }) => text)).toEqual(['a'.repeat(3_999), 'bc', 'd'.repeat(3_998)]);
  });

  test('is bounded for cyclic and enormous input', () => {
    const cyclic: Record<string, unknown> = { marks: 3 };
    cyclic['text'] = cyclic;
    cyclic['criteria'] = [cyclic, cyclic];
    cyclic['performance_levels'] = [cyclic];
    cyclic['cell_descriptions'] = [cyclic['criteria']];
    expect(normaliseRubric(cyclic).criteria).toEqual([
      { text: 'Criterion 1', marks: 3 },
      { text: 'Criterion 2', marks: 3 },
    ]);
    const big = normaliseRubric({
      criteria: Array.from({ length: 1_000_000 }, () => ({ text: 'x', marks: 1 })),
      performance_levels: new Array(4_000_000_000),
      cell_descriptions: new Array(4_000_000_000),
    });
    expect([big.criteria.length, big.performance_levels.length, big.cell_descriptions.length]).toEqual([50, 20, 50]);
  });

  const anyRubric = fc.oneof(
    fc.anything(),
    fc.record({
      criteria: fc.array(fc.oneof(fc.anything(), fc.record({ text: fc.anything(), marks: fc.anything() }))),
      performance_levels: fc.array(fc.anything()),
      cell_descriptions: fc.array(fc.array(fc.anything())),
    }),
  );

  test('makes of anything a rubric within its bounds, with marks to reach', () => {
    fc.assert(
      fc.property(anyRubric, (definition) => {
        const rubric = normaliseRubric(definition);
        expect(Rubric.safeParse(rubric).success).toBe(true);
        expect(maxPoints(rubric)).toBeGreaterThan(0);
        expect(rubric.cell_descriptions).toHaveLength(rubric.criteria.length);
        for (const row of rubric.cell_descriptions) expect(row).toHaveLength(rubric.performance_levels.length);
      }),
    );
  });

  test('changes nothing the second time, nor after storing', () => {
    fc.assert(
      fc.property(anyRubric, (definition) => {
        const rubric = normaliseRubric(definition);
        expect(normaliseRubric(rubric)).toStrictEqual(rubric);
        expect(normaliseRubric(JSON.parse(JSON.stringify(rubric)))).toStrictEqual(rubric);
      }),
    );
  });
});

describe('canonicalRubric', () => {
  test('does not depend on the order of keys', () => {
    const one = { criteria: [{ text: 'a', marks: 1 }], performance_levels: levels('x'), cell_descriptions: [['y']] };
    const other = { cell_descriptions: [['y']], performance_levels: levels('x'), criteria: [{ marks: 1, text: 'a' }] };
    expect(canonicalRubric(one)).toBe(canonicalRubric(other));
    expect(JSON.parse(canonicalRubric(one))).toEqual(one);
  });

  test('differs when any part differs', () => {
    const one = { criteria: [{ text: 'a', marks: 1 }], performance_levels: levels('x'), cell_descriptions: [['y']] };
    const others = [
      { ...one, criteria: [{ text: 'b', marks: 1 }] },
      { ...one, criteria: [{ text: 'a', marks: 2 }] },
      { ...one, performance_levels: levels('z') },
      { ...one, cell_descriptions: [['']] },
    ];
    expect(new Set([one, ...others].map(canonicalRubric)).size).toBe(5);
  });
});

describe('sums of points', () => {
  test('are exact to two decimals', () => {
    expect(sumPoints([0.1, 0.2])).toBe(0.3);
    expect(sumPoints([])).toBe(0);
    expect(
      maxPoints({
        criteria: [
          { text: '', marks: 1.1 },
          { text: '', marks: 2.2 },
        ],
        performance_levels: [],
        cell_descriptions: [],
      }),
    ).toBe(3.3);
  });
});

describe('levelDirection', () => {
  test.each([
    [['Excellent', 'Good', 'Poor'], 'descending'],
    [['Poor', 'Good', 'Excellent'], 'ascending'],
    [['Beginning', 'Developing', 'Proficient'], 'ascending'],
    [['Developing', 'Advanced'], 'ascending'],
    [['Not met', 'Met'], 'ascending'],
    [['Met', 'Unsatisfactory'], 'descending'],
    [['4', '3', '2'], 'descending'],
    [['0-2', '3-5'], 'ascending'],
    [['80 % or more', 'about 50', 'under 20 %'], 'descending'],
    [['1.5', '1.2'], 'descending'],
    [['1.55', '1.56'], 'ascending'],
    [['9 points', '10 points'], 'ascending'],
    [['10 points', '9 points'], 'descending'],
    [['Level 1', 'Level 5'], 'ascending'],
    [['Excellent', 'Fair', 'Good'], 'descending'],
    [['Poor (4)', 'Excellent (1)'], 'descending'],
    [['Level 1', 'Level 2', 'Level 3'], undefined],
    [['Level 2', 'Level 1'], 'descending'],
    [['Stage 7', 'Later'], undefined],
    [['Red', 'Green'], undefined],
    [['Excellent', 'Outstanding'], undefined],
    [['Only'], undefined],
    [[], undefined],
  ])('of %j is %s', (names, expected) => {
    expect(levelDirection(levels(...names))).toBe(expected);
  });

  test('gives each level its share of the marks', () => {
    const share = (names: string[]) => names.map((_, level) => levelShare(levels(...names), level));
    expect(share(['Poor', 'Fair', 'Excellent'])).toEqual([0, 0.5, 1]);
    expect(share(['Excellent', 'Fair', 'Poor'])).toEqual([1, 0.5, 0]);
    expect(share(['Red', 'Green'])).toEqual([undefined, undefined]);
  });
});
