/** The main job: what grading costs without a model, and how much of a model's time the queue wastes. */
import { once } from 'node:events';
import { openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLlmGateway } from '../shared/adapters/llm/gateway.ts';
import { createSimulator } from '../shared/adapters/llm/simulator.ts';
import type { LlmGateway } from '../shared/adapters/llm/types.ts';
import { createGradingEngine, type GradingEngine } from '../shared/grading/engine.ts';
import { type SimulationInput, simulateGrading } from '../shared/grading/simulate.ts';
import { systemClock } from '../shared/platform/clock.ts';
import { answerHtml, entry, verdict } from './grading/essay.ts';
import type { ModelReport, Order } from './grading/model-process.ts';
import { cpuMsOf, type Program, startProgram } from './processes.ts';
import { type Account, makeStudents, type Product, startProduct } from './product.ts';
import { budget, budgetColumns, noBudget, runBench, type Table } from './report.ts';
import { median, percentile } from './statistics.ts';

const engineMsMax = 2;
const engineRuns = 400;
const engineWarmUps = 200;

const inFlight = 64;
const measured = 1000;
/** So many are handed in first and held by the model, so that the others wait in the queue until the clock starts. */
const plug = inFlight;
const students = 266;
const entriesPerRun = (plug + measured) / students;
const ratioMax = 1.2;

// ---- the engine alone ----

/** A gateway that costs nothing: what remains is reading, prompting, checking and combining. */
const noGateway: LlmGateway = {
  complete: async ({ schema }) => ({
    value: schema.parse(verdict),
    provider: 'anthropic',
    model: 'bench',
    usage: { input_tokens: 0, output_tokens: 0, cached_input_tokens: 0, cache_write_input_tokens: 0 },
    cost_micro_usd: 0,
  }),
  circuitState: () => ({}),
  isAvailable: () => true,
};

function simulatorGateway(): LlmGateway {
  return createLlmGateway({
    providers: [createSimulator({ grading: (input) => simulateGrading(input as SimulationInput) })],
    order: ['simulator'],
    uses: { grading: { models: {} } },
    timeoutMs: 60_000,
    maxConcurrent: 4,
    clock: systemClock,
    onCall: () => undefined,
  });
}

async function timeEngine(engine: GradingEngine) {
  const submission = { content: answerHtml, student_user_id: 'bench', comp_id: 'bench' };
  const times: number[] = [];
  for (let run = 0; run < engineWarmUps + engineRuns; run++) {
    const startedMs = performance.now();
    const { outcomeData } = await engine.grade({ entry, submission, deadlineMs: systemClock.now() + 60_000 });
    if (run >= engineWarmUps) times.push(performance.now() - startedMs);
    if (outcomeData.points <= 0) throw new Error('A good answer was given no points.');
  }
  return { p50: median(times), p99: percentile(times, 99) };
}

async function engineTable(): Promise<Table> {
  const alone = await timeEngine(createGradingEngine({ llm: noGateway }));
  const simulated = await timeEngine(createGradingEngine({ llm: simulatorGateway() }));
  return {
    title: 'Grading engine, 600 words, five criteria',
    columns: [
      { key: 'what', title: 'per answer' },
      { key: 'p50', title: 'p50 ms', digits: 2 },
      { key: 'p99', title: 'p99 ms', digits: 2 },
      ...budgetColumns,
    ],
    rows: [
      { what: 'read, prompt, check, combine', ...alone, ...budget(alone.p50, '<', engineMsMax, 'ms') },
      { what: 'the same with the simulator as model', ...simulated, ...noBudget },
    ],
  };
}

// ---- the queue ----

async function ask(model: Program, order: Order): Promise<ModelReport> {
  const answered = once(model.child, 'message');
  model.child.send(order);
  // The other process sends nothing else.
  return (await answered)[0] as ModelReport;
}

