import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromPositionCursor, spanOf, toPositionCursor } from '../../shared/audit/range-rules.ts';

const latest = '2026-03-31';

describe('the span of a question', () => {
  test.each([
    ['the last thirty days', {}, ['2026-03-02', latest, '', '~']],
    ['up to the latest day', { from: '2026-01-01' }, ['2026-01-01', latest, '', '~']],
    ['whole days', { from: '2026-03-01', to: '2026-03-05' }, ['2026-03-01', '2026-03-05', '', '~']],
    ['thirty days up to a day', { to: '2026-02-28' }, ['2026-01-30', '2026-02-28', '', '~']],
    ['no day after the latest', { to: '2027-01-01' }, ['2026-03-02', latest, '', '~']],
    [
      'moments, with the day in which late events were appended',
      { from: '2026-03-01T10:00:00+02:00', to: '2026-03-05T23:30:00Z' },
      ['2026-03-01', '2026-03-06', '2026-03-01T08:00:00.000Z', '2026-03-05T23:30:00.000Z'],
    ],
    ['the end of time', { to: '9999-12-31T23:59:59Z' }, ['2026-03-02', latest, '', '9999-12-31T23:59:59.000Z']],
    [
      'nothing after the end of time',
      { from: '9999-12-31T23:59:59-05:00' },
      ['9999-12-31', latest, '9999-12-31T23:59:59.999Z', '~'],
    ],
    ['nothing, the wrong way round', { from: '2026-03-05', to: '2026-03-01' }, ['2026-03-05', '2026-03-01', '', '~']],
  ])('is %s', (_, range, expected) => {
    const span = spanOf(range, latest);
    expect([span.firstDay, span.lastDay, span.earliest, span.latest]).toEqual(expected);
  });

  test('lies around every time that is stored', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          const { earliest, latest: last } = spanOf({}, latest);
          expect(date.toISOString() >= earliest && date.toISOString() <= last).toBe(true);
        },
      ),
    );
  });
});

describe('a cursor', () => {
  test('is read as the place that it was made from', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        fc.maxSafeNat(),
        (date, seq) => {
          const place = { day: date.toISOString().slice(0, 10), seq };
          expect(fromPositionCursor(toPositionCursor(place))).toEqual(place);
        },
      ),
    );
  });

  test.each([
    '',
    'AAAA',
    '2026-03-01',
    '2026-03-01:',
    '2026-03-01:-1',
    '2026-03-01:1x',
    'x2026-03-01:1',
    '2026-13-01:1',
    '2026-03-01:12345678901234567',
    'latest:1',
  ])('is not made from %s', (text) => {
    expect(fromPositionCursor(Buffer.from(text).toString('base64url'))).toBeUndefined();
  });
});
