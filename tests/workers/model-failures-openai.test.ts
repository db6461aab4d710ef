import { afterAll, beforeAll, describe } from 'vitest';
import { type ModelLab, startModelLab } from './fixture.ts';
import { testFailures, testSettled } from './model-failures.ts';

describe('with OpenAI', () => {
  let lab: ModelLab;
  beforeAll(async () => {
    lab = await startModelLab('openai', { settings: { LLM_TIMEOUT_S: '2' } });
  });
  afterAll(() => lab.close());

  testFailures('openai', () => lab);
  testSettled(() => lab);
});
