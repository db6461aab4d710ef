import { readFile } from 'node:fs/promises';
import type { RawBody } from './define-endpoint.ts';
import { AppError } from './errors.ts';

const startScript = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  persistAuthorization: false,
  displayOperationId: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;

const types: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

const headers = { 'cache-control': 'public, max-age=86400' };
const loaded = new Map<string, Promise<Buffer>>();

/** Beside the bundle in a deployment (`npm run bundle` copies them there), in the package on a laptop. */
async function load(file: string): Promise<Buffer> {
  const places = [`./assets/${file}`, `../../node_modules/swagger-ui-dist/${file}`].map(
    (path) => new URL(path, import.meta.url),
  );
  for (const place of places) {
    const content = await readFile(place).catch(() => undefined);
    if (content !== undefined) return content;
  }
  throw new AppError('not_found', 'The documentation page is not part of this deployment.');
}

/** The files of the documentation page; nothing but these names is ever read from disk. */
export const docsAssets = {
  async read(file: string): Promise<RawBody> {
    if (file === 'start.js') return { contentType: 'text/javascript; charset=utf-8', content: startScript, headers };
    const contentType = types[file];
    if (contentType === undefined) throw new AppError('not_found', 'There is no such file.');
    let content = loaded.get(file);
    if (content === undefined) {
      content = load(file);
      content.catch(() => loaded.delete(file));
      loaded.set(file, content);
    }
    return { contentType, content: await content, headers };
  },
};
