/** A terminal sends Ctrl-C to every process of the group, and the launcher passes it on: two signals, one wish. */
const sameWishMs = 1000;

/**
 * Ends the process with code 0 after `stop` when it is asked to end, or when the process that launched it is gone. A
 * second request after a moment ends it at once.
 */
export function stopOnSignal(stop: () => Promise<void>): void {
  let askedAtMs: number | undefined;
  const ask = () => {
    if (askedAtMs !== undefined) {
      if (performance.now() - askedAtMs > sameWishMs) process.exit(130);
      return;
    }
    askedAtMs = performance.now();
    void stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, ask);

  const launcher = Number(process.env['LYCEUM_LAUNCHER_PID']);
  if (launcher > 0 && launcher === process.ppid) {
    setInterval(() => {
      if (process.ppid !== launcher) ask();
    }, 500).unref();
  }
}
