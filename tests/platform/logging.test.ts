import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLogger, type LogFields, type LogLevel } from '../../shared/platform/logging.ts';

const CLOCK = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) };
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg';
const SECRET = 'q7-Zebra-Lantern';

function capture(level: LogLevel = 'debug') {
  const lines: string[] = [];
  return { lines, logger: createLogger({ write: (line) => lines.push(line), clock: CLOCK, level }) };
}

function lineOf(fields: LogFields): string {
  const { lines, logger } = capture();
  logger.info('event', fields);
  expect(lines).toHaveLength(1);
  return lines[0] ?? '';
}

function recordOf(fields: LogFields): Record<string, unknown> {
  const parsed: unknown = JSON.parse(lineOf(fields));
  if (typeof parsed !== 'object' || parsed === null) throw new Error('not a JSON object');
  return { ...parsed };
}

describe('the line', () => {
  test('a record is one JSON line that starts with time, level and event', () => {
    expect(lineOf({ status: 200 })).toBe(
      '{"time":"2026-01-02T03:04:05.006Z","level":"info","event":"event","status":200}',
    );
  });

  test('records below the level are not written', () => {
    const { lines, logger } = capture('warn');
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    logger.error('d');
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(['c', 'd']);
  });

  test('a child adds its fields to each line, the line wins, and the parent is unchanged', () => {
    const { lines, logger } = capture();
    const child = logger.child({ request_id: 'r1', user: 'u1' }).child({ password: SECRET });
    child.info('a', { user: 'u2' });
    logger.info('b');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ request_id: 'r1', user: 'u2', password: '[redacted]' });
    expect(JSON.parse(lines[1] ?? '')).not.toHaveProperty('request_id');
  });

  test('no field can take the place of time, level or event', () => {
    expect(recordOf({ time: 'x', level: 'x', event: 'x' })).toMatchObject({
      time: '2026-01-02T03:04:05.006Z',
      level: 'info',
      event: 'event',
    });
  });

  test('no text can break the line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
        const line = lineOf({ [name]: value, nested: { a: `x\r\n${value}\u2028\u2029\u0085` } });
        expect(line).not.toMatch(/[\n\r\u2028\u2029]/);
        expect(() => JSON.parse(line)).not.toThrow();
      }),
    );
  });

  test('a write that throws does not fail the caller', () => {
    const logger = createLogger({
      write: () => {
        throw new Error('disk full');
      },
      clock: CLOCK,
      level: 'info',
    });
    expect(() => logger.info('event')).not.toThrow();
  });
});

describe('what is never printed, by name', () => {
  const closed = [
    'password',
    'Password',
    'PASSWORD',
    'new_password',
    'newPassword',
    'passwordHash',
    'password_hash',
    'passwd',
    'token',
    'access_token',
    'refreshToken',
    'accesstoken',
    'authorization',
    'Authorization',
    'cookie',
    'Set-Cookie',
    'client_secret',
    'JWT_SECRET',
    'api_key',
    'apiKey',
    'APIKEY',
    'x-api-key',
    'access_key',
    'AccountKey',
    'SharedAccessKey',
    'key',
    'privateKey',
    'connectionString',
    'connection_string',
    'SERVICEBUS_CONNECTION_STRING',
    'credentials',
    'signature',
    'content',
    'text',
    'body',
    'rawBody',
    'answer',
    'answers',
    'student_answer',
    'answerText',
    'feedback',
    'feedback_text',
    'essay',
    'prompt',
    'html',
    'evidence',
    'comment',
    'modelOutput',
  ];

  test.each(closed)('%s', (name) => {
    for (const value of [SECRET, [SECRET], { inner: SECRET }, 123456]) {
      const record = recordOf({ [name]: value });
      expect(record[name]).toBe('[redacted]');
    }
    expect(lineOf({ list: [{ deep: { [name]: SECRET } }], map: new Map([[name, SECRET]]) })).not.toContain(SECRET);
  });

  test('measures and labels of such things are printed', () => {
    const fields = {
      tokens_in: 12,
      input_tokens: 5,
      max_tokens: 9,
      content_length: 3,
      body_bytes: 4,
      answer_count: 2,
      content_type: 'text/html',
      content_id: 'c1',
      has_password: true,
      password: null,
      partition_key: 'p',
      idempotency_key: 'i',
      context: 'shown',
      monkey: 'shown',
      keyboard: 'shown',
      textile: 'shown',
      submission_id: 's',
      request_id: 'r',
      token_id: 't',
    };
    expect(recordOf(fields)).toMatchObject(fields);
  });

  test('a label of a text may be a text, a measure may not', () => {
    expect(recordOf({ answer_count: SECRET, password_length: SECRET, password_id: { a: SECRET } })).toMatchObject({
      answer_count: '[redacted]',
      password_length: '[redacted]',
      password_id: '[redacted]',
    });
  });
});

