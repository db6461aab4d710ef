#!/usr/bin/env node
/**
 * Runs a task of this project: `node tools/run.mjs <task> [arguments]`, which is what every npm script calls.
 *
 * It needs nothing but Node 20: what is missing is installed first, and the task itself runs on the Node version that the
 * project pins (the `node` development dependency). Plain JavaScript without imports from npm, because it runs before an
 * install, and without syntax that an old Node cannot parse, because it must be able to say that Node is too old.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 20;
const NODE_MAJOR_PROJECT = 24;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const stampPath = join(modules, '.lyceum-install.json');
const isWindows = process.platform === 'win32';

/** Task -> script; each script reads its own arguments. */
const tasks = {
  start: 'local/start.ts',
  stack: 'local/stack.ts',
  dev: 'tools/dev.ts',
  test: 'tools/test.ts',
  check: 'tools/check.ts',
  'check-infra': 'tools/infra-check.ts',
  generate: 'tools/generate.ts',
  bundle: 'tools/bundle.ts',
  package: 'tools/package.ts',
  bench: 'tools/bench.ts',
  new: 'tools/new.ts',
  deploy: 'tools/deploy.ts',
  destroy: 'tools/destroy.ts',
  smoke: 'tools/smoke.ts',
  mutation: 'tools/mutation.ts',
  install: null,
};

function fail(...lines) {
  for (const line of lines) console.error(line);
  process.exit(1);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

// --- What is installed ------------------------------------------------------------------------------------------------

/** Changes whenever another set of packages is wanted: the lock file, and the machine that binaries are picked for. */
function wantedInstall() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return createHash('sha256').update(lock).update(`${process.platform} ${process.arch}`).digest('hex');
}

/** npm's own record of what it put into node_modules agrees with the lock file, so an install by hand is good too. */
function matchesLock() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const present = readJson(join(modules, '.package-lock.json'))?.packages;
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.optional) return true;
    return present[path]?.version === entry.version && present[path]?.integrity === entry.integrity;
  });
}

const bundledNode = join(modules, 'node', 'bin', isWindows ? 'node.exe' : 'node');

