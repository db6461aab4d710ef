/** Time that passes only when everything that can happen now has happened, so that a run is the same on every machine. */
export interface VirtualTime {
  now(): number;
  after(ms: number, work: () => void): () => void;
  sleep(ms: number): Promise<void>;
  /** Lets time pass until nothing is left to do before `untilMs`. */
  run(untilMs: number): Promise<void>;
}

interface Planned {
  atMs: number;
  order: number;
  work: () => void;
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** A binary heap: the next thing to happen is the first. */
function createAgenda() {
  const heap: Planned[] = [];
  const at = (index: number) => heap[index] as Planned;

  function swap(a: number, b: number): void {
    const kept = at(a);
    heap[a] = at(b);
    heap[b] = kept;
  }

  function sink(): void {
    let index = 0;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let first = index;
      if (left < heap.length && isBefore(at(left), at(first))) first = left;
      if (right < heap.length && isBefore(at(right), at(first))) first = right;
      if (first === index) return;
      swap(first, index);
      index = first;
    }
  }

  return {
    add(planned: Planned): void {
      heap.push(planned);
      let index = heap.length - 1;
      while (index > 0 && isBefore(at(index), at((index - 1) >> 1))) {
        swap(index, (index - 1) >> 1);
        index = (index - 1) >> 1;
      }
    },
    takeUntil(ms: number): Planned | undefined {
      const first = heap[0];
      if (first === undefined || first.atMs > ms) return undefined;
      swap(0, heap.length - 1);
      heap.pop();
      sink();
      return first;
    },
  };
}

export function createVirtualTime(startMs: number): VirtualTime {
  const agenda = createAgenda();
  let nowMs = startMs;
  let order = 0;

  const after = (ms: number, work: () => void) => {
    const planned: Planned = { atMs: nowMs + Math.max(0, ms), order, work };
    order += 1;
    agenda.add(planned);
    return () => {
      planned.work = () => undefined;
    };
  };

  return {
    now: () => nowMs,
    after,
    sleep: (ms) => new Promise((resolve) => after(ms, resolve)),
    async run(untilMs) {
      for (let next = agenda.takeUntil(untilMs); next !== undefined; next = agenda.takeUntil(untilMs)) {
        nowMs = next.atMs;
        next.work();
        // Everything that was waiting for this goes on before time does.
        await new Promise(setImmediate);
      }
      nowMs = untilMs;
    },
  };
}

/** Chance that is the same each time: mulberry32. */
export function createChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
