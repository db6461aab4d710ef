import { createServer, request as forward, type Server } from 'node:http';
import functions from '../../infra/functions.json' with { type: 'json' };
import { type Answer, type AzCallSeen, startFakeAz } from './fake-az.ts';
import { builtParameters, providerList, subscription, suffix, vaultName, whatIfResult } from './fake-azure-shapes.ts';

const modules = ['observability', 'identity', 'storage', 'cosmos', 'key-vault', 'functions-api', 'functions-worker'];

const notFound = (code: string, what: string) => ({
  error: `ERROR: (${code}) ${what} could not be found.\nCode: ${code}`,
});
const restError = (code: string, text: string) => ({
  error: `ERROR: Not Found({"error":{"code":"${code}","message":"${text}"}})`,
});

interface FakeDeployment {
  state: string;
  location: string;
  parameters: Record<string, { type: string; value: unknown }>;
  error?: unknown;
  /** How often it is looked at until it has ended. */
  looks: number;
}

interface Rule {
  pattern: RegExp;
  answer: Answer;
  times: number;
}

/** A subscription with what a deployment needs of it, as far as `az` shows it; shapes are those of its documentation. */
export class FakeAzure {
  calls: AzCallSeen[] = [];
  env: Record<string, string> = {};
  versions = { az: '2.77.0', bicep: '0.38.33' };
  account = { state: 'Enabled', user: 'kim@example.org' };
  unregistered = new Set<string>();
  flexRegions = ['westeurope', 'northeurope', 'swedencentral'];
  flexVersions = ['20', '22', '24'];
  hasGroup = false;
  tags: Record<string, string> = { application: 'lyceum', environment: 'dev' };
  locks: string[] = [];
  taken = new Set<string>();
  deletedVaults = new Map<string, Map<string, string>>();
  secrets = new Map<string, string>();
  deployment: FakeDeployment | undefined;
  /** The next deployment ends with this. */
  nextError: unknown;
  looksNeeded = 2;
  /** How often the host lists only some of its functions. */
  shortLists = 0;
  /** How often references are unresolved, and as what. */
  unresolved = { times: 0, status: 'AccessToKeyVaultDenied' };
  uploads: string[] = [];
  ready: number[] = [];
  apiUrl = '';
  /** Where requests to the app are sent on to; without it there is nothing but its health. */
  product: string | undefined;
  #rules: Rule[] = [];
  #stub: Server | undefined;
  #close = () => {};

