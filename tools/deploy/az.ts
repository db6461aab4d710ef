import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { explainFailure } from './az-errors.ts';
import { AzError, DeployError, Interrupted } from './failure.ts';

type Environment = Record<string, string | undefined>;

export interface AzCall {
  /** Variables of this call alone. */
  env?: Record<string, string>;
  timeoutMs?: number;
  /** Texts that must not show up in an error. */
  hidden?: readonly string[];
  /** How often a call that only reads is tried again when network or service fail. */
  retries?: number;
  /** `az rest`, `az bicep` and `az version` know no subscription. */
  hasSubscription?: boolean;
}

const usualLimitMs = 120_000;

/** On Windows `az` is a batch file, which Node runs through a shell only; what that file runs is run instead. */
function azProgram(env: Environment): { file: string; args: string[] } {
  if (process.platform !== 'win32') return { file: 'az', args: [] };
  const folders = (env['Path'] ?? env['PATH'] ?? '').split(delimiter);
  const folder = folders.find((one) => existsSync(join(one, 'az.cmd')));
  if (folder === undefined) return { file: 'az', args: [] };
  return { file: join(folder, '..', 'python.exe'), args: ['-IBm', 'azure.cli'] };
}

/** The words of a command before its first option: enough to say which call it was, without any value. */
const nameOf = (args: readonly string[]) =>
  `az ${args.slice(0, args.findIndex((arg) => arg.startsWith('-')) >>> 0).join(' ')}`;

/** The one place that runs `az`: with an array of arguments and never a shell, JSON out, and a limit of time. */
export class Az {
  /** Told to every call from then on that knows subscriptions. */
  subscription: string | undefined;
  readonly #env: Environment;
  readonly #signal: AbortSignal;
  readonly #retryMs: number;

  constructor(options: { env: Environment; signal: AbortSignal; retryMs: number }) {
    this.#env = options.env;
    this.#signal = options.signal;
    this.#retryMs = options.retryMs;
  }

  /** Variables that every call from now on sees, beside those of the shell. */
  setVariables(values: Record<string, string | undefined>): void {
    Object.assign(this.#env, values);
  }

  /** @throws AzError in words that a person can act on. */
  async json<T extends z.ZodType>(schema: T, args: readonly string[], call: AzCall = {}): Promise<z.output<T>> {
    const parsed = schema.safeParse(await this.run(args, call));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new DeployError(
      `\`${nameOf(args)}\` answered something unexpected (${issue?.path.join('.')}: ${issue?.message}): update az with \`az upgrade\`, then run the same command again.`,
    );
  }

  /** The same, but undefined for what is not there. */
  async find<T extends z.ZodType>(schema: T, args: readonly string[], call: AzCall = {}) {
    try {
      return await this.json(schema, args, call);
    } catch (error) {
      if (error instanceof AzError && /NotFound/.test(error.code ?? '')) return undefined;
      throw error;
    }
  }

  /** A call of the control plane by its path, for what has no command of its own. */
  rest<T extends z.ZodType>(schema: T, method: 'get' | 'post', path: string, body?: unknown, call: AzCall = {}) {
    const args = ['rest', '--method', method, '--url', path];
    if (body !== undefined) args.push('--body', JSON.stringify(body), '--headers', 'Content-Type=application/json');
    return this.json(schema, args, { ...call, hasSubscription: false });
  }

  /** What the command printed, as JSON where it is; undefined when it printed nothing. */
  async run(args: readonly string[], call: AzCall = {}): Promise<unknown> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#once(args, call);
      } catch (error) {
        const mayRepeat = error instanceof AzError && error.isTransient && attempt < (call.retries ?? 0);
        if (!mayRepeat) throw error;
        await sleep(this.#retryMs);
        this.#signal.throwIfAborted();
      }
    }
  }

  async #once(args: readonly string[], call: AzCall): Promise<unknown> {
    const { status, stdout, stderr } = await this.#spawn(args, call);
    // Ctrl-C reaches az, too, and its end is no failure then.
    this.#signal.throwIfAborted();
    if (status === 0) {
      try {
        return stdout.trim() === '' ? undefined : JSON.parse(stdout);
      } catch {
        return stdout.trim();
      }
    }
    const hide = (text: string) => (call.hidden ?? []).reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
    throw explainFailure(nameOf(args), hide(stderr));
  }

  #spawn(args: readonly string[], call: AzCall): Promise<{ status: number; stdout: string; stderr: string }> {
    this.#signal.throwIfAborted();
    const { file, args: before } = azProgram(this.#env);
    const hasSubscription = this.subscription !== undefined && call.hasSubscription !== false;
    const all = [...before, ...args, ...(hasSubscription ? ['--subscription', this.subscription ?? ''] : [])];
    const limitMs = call.timeoutMs ?? usualLimitMs;
    return new Promise((resolve, reject) => {
      const child = spawn(file, [...all, '--only-show-errors', '--output', 'json'], {
        env: { ...this.#env, ...call.env },
        // Without a terminal az fails where it would ask.
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
      const stop = () => {
        child.kill();
        reject(new Interrupted());
      };
      const timer = setTimeout(() => {
        child.kill();
        const seconds = Math.round(limitMs / 1000);
        reject(
          new AzError(
            `\`${nameOf(args)}\` gave no answer in ${seconds} s: check the network, then run the same command again.`,
            undefined,
            true,
          ),
        );
      }, limitMs);
      this.#signal.addEventListener('abort', stop, { once: true });
      const end = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', stop);
      };
      child.on('error', (error) => {
        end();
        reject(isMissing(error) ? new DeployError(missingAz) : error);
      });
      child.on('close', (status) => {
        end();
        const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8');
        resolve({ status: status ?? 1, stdout: text(out), stderr: text(err) });
      });
    });
  }
}

const missingAz =
  'The Azure CLI (`az`) is not on the PATH: install it from https://aka.ms/azure-cli, run `az login`, then the same command again.';
const isMissing = (error: Error) => 'code' in error && error.code === 'ENOENT';
