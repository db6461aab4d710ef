/** `npm run dev`: `npm start` that starts again when a source file changes. The demo course is left out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './run-command.ts';

const watched = ['functions', 'shared', 'local', 'infra', 'host.json', 'local.settings.json'];
/** Editors write a file in several steps. */
const settleMs = 150;

let child: ChildProcess | undefined;
let isStopping = false;

function startChild(): void {
  const args = [join(projectRoot, 'local', 'start.ts'), '--no-demo', ...process.argv.slice(2)];
  // The watched process has this one for a parent, not the launcher.
  const env = { ...process.env, LYCEUM_LAUNCHER_PID: String(process.pid) };
  const started = spawn(process.execPath, args, { cwd: projectRoot, stdio: 'inherit', env });
  child = started;
  started.on('exit', (status) => {
    if (child === started) child = undefined;
    if (isStopping) process.exit(status ?? 0);
  });
}

function stopChild(): Promise<void> {
  const running = child;
  if (running === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    running.once('exit', () => resolve());
    running.kill('SIGTERM');
  });
}

let restarting = Promise.resolve();
let timer: NodeJS.Timeout | undefined;

function restartSoon(what: string): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    restarting = restarting.then(async () => {
      console.log(`\n${what} changed; starting again.`);
      await stopChild();
      if (!isStopping) startChild();
    });
  }, settleMs);
}

for (const name of watched) {
  const path = join(projectRoot, name);
  if (existsSync(path))
    watch(path, { recursive: true }, (_event, file) =>
      restartSoon(file === null || file === name ? name : join(name, file)),
    );
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    isStopping = true;
    if (child === undefined) process.exit(0);
    child.kill(signal);
  });
}
startChild();
