/**
 * Milliseconds of processor time that something took in all threads of this process. A clock on the wall would count what else
 * runs on the machine.
 */
export async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
