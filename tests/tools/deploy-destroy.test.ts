import { expect, onTestFinished, test } from 'vitest';
import { runDestroy } from '../../tools/destroy.ts';
import { FakeAzure } from './fake-azure.ts';
import { vaultName } from './fake-azure-shapes.ts';

async function startLab() {
  const azure = await FakeAzure.start();
  onTestFinished(() => azure.close());
  azure.install();
  azure.locks = ['/subscriptions/1/resourceGroups/rg-lyceum-dev/providers/Microsoft.Authorization/locks/keep'];
  const destroy = async (args: string[], typed?: string) => {
    let output = '';
    const write = (text: string) => {
      output += text;
    };
    const ask = async (question: string) => {
      write(`${question}${typed}\n`);
      return typed ?? '';
    };
    const terminal = { write, ask: typed === undefined ? undefined : ask, isLive: false };
    const signal = new AbortController().signal;
    const status = await runDestroy(args, { env: azure.env, terminal, signal, pollMs: 1 });
    return { status, output };
  };
  return { azure, destroy };
}

test('shows what goes, and takes it down once its name was typed again', async () => {
  const { azure, destroy } = await startLab();
  const { status, output } = await destroy(['--env', 'dev'], 'dev');
  expect(status, output).toBe(0);
  expect(output).toContain(`- Microsoft.KeyVault/vaults ${vaultName}`);
  expect(output).toMatch(/What stays: the Key Vault, as a deleted one, for 90 days\. A new deployment.*brings it back/);
  expect(azure.hasGroup).toBe(false);
  // The record of the deployment would hold the name in its region.
  expect(azure.deployment).toBeUndefined();
  expect(azure.changes()).toEqual([
    expect.stringMatching(/^lock delete --ids /),
    expect.stringMatching(/^group delete --name rg-lyceum-dev --yes --no-wait/),
    expect.stringMatching(/^deployment sub delete --name lyceum-dev/),
  ]);
});

test.each([
  [['--env', 'dev'], 'yes', /'yes' is not dev: nothing was changed/],
  [['--env', 'dev'], '', /'' is not dev: nothing was changed/],
  [['--env', 'dev', '--confirm', 'prod'], undefined, /'prod' is not dev: nothing was changed/],
  [['--env', 'dev'], undefined, /There is no terminal to ask on: add --confirm dev/],
  [['--env', 'dev', '--force'], undefined, /Unknown option '--force'\. See `npm run destroy -- --help`/],
  [[], undefined, /Say which environment: npm run destroy -- --env dev/],
] as const)('changes nothing with %j and the answer %j', async (args, typed, said) => {
  const { azure, destroy } = await startLab();
  const { status, output } = await destroy([...args], typed);
  expect(status).toBe(1);
  expect(output).toMatch(said);
  expect(azure.changes()).toEqual([]);
});

test.each([
  { owner: 'somebody' },
  { application: 'other', environment: 'dev' },
  { application: 'lyceum', environment: 'prod' },
])('leaves a group alone that somebody else made: %j', async (tags) => {
  const { azure, destroy } = await startLab();
  azure.tags = tags as Record<string, string>;
  const { status, output } = await destroy(['--env', 'dev', '--confirm', 'dev']);
  expect(status).toBe(1);
  expect(output).toContain('was not made by this product');
  expect(azure.changes()).toEqual([]);
});

test('an interrupted one is finished by the next', async () => {
  const { azure, destroy } = await startLab();
  azure.when(/^group delete/, {
    error:
      "ERROR: (AuthorizationFailed) does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/delete'",
  });
  const first = await destroy(['--env', 'dev', '--confirm', 'dev']);
  expect(first.status).toBe(1);
  expect(first.output).toContain('This login may not do Microsoft.Resources/subscriptions/resourceGroups/delete');
  const second = await destroy(['--env', 'dev', '--confirm', 'dev']);
  expect(second.status, second.output).toBe(0);
  const third = await destroy(['--env', 'dev', '--confirm', 'dev']);
  expect(third.status).toBe(0);
  expect(third.output).toContain('There is no resource group rg-lyceum-dev.');
});