describe('what is never printed, by look', () => {
  const looks: [string, string][] = [
    ['a signed token', JWT],
    ['a bearer header', `Bearer ${SECRET}`],
    ['a basic header', `basic ${SECRET}`],
    ['a vendor key', `sk-ant-${SECRET}`],
    ['an API key', `lyc_0a1b2c3d_5NGM2oU4pcqfcF24AXEqSQUcpxxfgzqW0LZhIa${SECRET.slice(3)}`],
    ['a refresh token', `lyr_${SECRET}`],
    ['a device token', `lyd_${SECRET}`],
    ['a storage key', `AccountName=a;AccountKey=${SECRET}==;x=1`],
    ['a service bus key', `Endpoint=sb://h/;SharedAccessKeyName=n;SharedAccessKey=${SECRET}=;x=1`],
    ['a signed address', `https://h/p?sv=1&sig=${SECRET}&x=1`],
    ['a user in an address', `https://user:${SECRET}@host/`],
    ['a password hash', `$2b$12$${SECRET.replaceAll('-', '.')}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`],
  ];

  test.each(looks)('%s, as a value, in a sentence, in an error and in its cause', (_name, secret) => {
    const spots = {
      value: secret,
      note: `it was ${secret} today`,
      list: [secret],
      error: new Error(`failed with ${secret}`, { cause: new Error(`because of ${secret}`, { cause: secret }) }),
    };
    const tail = secret === JWT ? 'c2lnbmF0dXJl' : SECRET.replaceAll('-', '.').slice(4, 9);
    const line = lineOf(spots);
    expect(line).not.toContain(tail);
    expect(line.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(5);
  });

  test('a token that straddles the cut of a long text is not printed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 900, max: 1_100 }), (before) => {
        expect(lineOf({ note: `${'-'.repeat(before)} ${JWT} ${'x'.repeat(500)}` })).not.toContain('eyJh');
      }),
    );
  });

  test('a secret in the name of the event or of a field is not printed', () => {
    const { lines, logger } = capture();
    logger.info(`got ${JWT}`, { [`x ${JWT}`]: 1 });
    expect(lines[0]).not.toContain('eyJh');
  });

  test('ordinary words are left alone', () => {
    const fields = {
      a: 'the task-force skipped a basic step',
      b: 'no bearer',
      c: 'https://host/path?page=2',
      d: 'risk-adjusted',
    };
    expect(recordOf(fields)).toMatchObject(fields);
  });
});

describe('errors', () => {
  test('an error is name, message, code, first frames and chain of causes', () => {
    const error = Object.assign(new TypeError('outer', { cause: new RangeError('inner') }), {
      code: 'E_X',
      body: SECRET,
    });
    const { error: shown } = recordOf({ error });
    expect(shown).toMatchObject({
      name: 'TypeError',
      message: 'outer',
      code: 'E_X',
      cause: { name: 'RangeError', message: 'inner' },
    });
    expect(shown).toHaveProperty('stack', expect.stringContaining('logging.test.ts'));
    expect(JSON.stringify(shown)).not.toContain(SECRET);
  });

  test('the text that JSON.parse could not read is not printed, neither in the message nor in the stack', () => {
    for (const text of [`${SECRET} says`, `{"a": ${SECRET} and more of what the student wrote}`, `["${SECRET}`]) {
      let error: unknown;
      try {
        JSON.parse(text);
      } catch (caught) {
        error = caught;
      }
      const line = lineOf({ error, problem: { cause: error } });
      expect(line).toContain('SyntaxError');
      expect(line).not.toMatch(/Zebra|Lantern|student|q7-/);
    }
  });

  test('the message does not come back through the stack, even with lines that look like frames', () => {
    const error = new Error(`x\n    at ${SECRET} (a.ts:1:1)\n    at password=${SECRET}`);
    const { error: shown } = recordOf({ error });
    expect(shown).toHaveProperty('stack', expect.not.stringContaining(SECRET));
  });

  test('an error that is its own cause, and many errors in one, are bounded', () => {
    const error = new Error('loop');
    error.cause = error;
    expect(lineOf({ error })).toContain('[circular]');
    expect(lineOf({ error: new AggregateError([new Error('one'), new Error('two')], 'all') })).toContain(
      '"message":"two"',
    );
  });
});

describe('bounds', () => {
  test('cycles, depth, breadth and length are bounded', () => {
    const cycle: LogFields = { name: 'c', items: [] };
    cycle['self'] = cycle;
    cycle['items'] = [cycle];
    let deep: LogFields = { end: 1 };
    for (let i = 0; i < 10_000; i += 1) deep = { deep };
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, 'x'.repeat(50)]));
    const line = lineOf({
      cycle,
      deep,
      long: 'y'.repeat(5_000_000),
      wide,
      list: Array.from({ length: 9_999 }, () => wide),
    });
    expect(line.length).toBeLessThan(25_000);
    expect(line).toContain('"self":"[circular]"');
    expect(line).toContain('(5000000 characters)');
    expect(() => JSON.parse(line)).not.toThrow();
  });

  test('values that JSON does not know are described', () => {
    const unreadable = Object.defineProperty({}, 'bad', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    });
    expect(
      recordOf({
        big: 12n,
        nan: Number.NaN,
        date: new Date(0),
        bytes: new Uint8Array(4),
        url: new URL('http://h/p'),
        set: new Set([1]),
        skip: undefined,
        fn: () => 1,
        symbol: Symbol('s'),
        unreadable,
        badDate: new Date(Number.NaN),
      }),
    ).toEqual({
      time: '2026-01-02T03:04:05.006Z',
      level: 'info',
      event: 'event',
      big: '12',
      nan: 'NaN',
      date: '1970-01-01T00:00:00.000Z',
      bytes: '[4 bytes]',
      url: 'http://h/p',
      set: [1],
      symbol: '[symbol]',
      unreadable: { bad: '[unreadable]' },
      badDate: 'Invalid Date',
    });
  });
});
