import { z } from 'zod';
import { settingsSchema } from '../../../shared/platform/config.ts';
import { appSettings } from '../app-settings.ts';
import { deployments } from '../deployments.ts';
import type { BicepFile } from '../read-bicep.ts';
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

/** Calls of a model that one instance makes at once: as many as it takes messages, or as its setting lets it. */
function callsPerInstance(templates: Templates, parameterFile: BicepFile): number {
  const worker = appSettings(templates).known.find((a) => a.parameterFile === parameterFile && a.app === 'worker');
  const limit = worker?.settings['LLM_MAX_CONCURRENT'];
  return Math.min(templates.host.maxConcurrentCalls, limit === undefined ? Infinity : Number(limit));
}

function* checkScale(templates: Templates): Iterable<Place> {
  for (const { parameterFile, main, scope } of deployments(templates)) {
    const limit = scope.get('modelConcurrencyLimit');
    const instances = scope.get('workerMaximumInstances');
    const calls = callsPerInstance(templates, parameterFile);
    const isNamed = ({ name }: { name: string }) => name === 'workerMaximumInstances';
    const line = [...main.params, ...main.variables].find(isNamed)?.line ?? 1;
    const at = (text: string) => place(main, line, `${parameterFile.path}: ${text}`);
    if (typeof limit !== 'number' || typeof instances !== 'number' || Number.isNaN(calls))
      yield at('modelConcurrencyLimit and workerMaximumInstances are not known numbers');
    else if (calls < 1) yield at('an instance may not call a model at all');
    else if (instances * calls > limit)
      yield at(`${instances} instances times ${calls} calls are more than the ${limit} that the vendor allows`);
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
