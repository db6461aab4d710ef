import { z } from 'zod';
import { settingsSchema } from '../../../shared/platform/config.ts';
import { deployments } from '../evaluate.ts';
import { type Place, place, type Rule, type Templates } from '../templates.ts';

/** `hh:mm:ss` in seconds. */
function spanS(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(':').map(Number);
  return hours * 3600 + minutes * 60 + seconds;
}

/** Where the relation is kept: the largest value that the schema takes. */
const longestCallS = z.toJSONSchema(settingsSchema.shape.LLM_TIMEOUT_S, {
  io: 'input',
  unrepresentable: 'any',
}).maximum;

const inHost = (text: string): Place => ({ path: 'host.json', line: 1, text });

function* checkScale(templates: Templates): Iterable<Place> {
  const calls = templates.host.maxConcurrentCalls;
  for (const { parameterFile, main, scope } of deployments(templates)) {
    const limit = scope('modelConcurrencyLimit');
    const instances = scope('workerMaximumInstances');
    const line = main.params.find((p) => p.name === 'workerMaximumInstances')?.line ?? 1;
    if (typeof limit !== 'number' || typeof instances !== 'number')
      yield place(
        main,
        line,
        `${parameterFile.path}: modelConcurrencyLimit and workerMaximumInstances are not known numbers`,
      );
    else if (instances * calls > limit)
      yield place(
        main,
        line,
        `${parameterFile.path}: ${instances} instances times ${calls} calls are more than the ${limit} that the vendor allows`,
      );
  }
}

export const relationRules: Rule[] = [
  {
    id: 'time-limits',
    why: 'A message whose lock ends before its function is graded twice; a function that ends before its call is paid for nothing.',
    *check({ host, queues }) {
      const timeoutS = spanS(host.functionTimeout);
      if (spanS(host.maxAutoLockRenewalDuration) < timeoutS)
        yield inHost('maxAutoLockRenewalDuration is shorter than functionTimeout');
      if (longestCallS === undefined || longestCallS >= timeoutS)
        yield inHost(`functionTimeout does not leave room for LLM_TIMEOUT_S, which may be ${longestCallS}`);
      for (const { name, maxDeliveryCount } of queues)
        if (typeof maxDeliveryCount !== 'number' || maxDeliveryCount < 2 || maxDeliveryCount > 10)
          yield { path: 'infra/queues.json', line: 1, text: `${name} is delivered ${maxDeliveryCount} times` };
    },
  },
  {
    id: 'model-concurrency',
    why: 'All instances together must not call a model more often at once than its vendor allows.',
    check: checkScale,
  },
];
