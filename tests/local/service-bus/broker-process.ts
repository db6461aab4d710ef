import { startServiceBus } from '../../../local/service-bus/server.ts';

/** A broker in a process of its own, for the test that kills it. Says its connection string when it is ready. */
const [dataDir = ''] = process.argv.slice(2);
const bus = await startServiceBus({
  port: 0,
  dataDir,
  queues: [{ name: 'grading', lockDuration: 'PT2S', maxDeliveryCount: 100 }],
});
process.stdout.write(`${bus.connectionString}\n`);
