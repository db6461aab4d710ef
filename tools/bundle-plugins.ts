import { readFile } from 'node:fs/promises';
import { type Plugin, transform } from 'esbuild';

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
    // Reads style attributes, which our rich text does not allow.
    path: /^postcss$/,
    from: /node_modules\/sanitize-html\//,
    contents: `module.exports = { parse() { throw ${refusal('Parsing of style attributes')}; } };`,
  },
  {
    // How an account with a model vendor is administered: we only send messages.
    path: /^\.\/organization\/organization\.mjs$/,
    from: /node_modules\/(openai\/resources\/admin\/admin|@anthropic-ai\/sdk\/resources\/beta\/beta)\.mjs$/,
    contents: 'export class Organization {}',
  },
  {
    // The vendor's own agents.
    path: /agents\/agents\.mjs$/,
    from: /node_modules\/openai\/resources\/beta\/beta\.mjs$/,
    contents: 'export class Agents {}',
  },
];

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
