/** The entry that the Functions host loads. */
import { app } from '@azure/functions';
import { loadProcessConfig, telemetryTargets } from '../shared/platform/config.ts';
import { mount } from '../shared/platform/mount.ts';
import { createRuntime } from '../shared/services.ts';
import { functions } from './index.ts';

// Wrong settings are told at the start, all at once, and not by the first request that needs them.
const config = loadProcessConfig();
let runtime: ReturnType<typeof createRuntime> | undefined;

mount(app, functions, () => {
  runtime ??= createRuntime(config);
  return runtime;
});
app.hook.appStart(() => {
  // What makes spans is loaded in the background from here on, so that already the first invocation has one.
  if (telemetryTargets(config) !== undefined) runtime ??= createRuntime(config);
});
app.hook.appTerminate(() => runtime?.close());
