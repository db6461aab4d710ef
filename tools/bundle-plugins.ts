import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Plugin, transform } from 'esbuild';
import { projectRoot } from './run-command.ts';

/** Code that a package brings along and Lyceum never runs, with what stands in its place. */
interface Omission {
  /** The import as the package writes it. */
  path: RegExp;
  /** The files that import it. */
  from: RegExp;
  contents: string;
}

const refusal = (what: string) => `new Error('${what} is not part of this bundle (tools/bundle-plugins.ts).')`;

const omissions: readonly Omission[] = [
  {
    // The messages of zod in 40 languages: a quarter of a megabyte. Ours are English.
    path: /locales\/index\.js$/,
    from: /node_modules\/zod\//,
    contents: 'export {};',
  },
  {
    // Client-side encryption with keys of Key Vault: the account's own encryption at rest is what we use.
    path: /^@azure\/keyvault-keys$/,
    from: /node_modules\/@azure\/cosmos\//,
    contents: `export class KeyClient { constructor() { throw ${refusal('Key Vault encryption of Cosmos DB')}; } }`,
  },
  {
    // What the exporter for Application Insights reports about itself, and asks its vendor about every hour.
    path: /\/(statsbeatManager|configurationManager)\.js$/,
    from: /node_modules\/@azure\/monitor-opentelemetry-exporter\//,
    contents: `const silent = new Proxy({}, { get: () => async () => undefined });
export class StatsbeatManager { static getInstance() { return silent; } }
export class ConfigurationManager { static getInstance() { return silent; } }`,
  },
  {
    path: /\/customerSDKStats\.js$/,
    from: /node_modules\/@azure\/monitor-opentelemetry-exporter\//,
    contents: `export const CustomerSDKStatsMetrics = { getInstance() { throw ${refusal('Statistics of the exporter')}; } };`,
  },
  {
    // Reads style attributes, which our rich text does not allow.
    path: /^postcss$/,
    from: /node_modules\/sanitize-html\//,
    contents: `module.exports = { parse() { throw ${refusal('Parsing of style attributes')}; } };`,
  },
];

/**
 * Modules of packages that are built when the package is and never used after that. Their exports stay, with nothing in
 * them: classes can still be made, functions say what they are when they are called.
 */
const hollow: readonly RegExp[] = [
  // Of the vendors' APIs Lyceum uses chat completions and messages, and nothing of what else they offer.
  /node_modules\/openai\/resources\/(?!(chat|shared)\b)(?!.*index\.mjs$).*\.mjs$/,
  /node_modules\/openai\/lib\/(AssistantStream|EventStream|ChatCompletion\w*|AbstractChatCompletionRunner|responses\/.*)\.mjs$/,
  /node_modules\/@anthropic-ai\/sdk\/resources\/(beta|organization|skills|user-profiles|files|models)(?!.*index\.mjs$)(\/.*)?\.mjs$/,
  /node_modules\/@anthropic-ai\/sdk\/(tools\/agent-toolset|lib\/tools|lib\/environments)\/(?!.*index\.mjs$).*\.m?js$/,
  // Passkeys are registered without attestation, so certificates of authenticators are never looked at; an authenticator
  // that vouches for itself (`packed`) has none.
  /node_modules\/@simplewebauthn\/server\/esm\/registration\/verifications\/(?!verifyAttestationPacked).*\.js$/,
  /node_modules\/@simplewebauthn\/server\/esm\/(metadata\/.*|services\/metadataService)\.js$/,
  /node_modules\/@simplewebauthn\/server\/esm\/helpers\/(\w*X509\w*|getCertificateInfo|validateCertificatePath|isCertRevoked|validateExtFIDOGenCEAAGUID)\.js$/,
];

const exported = /^export (?:default )?(?:async )?(?:class|function\*?|const|let|var) (\w+)/gm;

/** What a module exports, with nothing behind it. */
function hollowOut(source: string, path: string): string {
  const what = path.replace(/^.*node_modules\//, '');
  const exports = [...source.matchAll(exported)].map(([, name = '']) => {
    // Some packages write a class as an expression; its capital letter tells.
    if (!/^[A-Z]/.test(name)) return `export function ${name}() { throw ${refusal(what)}; }`;
    return `export class ${name}${name.endsWith('Error') ? ' extends Error' : ''} {}`;
  });
  return [...exports, 'export {};'].join('\n');
}

/** Leaves code out that is never run; were it run after all, it would say so. */
export const omitUnused: Plugin = {
  name: 'omit-unused',
  setup(build) {
    for (const [index, { path, from }] of omissions.entries()) {
      build.onResolve({ filter: path }, (args) =>
        from.test(args.importer.replaceAll('\\', '/')) ? { path: String(index), namespace: 'omitted' } : undefined,
      );
    }
    build.onLoad({ filter: /.*/, namespace: 'omitted' }, ({ path }) => ({
      contents: omissions[Number(path)]?.contents ?? '',
      loader: 'js',
    }));
    build.onLoad({ filter: /node_modules/ }, async ({ path }) => {
      const file = path.replaceAll('\\', '/');
      if (!hollow.some((pattern) => pattern.test(file))) return undefined;
      return { contents: hollowOut(await readFile(path, 'utf8'), file), loader: 'js' };
    });
    // The library reads these signatures with 190 kB of ASN.1.
    build.onResolve({ filter: /\/unwrapEC2Signature\.js$/ }, () => ({
      path: join(projectRoot, 'tools', 'ec-signature.ts'),
    }));
    // The description of the API is a quarter of a megabyte of text that is read once, when somebody asks for it.
    build.onLoad({ filter: /docs[\\/]openapi\.json$/ }, async ({ path }) => {
      const packed = gzipSync(JSON.stringify(JSON.parse(await readFile(path, 'utf8'))), { level: 9 }).toString(
        'base64',
      );
      return {
        contents: `const { gunzipSync } = require('node:zlib');
module.exports = JSON.parse(gunzipSync(Buffer.from('${packed}', 'base64')).toString('utf8'));`,
        loader: 'js',
      };
    });
  },
};

/**
 * These packages look at the names of their own classes (credentials, errors, the user agent), so minifying must not change
 * them. To keep the names of everything would cost 200 kB.
 */
const packagesWithNames = /node_modules[\\/](@azure[\\/]storage-(blob|common)|jose|openai[\\/]client)\b.*\.m?js$/;

export const keepClassNames: Plugin = {
  name: 'keep-class-names',
  setup(build) {
    build.onLoad({ filter: packagesWithNames }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), {
        keepNames: true,
        target: 'node22',
        sourcefile: path,
      });
      return { contents: code, loader: 'js' };
    });
  },
};
