import type { IndexingPolicy, Json } from './definition.ts';
import { isObject } from './definition.ts';
import { pathSteps } from './partition-key.ts';

interface Rule {
  steps: string[];
  /** `*` covers everything below, `?` only the value itself. */
  isWildcard: boolean;
  isIncluded: boolean;
}

export interface OrderTerm {
  steps: readonly string[];
  isDescending: boolean;
}

/** Answers what the indexing policy of a container covers. Array elements are the step `[]`. */
export class IndexPolicy {
  private readonly rules: Rule[];
  private readonly composites: OrderTerm[][];
  private readonly known = new Map<string, boolean>();
  private readonly isOff: boolean;

  constructor(policy: IndexingPolicy) {
    this.isOff = policy.indexingMode?.toLowerCase() === 'none';
    const rule =
      (isIncluded: boolean) =>
      (entry: { path: string }): Rule => {
        const steps = pathSteps(entry.path);
        const last = steps.pop();
        if (last !== '*' && last !== '?') throw new Error(`Indexing path ${entry.path} must end in /* or /?`);
        return { steps, isWildcard: last === '*', isIncluded };
      };
    this.rules = [
      ...(policy.includedPaths ?? []).map(rule(true)),
      ...(policy.excludedPaths ?? []).filter((entry) => entry.path !== '/"_etag"/?').map(rule(false)),
    ];
    this.composites = (policy.compositeIndexes ?? []).map((terms) =>
      terms.map((term) => ({ steps: pathSteps(term.path), isDescending: term.order === 'descending' })),
    );
  }

  /** The most precise rule decides; `id` and `_ts` are always indexed, `_etag` never. */
  isIndexed(steps: readonly string[]): boolean {
    const key = steps.join('/');
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const decided = this.decide(steps, key);
    this.known.set(key, decided);
    return decided;
  }

  private decide(steps: readonly string[], key: string): boolean {
    if (this.isOff || key === '_etag') return false;
    if (key === 'id' || key === '_ts') return true;
    let best = -1;
    let isIncluded = false;
    for (const rule of this.rules) {
      const fits = rule.steps.every((step, index) => step === steps[index]);
      if (!fits || (!rule.isWildcard && rule.steps.length !== steps.length)) continue;
      const precision = rule.steps.length * 2 + (rule.isWildcard ? 0 : 1);
      if (precision > best) {
        best = precision;
        isIncluded = rule.isIncluded;
      }
    }
    return isIncluded;
  }

  /** Two or more terms need a composite index with exactly these paths, in these orders or all of them reversed. */
  hasComposite(terms: readonly OrderTerm[]): boolean {
    return this.composites.some((index) => {
      if (index.length !== terms.length) return false;
      const flips = terms.map((term, at) => {
        const entry = index[at];
        if (entry === undefined || entry.steps.join('/') !== term.steps.join('/')) return undefined;
        return entry.isDescending !== term.isDescending;
      });
      return flips.every((flip) => flip !== undefined && flip === flips[0]);
    });
  }

  /** Index entries that a document makes: one per indexed value, one per composite index. */
  countTerms(document: Json): number {
    return this.composites.length + this.countBelow(document, []);
  }

  private countBelow(value: Json, steps: string[]): number {
    let count = 0;
    if (Array.isArray(value)) {
      for (const item of value) count += this.countBelow(item, [...steps, '[]']);
    } else if (isObject(value)) {
      for (const [name, item] of Object.entries(value)) {
        if (this.mayIndexBelow(steps.length === 0, name)) count += this.countBelow(item, [...steps, name]);
      }
    } else if (this.isIndexed(steps)) {
      count = 1;
    }
    return count;
  }

  /** Spares the walk through large excluded parts of a document. */
  private mayIndexBelow(isTop: boolean, name: string): boolean {
    if (!isTop || name === 'id') return true;
    return this.rules.some((rule) => rule.isIncluded && (rule.steps.length === 0 || rule.steps[0] === name));
  }
}
