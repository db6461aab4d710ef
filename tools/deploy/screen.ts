import { Interrupted } from './failure.ts';

export interface Terminal {
  write(text: string): void;
  /** Undefined where there is nobody to ask. */
  ask: ((question: string) => Promise<string>) | undefined;
  /** Lines may be overwritten. */
  isLive: boolean;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** One line for each step, with its time and what came of it; lines about what happens within it before that. */
export class Screen {
  readonly #terminal: Terminal;
  #ticker: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  say(text: string): void {
    this.#wipe();
    this.#terminal.write(`${text}\n`);
  }

  /** A line about what happens within a step. */
  note(text: string): void {
    this.say(text.replace(/^/gm, '       '));
  }

  async step(name: string, work: () => Promise<string>): Promise<void> {
    const startedMs = performance.now();
    const line = (word: string, result: string) => {
      this.#stopTicker();
      this.say(
        `${word.padEnd(5)}${name.padEnd(10)}${seconds(performance.now() - startedMs).padStart(9)}   ${result}`.trimEnd(),
      );
    };
    this.#startTicker(name, startedMs);
    try {
      const result = await work();
      line('ok', result);
    } catch (error) {
      line(error instanceof Interrupted ? 'STOP' : 'FAIL', '');
      throw error;
    }
  }

  /** Asks with the ticker out of the way. */
  async ask(question: string): Promise<string> {
    this.#stopTicker();
    return (await this.#terminal.ask?.(question)) ?? '';
  }

  #startTicker(name: string, startedMs: number): void {
    if (!this.#terminal.isLive) return;
    const tick = () => this.#terminal.write(`\r...  ${name} ${Math.round((performance.now() - startedMs) / 1000)} s `);
    this.#ticker = setInterval(tick, 500);
    this.#ticker.unref();
  }

  #stopTicker(): void {
    clearInterval(this.#ticker);
    this.#wipe();
    this.#ticker = undefined;
  }

  #wipe(): void {
    if (this.#ticker !== undefined) this.#terminal.write('\r\x1b[K');
  }
}