  static async start(): Promise<FakeAzure> {
    const azure = new FakeAzure();
    const az = await startFakeAz((call) => azure.#handle(call));
    azure.calls = az.calls;
    azure.env = az.env;
    azure.#close = az.close;
    azure.apiUrl = await azure.#startStub();
    return azure;
  }

  close(): void {
    this.#close();
    this.#stub?.close();
  }

  /** Calls like this are answered so, the next times. */
  when(pattern: RegExp, answer: Answer, times = 1): void {
    this.#rules.push({ pattern, answer, times });
  }

  lines(pattern: RegExp): string[] {
    return this.calls.map((call) => call.line).filter((line) => pattern.test(line));
  }

  /** Calls that change anything. */
  changes(): string[] {
    const changing =
      /^(provider register|deployment (sub|group) (create|delete)|functionapp deployment|group delete|lock delete|rest --method (put|patch|delete))|\/(refresh|sync)\?/;
    return this.lines(changing);
  }

  /** Everything is there as after a deployment. */
  install(): void {
    const value = (what: unknown) => ({ type: 'String', value: what });
    this.hasGroup = true;
    for (const name of ['jwt-secret', 'data-encryption-key', 'bootstrap-admin-password'])
      this.secrets.set(name, `old ${name}`);
    const parameters = {
      location: value('westeurope'),
      alertEmails: value(['kim@example.org']),
      secretNames: value([]),
    };
    this.deployment = { state: 'Succeeded', location: 'westeurope', parameters, looks: 0 };
  }

  async #startStub(): Promise<string> {
    this.#stub = createServer((request, response) => {
      const isHealth = request.url === '/health/ready';
      if (!isHealth && this.product !== undefined) {
        const { method, headers } = request;
        const onward = forward(`${this.product}${request.url}`, { method, headers }, (answer) => {
          answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers));
        });
        request.pipe(onward);
        return;
      }
      const status = isHealth ? (this.ready.shift() ?? 200) : 404;
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"status":"starting"}');
    });
    await new Promise<void>((resolve) => this.#stub?.listen(0, '127.0.0.1', resolve));
    const address = this.#stub.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  #handle(call: AzCallSeen): Answer {
    const rule = this.#rules.find((one) => one.times > 0 && one.pattern.test(call.line));
    if (rule !== undefined) {
      rule.times -= 1;
      return rule.answer;
    }
    const option = (name: string) => call.args[call.args.indexOf(name) + 1] ?? '';
    const words = call.args.slice(0, call.args.findIndex((arg) => arg.startsWith('-')) >>> 0).join(' ');
    const answer =
      words === 'rest' ? this.#rest(option('--url'), option('--body')) : this.#commands[words]?.(option, call);
    return answer ?? { error: `ERROR: '${words}' is misspelled or not recognized by the system.` };
  }

  readonly #commands: Record<string, (option: (name: string) => string, call: AzCallSeen) => Answer> = {
    version: () => ({ json: { 'azure-cli': this.versions.az, 'azure-cli-core': this.versions.az, extensions: {} } }),
    'bicep version': () => ({ text: `Bicep CLI version ${this.versions.bicep} (b6e1d1b2f5)` }),
    'bicep build-params': (option, { env }) => builtParameters(option('--file'), env),
    'account show': (option) => ({
      json:
        option('--query') === 'id'
          ? subscription
          : {
              id: subscription,
              name: 'Teaching',
              state: this.account.state,
              user: { name: this.account.user, type: 'user' },
            },
    }),
    'account get-access-token': () => ({ json: '2026-11-21 15:04:05.000000' }),
    'group exists': () => ({ json: this.hasGroup }),
    'group show': () =>
      this.hasGroup
        ? { json: { tags: this.tags, state: 'Succeeded' } }
        : notFound('ResourceGroupNotFound', 'The group'),
    'group delete': () => {
      if (this.locks.length > 0) return { error: 'ERROR: (ScopeLocked) The scope cannot perform delete operation.' };
      this.hasGroup = false;
      return { json: undefined };
    },
    'lock list': () => ({ json: this.locks }),
    'lock delete': () => {
      this.locks = [];
      return { json: undefined };
    },
    'resource list': () => ({ json: this.hasGroup ? this.#resources() : [] }),
    'provider list': () => ({ json: providerList(this.unregistered) }),
    'provider register': (option) => {
      this.unregistered.delete(option('--namespace'));
      return { json: undefined };
    },
    'functionapp list-flexconsumption-locations': () => ({ json: this.flexRegions.map((name) => ({ name })) }),
    'functionapp list-flexconsumption-runtimes': () => ({ json: this.flexVersions.map((version) => ({ version })) }),
    'cosmosdb check-name-exists': (option) => ({ json: this.taken.has(option('--name')) }),
    'keyvault list-deleted': () => ({ json: [...this.deletedVaults.keys()].map((name) => ({ name })) }),
    'keyvault secret show': (option) => ({ json: this.secrets.get(option('--name')) }),
    'deployment sub what-if': () => ({ json: whatIfResult(this.hasGroup) }),
    'deployment sub show': (option) => this.#showDeployment(option('--query')),
    'deployment sub delete': () => {
      this.deployment = undefined;
      return { json: undefined };
    },
    'deployment operation sub list': () => ({ json: this.#operations() }),
    'deployment operation group list': () => ({ json: [] }),
    'deployment sub create': (option, { env }) => this.#create(option('--location'), env),
    'deployment group create': (_, { env }) => {
      const values = JSON.parse(env['LYCEUM_NEW_SECRETS'] ?? '{}') as Record<string, string>;
      for (const [name, value] of Object.entries(values)) this.secrets.set(name, value);
      return { json: 'Succeeded' };
    },
    'functionapp deployment source config-zip': (option) => {
      this.uploads.push(option('--name'));
      return { json: { active: true, complete: true, status: 4 } };
    },
    'functionapp function list': (option) => ({ json: this.#functions(option('--name')) }),
  };

  #resources() {
    return [
      { type: 'Microsoft.KeyVault/vaults', name: vaultName },
      { type: 'Microsoft.DocumentDB/databaseAccounts', name: `cosmos-lyceum-${suffix}` },
      { type: 'Microsoft.Web/sites', name: `func-lyceum-api-${suffix}` },
    ];
  }

  #create(location: string, env: Record<string, string>): Answer {
    const value = (what: unknown) => ({ type: 'String', value: what });
    const parameters = {
      location: value(location),
      alertEmails: value(env['ALERT_EMAILS']?.split(',')),
      ...(env['APP_URL'] === undefined ? {} : { appUrl: value(env['APP_URL']) }),
      secretNames: value(JSON.parse(env['SECRET_NAMES'] ?? '[]')),
      extraSettings: value(JSON.parse(env['EXTRA_SETTINGS'] ?? '{}')),
    };
    if (env['VAULT_CREATE_MODE'] === 'recover') {
      this.secrets = this.deletedVaults.get(vaultName) ?? new Map();
      this.deletedVaults.delete(vaultName);
    }
    this.hasGroup = true;
    this.deployment = { state: 'Running', location, parameters, looks: this.looksNeeded, error: this.nextError };
    this.nextError = undefined;
    return { json: undefined };
  }

  #showDeployment(query: string): Answer {
    const { deployment } = this;
    if (deployment === undefined) return notFound('DeploymentNotFound', "Deployment 'lyceum-dev'");
    if (query === 'name') return { json: 'lyceum-dev' };
    if (deployment.state === 'Running' && --deployment.looks < 0) {
      deployment.state = deployment.error === undefined ? 'Succeeded' : 'Failed';
    }
    const { state, location, parameters } = deployment;
    const output = (value: string) => ({ type: 'String', value });
    // Capitals as Azure really gives them back.
    const outputs = {
      azurE_RESOURCE_GROUP: output('rg-lyceum-dev'),
      apI_NAME: output(`func-lyceum-api-${suffix}`),
      workeR_NAME: output(`func-lyceum-worker-${suffix}`),
      apI_URL: output(this.apiUrl),
      vaulT_NAME: output(vaultName),
      apI_PRINCIPAL_ID: output('principal-of-api'),
      workeR_PRINCIPAL_ID: output('principal-of-worker'),
    };
    const error = state === 'Failed' ? deployment.error : null;
    return { json: { state, location, parameters, outputs: state === 'Succeeded' ? outputs : null, error } };
  }

  #operations() {
    const type = 'Microsoft.Resources/deployments';
    const done = this.deployment?.state === 'Succeeded' ? modules : modules.slice(0, 2);
    const list = done.map((name) => ({ type, name, state: 'Succeeded', status: null }));
    if (this.deployment?.state !== 'Failed') return list;
    return [
      ...list,
      { type, name: 'cosmos', state: 'Failed', status: { status: 'Failed', error: this.deployment.error } },
    ];
  }

  #functions(app: string) {
    const part = app.includes('-api-') ? 'api' : 'worker';
    const all = functions.filter((one) => one.part === part).map((one) => ({ name: `${app}/${one.name}` }));
    if (this.shortLists === 0) return all;
    this.shortLists -= 1;
    return all.slice(0, -1);
  }

  #rest(url: string, body: string): Answer | undefined {
    if (/\/locations\?/.test(url))
      return { json: { value: ['westeurope', 'northeurope', 'swedencentral', 'westus'].map((name) => ({ name })) } };
    if (/\/(sync|refresh)\?/.test(url)) return { json: undefined };
    if (/checkNameAvailability/i.test(url)) {
      const { name } = JSON.parse(body) as { name: string };
      const isTaken = this.taken.has(name);
      return { json: { nameAvailable: !isTaken, reason: isTaken ? 'AlreadyExists' : null, message: null } };
    }
    if (/\/vaults\/[^/]+\/secrets\?/.test(url)) {
      if (!this.hasGroup) return restError('ResourceNotFound', 'The vault was not found.');
      return { json: { value: [...this.secrets.keys()].map((name) => ({ id: `x/${name}`, name })), nextLink: null } };
    }
    if (/configreferences\/appsettings/.test(url)) return { json: { value: this.#references() } };
    return undefined;
  }

  /** Without names of their own, as the documentation shows them. */
  #references() {
    const isOpen = this.unresolved.times > 0;
    if (isOpen) this.unresolved.times -= 1;
    const { status } = isOpen ? this.unresolved : { status: 'Resolved' };
    if (status === 'nothing') return [];
    const id = '/subscriptions/1/resourceGroups/g/providers/Microsoft.Web/sites/s/config/configreferences/appsettings';
    return [{ id: `${id}/JWT_SECRET`, properties: { status, vaultName, secretName: 'jwt-secret' } }];
  }
}
