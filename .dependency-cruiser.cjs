/**
 * Who may import whom. Each rule says what it protects; tests/tools/boundaries.test.ts shows that each of them bites.
 *
 *   functions -> platform, <domain>/service, <domain>/schemas
 *   service   -> rules, repository, schemas, platform, other services
 *   rules     -> schemas, other rules
 *   repository-> adapters/cosmos, schemas
 */
const domain = '^shared/(?!adapters/|platform/)[^/]+/';
const ofKind = (kind) => `[a-z0-9-]*${kind}\\.ts$`;
const kinds = (...names) => names.map((name) => domain + ofKind(name));

/** What puts everything together: the root and its chapters, one per domain. */
const composition = '^shared/(services\\.ts$|composition/)';

/** Shapes: what travels (schemas) and what is stored (documents). */
const shapes = kinds('schemas', 'documents');

/** Imports that vanish when the types are stripped cannot call anything. */
const valuesOnly = { dependencyTypesNot: ['type-only'] };

/** What of an adapter anyone may use: its errors, its types and its notation for queries do no input or output. */
const vocabulary = '^shared/adapters/[^/]+/(errors|types|query|container)\\.ts$';

const vendorSdk = '(^|node_modules/)(@azure/|@opentelemetry/|@anthropic-ai/|openai(/|$))';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Modules that import each other cannot be understood, tested or loaded one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'functions-only-call-services',
      comment: 'A function is a declaration: it knows the platform, and the services and schemas of the domains.',
      severity: 'error',
      from: { path: '^functions/', pathNot: '^functions/(main|index)\\.ts$' },
      to: { path: '^(shared|functions|infra)/', pathNot: ['^shared/platform/', ...kinds('service'), ...shapes] },
    },
    {
      name: 'the-index-only-lists',
      comment: 'functions/index.ts is the table of contents: it names functions and does nothing.',
      severity: 'error',
      from: { path: '^functions/index\\.ts$' },
      to: { pathNot: ['^functions/[^/]+/', '^shared/platform/'] },
    },
    {
      name: 'services-do-not-reach-up',
      comment: 'A service is called by functions and put together by the composition; it knows neither.',
      severity: 'error',
      from: { path: kinds('service') },
      to: { path: ['^functions/', composition, '^infra/'] },
    },
    {
      name: 'the-root-composes',
      comment:
        'shared/services.ts reads from top to bottom what is made of what; shared/composition/ are its chapters.',
      severity: 'error',
      from: { path: '^(functions|shared|local|client|tools|bench)/', pathNot: composition },
      to: { path: '^shared/composition/' },
    },
    {
      name: 'services-keep-to-their-own-repository',
      comment: "Another domain's documents are reached through that domain's service, which guards their rules.",
      severity: 'error',
      from: { path: `^shared/(?!adapters/|platform/|grading/)([^/]+)/${ofKind('service')}` },
      to: { path: kinds('repository'), pathNot: '^shared/$1/' },
    },
    {
      name: 'grading-shares-coursework-only',
      comment:
        'Submitting and grading write the same partition, each in one batch, so grading uses the repositories of assessment; it uses no others.',
      severity: 'error',
      from: { path: `^shared/grading/${ofKind('service')}` },
      to: { path: kinds('repository'), pathNot: '^shared/(grading|assessment)/' },
    },
    {
      name: 'rules-are-pure',
      comment:
        'Rules decide from their arguments alone, so that properties and mutations can be tested without a stand-in.',
      severity: 'error',
      from: { path: `^shared/(?!adapters/|platform/)([^/]+)/${ofKind('rules')}` },
      to: {
        ...valuesOnly,
        path: '^(shared|functions|infra|local)/',
        pathNot: [
          ...kinds('rules'),
          ...shapes,
          '^shared/platform/(errors|permissions|same-text|schemas)\\.ts$',
          // Tables and prompts of the same domain; whether they are pure themselves is the next rule's business.
          '^shared/$1/(?!.*(service|repository)\\.ts$)',
        ],
      },
    },
    {
      name: 'rules-reach-nothing-impure',
      comment:
        'Nor may they reach input, output or time through what they import. (A hash, node:crypto, is a pure function.)',
      severity: 'error',
      from: { path: kinds('rules') },
      to: {
        reachable: true,
        path: [
          '^shared/adapters/',
          ...kinds('service', 'repository'),
          '^(node:)?(fs|net|http|https|timers|worker_threads|child_process|dns|tls|os)(/promises)?$',
        ],
      },
    },
    {
      name: 'schemas-know-only-schemas',
      comment:
        'Shapes are read by every layer; what they import, every layer would import. (Rules are pure, and may check a field.)',
      severity: 'error',
      from: { path: shapes },
      to: { path: '^(shared|functions)/', pathNot: [...shapes, ...kinds('rules'), '^shared/platform/'] },
    },
    {
      name: 'repositories-only-build-operations',
      comment:
        'A repository turns calls into Cosmos operations; decisions are rules, and other technology is not its business.',
      severity: 'error',
      from: { path: kinds('repository') },
      to: {
        path: '^(shared|functions)/',
        pathNot: [
          '^shared/adapters/cosmos/',
          '^shared/platform/(clock|errors|ids|outbox|paging|schemas)\\.ts$',
          ...shapes,
        ],
      },
    },
    {
      name: 'adapters-know-no-domain',
      comment: 'An adapter speaks one technology and could serve another product.',
      severity: 'error',
      from: { path: '^shared/adapters/' },
      to: { path: '^(shared|functions)/', pathNot: ['^shared/adapters/', '^shared/platform/'] },
    },
    {
      name: 'the-platform-knows-no-domain',
      comment: 'The platform is what domains are written on.',
      severity: 'error',
      from: { path: '^shared/platform/' },
      to: { path: '^(shared|functions)/', pathNot: ['^shared/platform/', '^shared/adapters/'] },
    },
    {
      name: 'adapters-are-made-in-one-place',
      comment:
        'The composition is the only place that constructs adapters; everyone else gets them, and may name their types.',
      severity: 'error',
      from: { path: '^(functions|shared)/', pathNot: [composition, '^shared/adapters/'] },
      to: { ...valuesOnly, path: '^shared/adapters/', pathNot: vocabulary },
    },
    {
      name: 'shipped-code-stands-alone',
      comment: 'What runs in Azure imports nothing of the local stack, the tests, the benchmarks or the tools.',
      severity: 'error',
      from: { path: '^(functions|shared)/' },
      // The description of the API is generated into docs/ and served from there.
      to: { path: '^(local|tests|bench|tools|client|docs)/', pathNot: '^docs/openapi\\.json$' },
    },
    {
      name: 'vendor-sdks-stay-in-adapters',
      comment: 'A vendor can be changed in one folder; functions/main.ts hands the Functions library to the platform.',
      severity: 'error',
      from: { path: '^(functions|shared)/', pathNot: ['^shared/(adapters|platform)/', '^functions/main\\.ts$'] },
      to: { path: vendorSdk },
    },
    {
      name: 'no-development-packages',
      comment: 'A package of devDependencies is not there, or not looked after, in production.',
      severity: 'error',
      from: { path: '^(functions|shared)/' },
      to: { ...valuesOnly, dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'stand-ins-speak-protocols',
      comment:
        'The stand-ins for Azure are tested with the official clients; knowing the product would let them cheat.',
      severity: 'error',
      from: { path: '^local/[^/]+/' },
      to: { path: '^(functions|shared)/', pathNot: '^shared/platform/clock\\.ts$' },
    },
    {
      name: 'nothing-unresolved',
      comment: 'An import that leads nowhere fails only when it runs.',
      severity: 'error',
      from: { path: '^(functions|shared|local|client|tools|bench)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    // Type-only imports are dependencies too: a layer that names another's types knows it.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