/** Reads what is added to the log file, without asking the process that is measured anything. */
function followLog(path: string) {
  const file = openSync(path, 'r');
  const chunk = Buffer.alloc(1 << 20);
  let position = 0;
  let rest = '';
  return {
    /** The lines since the last call that say that a grading job ended, with the time on each. */
    endedJobs(): { ok: boolean; atMs: number }[] {
      for (let read = -1; read !== 0; ) {
        read = readSync(file, chunk, 0, chunk.length, position);
        position += read;
        rest += chunk.toString('latin1', 0, read);
      }
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      return lines
        .filter((line) => line.includes('"operation":"grade-submission"') && line.includes('"event":"job"'))
        .map((line) => {
          // Lines of the product's own logger.
          const { ok, time } = JSON.parse(line) as { ok: boolean; time: string };
          return { ok, atMs: Date.parse(time) };
        });
    },
  };
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

interface School {
  product: Product;
  model: Program;
  compId: string;
  students: Account[];
  log: ReturnType<typeof followLog>;
}

async function openSchool(): Promise<School> {
  const model = await startProgram(join(import.meta.dirname, 'grading', 'model-process.ts'), { hasMessages: true });
  const product = await startProduct({
    LLM_PROVIDERS: 'anthropic',
    ANTHROPIC_API_KEY: 'a key for the bench',
    ANTHROPIC_BASE_URL: model.ready,
    LLM_MAX_CONCURRENT: String(inFlight),
    AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls: String(inFlight),
  });
  const { token } = product.admin;
  const path = '/api/configure/flexagecomps/';
  const { comp_id: compId } = await product.call<{ comp_id: string }>('POST', path, token, { comp_name: 'Biology' });
  const accounts = await makeStudents(product, students);
  await inParallel(accounts, 8, async ({ user_id }) => {
    const body = { student_user_id: user_id, flex_age_comp_id: compId };
    await product.call('POST', '/api/auth/enroll', token, body);
  });
  return { product, model, compId, students: accounts, log: followLog(product.logFile) };
}

async function untilEnded(school: School, count: number, withinMs: number): Promise<number> {
  const deadline = Date.now() + withinMs;
  let ended = 0;
  while (ended < count) {
    if (Date.now() > deadline) throw new Error(`Only ${ended} of ${count} gradings ended in time.`);
    await sleep(50);
    for (const job of school.log.endedJobs()) {
      if (!job.ok) throw new Error('A grading job failed.');
      ended += 1;
      if (ended === count) return job.atMs;
    }
  }
  return Date.now();
}

async function assertAllGraded(school: School): Promise<void> {
  const { product } = school;
  const isDone = new Map<string, boolean>();
  for (let skip = 0; ; skip += 500) {
    const path = `/api/configure/submissions/?limit=500&skip=${skip}`;
    const page = await product.call<{ submission_id: string; grading: { status: string }; outcome: unknown }[]>(
      ...(['GET', path, product.admin.token] as const),
    );
    for (const one of page) isDone.set(one.submission_id, one.grading.status === 'done' && one.outcome !== null);
    if (page.length < 500) break;
  }
  const done = [...isDone.values()].filter(Boolean).length;
  if (done !== isDone.size || done === 0) throw new Error(`${done} of ${isDone.size} submissions have an outcome.`);
}

interface Drained {
  seconds: number;
  mostAtOnce: number;
  /** Processor time of the product and its stand-ins for each submission. */
  cpuMs: number | undefined;
}

/** Hands in while the model holds the first ones back, then lets go and counts until the last outcome is stored. */
async function drainQueue(school: School, delayMs: number): Promise<Drained> {
  const { product, model, compId } = school;
  const handIns: { student: Account; entryId: string }[] = [];
  for (let number = 0; number < entriesPerRun; number++) {
    const body = { ...entry, flex_age_comp_id: compId };
    const made = await product.call<{ entry_id: string }>(
      ...(['POST', '/api/configure/entries/', product.admin.token, body] as const),
    );
    for (const student of school.students) handIns.push({ student, entryId: made.entry_id });
  }
  await ask(model, { kind: 'hold' });
  const handIn = async ({ student, entryId }: (typeof handIns)[number]) => {
    const body = { submission_title: 'My answer', content: answerHtml };
    await product.call('POST', `/api/student/entries/${entryId}/submit`, student.token, body);
  };
  await inParallel(handIns.slice(0, plug), 8, handIn);
  while ((await ask(model, { kind: 'report' })).held < plug) await sleep(50);
  await inParallel(handIns.slice(plug), 8, handIn);
  // What follows a hand-in, such as the change feed, is no part of the measurement.
  await sleep(2500);
  school.log.endedJobs();
  const cpuBeforeMs = cpuMsOf(product.pid);
  const startedAtMs = Date.now();
  await ask(model, { kind: 'release', delayMs });
  const endedAtMs = await untilEnded(school, plug + measured, 180_000);
  const cpuAfterMs = cpuMsOf(product.pid);
  const { calls, mostAtOnce } = await ask(model, { kind: 'report' });
  if (calls !== measured) throw new Error(`The model was asked ${calls} times for ${measured} answers.`);
  const cpuMs =
    cpuBeforeMs === undefined || cpuAfterMs === undefined ? undefined : (cpuAfterMs - cpuBeforeMs) / (plug + measured);
  return { seconds: (endedAtMs - startedAtMs) / 1000, mostAtOnce, cpuMs };
}

async function queueTable(): Promise<Table> {
  const school = await openSchool();
  const rows: Table['rows'] = [];
  for (const delayMs of [0, 1000]) {
    const { seconds, mostAtOnce, cpuMs } = await drainQueue(school, delayMs);
    const idealS = (measured / inFlight) * (delayMs / 1000);
    const ratio = idealS === 0 ? undefined : seconds / idealS;
    rows.push({
      what: `${measured} submissions, the model takes ${delayMs / 1000} s`,
      seconds,
      per_second: measured / seconds,
      cpu_ms: cpuMs ?? null,
      // Answers that take no time are never two at once.
      in_flight: delayMs === 0 ? null : mostAtOnce,
      ideal: idealS === 0 ? null : idealS,
      ratio: ratio ?? null,
      ...(ratio === undefined ? noBudget : budget(ratio, '<=', ratioMax)),
    });
  }
  await assertAllGraded(school);
  await school.product.stop();
  await school.model.stop();
  return {
    title: `The grading queue, ${inFlight} in flight`,
    columns: [
      { key: 'what', title: 'work' },
      { key: 'seconds', title: 'seconds', digits: 2 },
      { key: 'per_second', title: 'per second', digits: 1 },
      { key: 'cpu_ms', title: 'CPU ms each', digits: 1 },
      { key: 'in_flight', title: 'most at once' },
      { key: 'ideal', title: 'ideal s', digits: 2 },
      { key: 'ratio', title: 'ratio', digits: 2 },
      ...budgetColumns,
    ],
    rows,
  };
}

await runBench('grading', async () => [await engineTable(), await queueTable()]);
