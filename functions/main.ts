/** The entry that the Functions host loads. */
import { app } from '@azure/functions';
import { loadProcessConfig } from '../shared/platform/config.ts';
import { mount } from '../shared/platform/mount.ts';
import { telemetryTargets } from '../shared/platform/telemetry-settings.ts';
import { createRuntime } from '../shared/services.ts';
import { functionsOf } from './index.ts';

// Wrong settings are told at the start, all at once, and not by the first request that needs them.
const config = loadProcessConfig();
let runtime: ReturnType<typeof createRuntime> | undefined;

mount(app, functionsOf(config.LYCEUM_PART), () => {
  runtime ??= createRuntime(config);
  return runtime;
});
app.hook.appStart(() => {
  // What makes spans is loaded in the background from here on, so that already the first invocation has one.
  if (telemetryTargets(config) !== undefined) runtime ??= createRuntime(config);
});
app.hook.appTerminate(() => runtime?.close());