function nodeVersionOf(path) {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** The Node to run tasks with, when everything is in place; undefined when something has to be installed. */
function installedNode() {
  const stamp = readJson(stampPath);
  if (stamp?.wanted !== wantedInstall()) return undefined;
  // Our own copy is not named by its path: the whole folder may have been moved since.
  const node = stamp.node === 'bundled' ? bundledNode : stamp.node;
  return existsSync(node) ? node : undefined;
}

// --- Installing -------------------------------------------------------------------------------------------------------

const lockPath = join(tmpdir(), `lyceum-install-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`);

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** One process installs at a time; a lock whose owner has died is taken over. Returns the function that lets go. */
async function takeInstallLock() {
  let hasSaidSo = false;
  for (;;) {
    try {
      const file = openSync(lockPath, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(lockPath, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = Number(existsSync(lockPath) ? readFileSync(lockPath, 'utf8') : 0);
    if (owner > 0 && !isAlive(owner)) rmSync(lockPath, { force: true });
    else {
      if (!hasSaidSo) console.error('Another run is installing the packages; waiting for it ...');
      hasSaidSo = true;
      await sleep(300);
    }
  }
}

function npmCommand() {
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.[cm]?js$/.test(cli)) return { file: process.execPath, args: [cli], shell: false };
  return { file: isWindows ? 'npm.cmd' : 'npm', args: [], shell: isWindows };
}

/** Runs npm quietly beside a line that shows that something is happening. Answers its exit code and what it said. */
function runNpm(label, npmArguments) {
  const { file, args, shell } = npmCommand();
  const startedMs = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedMs) / 1000)} s`;
  const isTerminal = process.stderr.isTTY;
  if (!isTerminal) console.error(`${label} ...`);
  const ticker = isTerminal && setInterval(() => process.stderr.write(`\r${label} ... ${seconds()} `), 500);
  return new Promise((resolve) => {
    const said = [];
    // The task's own npm settings (`--production`, a workspace) must not change which packages the project gets.
    const env = { ...process.env, NODE_ENV: 'development' };
    const child = spawn(file, [...args, ...npmArguments], { cwd: root, shell, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const stopWaiting = passSignals(child);
    child.stdout.on('data', (chunk) => said.push(chunk));
    child.stderr.on('data', (chunk) => said.push(chunk));
    const finish = (status, extra = '') => {
      stopWaiting();
      if (ticker) {
        clearInterval(ticker);
        process.stderr.write('\r\x1b[K');
      }
      if (status === 0) console.error(`${label}: done in ${seconds()}`);
      resolve({ status, output: Buffer.concat(said).toString('utf8') + extra });
    };
    child.on('error', (error) => finish(1, `\n${error.message}`));
    child.on('close', (status, signal) => finish(signal ? 130 : (status ?? 1)));
  });
}

const npmFlags = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
// npm's own patience is several minutes, which reads as a hang.
const npmPatience = [
  '--fetch-timeout=60000',
  '--fetch-retries=2',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
];

function explainNpmFailure(output) {
  const tail = output.trim().split('\n').slice(-15).join('\n');
  const isNetwork =
    /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET_TIMEOUT|ENETUNREACH|EHOSTUNREACH|network request|\bE5\d\d\b/;
  const reason = isNetwork.test(output)
    ? 'The npm registry does not answer. Is this machine online, and are proxy and registry right (`npm config get registry`)?'
    : 'npm could not install the packages.';
  fail(
    '',
    reason,
    'What npm said:',
    '',
    tail,
    '',
    'Nothing was started. Run the same command again once that is cured.',
  );
}

async function installPackages() {
  rmSync(stampPath, { force: true });
  let result = await runNpm('Installing packages (once)', ['ci', ...npmFlags, ...npmPatience]);
  if (result.status !== 0 && /EUSAGE/.test(result.output)) {
    // The lock file lacks a binary of some platform that the registry does have (or the other way round). The versions
    // are pinned in either case, so an ordinary install that leaves the lock file alone gives the same packages.
    result = await runNpm('Installing packages', ['install', '--no-save', ...npmFlags, ...npmPatience]);
  }
  if (result.status === 130) process.exit(130);
  if (result.status !== 0) explainNpmFailure(result.output);
}

/** npm may refuse to run install scripts; the `node` package fetches its binary in one, so it is run here then. */
async function fetchNode() {
  if (nodeVersionOf(bundledNode) !== undefined) return bundledNode;
  const installer = join(modules, 'node', 'installArchSpecificPackage.js');
  if (existsSync(installer)) {
    console.error(`Fetching Node ${NODE_MAJOR_PROJECT} ...`);
    // The installer calls npm itself; without a parent's npm settings it takes those of this machine.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^npm_(?!config_(registry|cache|cafile|userconfig|globalconfig)$)/i.test(name),
      ),
    );
    spawnSync(process.execPath, [installer], { cwd: dirname(installer), env, stdio: ['ignore', 'ignore', 'inherit'] });
    if (nodeVersionOf(bundledNode) !== undefined) return bundledNode;
  }
  // Systems that the package has no binary for (musl, say) can bring their own.
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_PROJECT) return process.execPath;
  return fail(
    `Node ${NODE_MAJOR_PROJECT} could not be fetched from the npm registry for ${process.platform} ${process.arch}.`,
    `Install Node ${NODE_MAJOR_PROJECT} or later by other means and run the same command with it.`,
  );
}

async function ensureInstalled() {
  const present = installedNode();
  if (present) return present;
  const release = await takeInstallLock();
  process.on('exit', release);
  try {
    const byOther = installedNode();
    if (byOther) return byOther;
    if (!matchesLock()) await installPackages();
    const node = await fetchNode();
    writeFileSync(
      stampPath,
      JSON.stringify({ wanted: wantedInstall(), node: node === bundledNode ? 'bundled' : node }),
    );
    return node;
  } finally {
    release();
  }
}

// --- Running ----------------------------------------------------------------------------------------------------------

// Not SIGHUP: a closed terminal ends everything anyway, and `nohup` must be able to prevent it.
const passedSignals = ['SIGINT', 'SIGTERM'];

/** Hands signals to the child, which decides when to stop; returns the function that takes the handlers off again. */
function passSignals(child) {
  const handlers = passedSignals.map((signal) => {
    const handler = () => child.kill(signal);
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}

/** npm runs scripts through a shell; when that is killed, nobody tells this process, so it looks for itself. */
function stopWithParent(child) {
  if (process.env.npm_lifecycle_event === undefined || isWindows) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM');
  }, 500).unref();
}

function runTask(node, task, taskArguments) {
  const path = [dirname(node), join(modules, '.bin'), process.env.PATH ?? ''].join(delimiter);
  const env = { ...process.env, PATH: path, LYCEUM_LAUNCHER_PID: String(process.pid) };
  // Compiled sources are kept between starts, which saves a third of a second start's work.
  if (['start', 'stack', 'dev'].includes(task)) env.NODE_COMPILE_CACHE ??= join(modules, '.cache', 'node-compile');
  const child = spawn(node, [join(root, tasks[task]), ...taskArguments], { cwd: root, env, stdio: 'inherit' });
  passSignals(child);
  stopWithParent(child);
  child.on('error', (error) => fail(`Could not start ${node}: ${error.message}`));
  child.on('exit', (status, signal) => process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (status ?? 1)));
}

async function main() {
  const [task, ...taskArguments] = process.argv.slice(2);
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
    fail(`Lyceum needs Node ${NODE_MAJOR_MIN} or later to start; this is Node ${process.versions.node}.`);
  }
  if (task === undefined || !Object.hasOwn(tasks, task)) {
    fail(`Usage: node tools/run.mjs <task> [arguments]`, `Tasks: ${Object.keys(tasks).join(', ')}`);
  }
  const node = await ensureInstalled();
  if (tasks[task] !== null) runTask(node, task, taskArguments);
}

await main();
