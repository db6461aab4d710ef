/** The entry that a Functions host loads: the benchmark's endpoints in place of the product's. */
import { app } from '@azure/functions';
import { mount } from '../../shared/platform/mount.ts';
import { createBenchRuntime, functions } from './endpoints.ts';

const runtime = createBenchRuntime();

mount(app, functions, () => runtime);
app.hook.appTerminate(() => runtime.close());
