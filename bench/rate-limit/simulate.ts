/** Prints the table of docs/rate-limits.md: what instances of the real limiter allow together, in virtual time. */
import type { Limit } from '../../shared/platform/rate-limit-rules.ts';
import { type Outcome, type Scenario, simulate, type Traffic } from './simulation.ts';

const limits: Record<string, { limit: Limit; seconds: number; isEverybody?: boolean }> = {
  'person (100, 10/s)': { limit: { capacity: 100, refillPerMs: 10 / 1000 }, seconds: 180 },
  'address (600, 20/s)': { limit: { capacity: 600, refillPerMs: 20 / 1000 }, seconds: 180 },
  'tiny (5, 5/min)': { limit: { capacity: 5, refillPerMs: 5 / 60_000 }, seconds: 900 },
  'key (60 a minute)': { limit: { capacity: 60, refillPerMs: 0, windowMs: 60_000 }, seconds: 300 },
  // A tenth of the real one, which has the same proportions.
  'all calls (1000, 100/s)': { limit: { capacity: 1000, refillPerMs: 0.1 }, seconds: 60, isEverybody: true },
};
const traffics: readonly Traffic[] = ['even', 'skewed', 'bursts', 'wandering', 'coming and going'];
const loads = [0.5, 3];
const counts = [1, 2, 5, 10, 20, 50];

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

/** The worst of several runs. */
function worst(outcomes: readonly Outcome[]) {
  const most = (of: (outcome: Outcome) => number) => Math.max(...outcomes.map(of));
  const least = (of: (outcome: Outcome) => number) => Math.min(...outcomes.map(of));
  return {
    over: most((one) => one.overFactor),
    use: least((one) => one.useShare),
    perSecond: most((one) => one.writesPerSecondMax),
    perS: most((one) => one.writesPerS),
    conflicts: most((one) => one.conflictShare),
    awaited: most((one) => one.awaitedShare),
    waitMs: most((one) => one.waitMaxMs),
  };
}

async function row(name: string, load: number, instances: number): Promise<string> {
  const {
    limit,
    seconds,
    isEverybody = false,
  } = limits[name] ?? { limit: { capacity: 1, refillPerMs: 1 }, seconds: 1 };
  const outcomes: Outcome[] = [];
  for (const traffic of traffics) {
    for (const seed of [1, 2]) {
      const scenario: Scenario = { limit, instances, traffic, load, seconds, seed, isEverybody };
      outcomes.push(await simulate(scenario));
    }
  }
  const found = worst(outcomes);
  const cells = [
    name,
    `${load} x`,
    instances,
    percent(found.over),
    percent(found.use),
    found.perSecond,
    found.perS.toFixed(1),
    percent(found.conflicts),
    percent(found.awaited),
    `${Math.round(found.waitMs)} ms`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const titles = [
  'limit',
  'calls',
  'instances',
  'most in any time',
  'least of what is due',
  'writes/s of one instance',
  'writes/s of all',
  'conflicts',
  'calls that waited',
  'longest wait',
];
console.log(`| ${titles.join(' | ')} |\n|${'---|'.repeat(titles.length)}`);
for (const name of Object.keys(limits)) {
  for (const load of loads) {
    for (const instances of counts) console.log(await row(name, load, instances));
  }
}
