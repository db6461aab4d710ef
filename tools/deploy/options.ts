import { parseArgs } from 'node:util';
import { DeployError, messageOf } from './failure.ts';

export const singleSteps = ['secrets', 'publish', 'smoke'] as const;
export type SingleStep = (typeof singleSteps)[number];

export interface DeployOptions {
  environment: string;
  location: string | undefined;
  subscription: string | undefined;
  alertEmails: string[];
  appUrl: string | undefined;
  isAgreed: boolean;
  isDryRun: boolean;
  step: SingleStep | undefined;
  hasSmokeTest: boolean;
}

export const deployUsage = `Usage: npm run deploy -- --env NAME --location REGION [options]

  --env NAME           name of the environment: 2 to 8 lower-case letters and digits, a letter first
  --location REGION    for example westeurope; remembered from the last deployment when it is left out
  --subscription ID    the subscription (the one that az uses)
  --alert-email A      who is told of alerts and of the budget; may be said again (whoever is logged in; or ALERT_EMAILS)
  --app-url URL        address of the front end; links in e-mails lead there (or APP_URL)
  --yes                do not ask; needed where there is no terminal
  --dry-run            check everything and show what would change; change nothing
  --step NAME          do one step of an environment that is there: ${singleSteps.join(', ')}
  --no-smoke           leave out the smoke test
  --help               this text

Keys of vendors are taken from ANTHROPIC_API_KEY, OPENAI_API_KEY, MICROSOFT_CLIENT_SECRET, GOOGLE_CLIENT_SECRET and
GITHUB_CLIENT_SECRET, where they are set. Running it again is safe at any point.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

/** @throws DeployError for options that do not exist. */
export function parse<T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  args: readonly string[],
  options: T & {},
  command: string,
) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // Node's own words name the option; what it adds about positional arguments helps nobody here.
    const said = messageOf(error).split('. ')[0] ?? '';
    throw new DeployError(`${said.replace(/\.$/, '')}. See \`npm run ${command} -- --help\`.`);
  }
}

/** @throws DeployError that says what a name looks like. */
export function checkEnvironment(name: string | undefined, command: string): string {
  if (name === undefined) throw new DeployError(`Say which environment: npm run ${command} -- --env dev`);
  if (!/^[a-z][a-z0-9]{1,7}$/.test(name)) {
    throw new DeployError(
      `--env must be 2 to 8 lower-case letters and digits, a letter first, for example dev; not '${name}'.`,
    );
  }
  return name;
}

const listOf = (line: string | undefined) =>
  (line ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

function checkEmails(emails: readonly string[]): string[] {
  const bad = emails.find((email) => !isEmail(email));
  if (bad !== undefined) throw new DeployError(`--alert-email must be an e-mail address, not '${bad}'.`);
  return [...emails];
}

export const isEmail = (value: string): boolean => /^[^\s@,#]+@[^\s@,#]+\.[^\s@,#]+$/.test(value);

function checkAppUrl(url: string | undefined): string | undefined {
  if (url === undefined || url === '') return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new DeployError(`--app-url must be a web address such as https://learn.example.org, not '${url}'.`);
  }
  return url;
}

/** @throws DeployError that names what is wrong, before anything has begun. */
export function readDeployOptions(
  args: readonly string[],
  env: Record<string, string | undefined>,
): DeployOptions | { help: string } {
  const values = parse(
    args,
    {
      env: text,
      location: text,
      subscription: text,
      'alert-email': { type: 'string', multiple: true },
      'app-url': text,
      yes: flag,
      'dry-run': flag,
      step: text,
      'no-smoke': flag,
      help: { type: 'boolean', short: 'h' },
    } as const,
    'deploy',
  );
  if (values.help) return { help: deployUsage };
  const step = singleSteps.find((name) => name === values.step);
  if (values.step !== undefined && step === undefined) {
    throw new DeployError(`--step must be one of ${singleSteps.join(', ')}, not '${values.step}'.`);
  }
  // azd tells its hooks what it deploys through these variables.
  const fromHook = step === undefined ? {} : env;
  return {
    environment: checkEnvironment(values.env ?? fromHook['AZURE_ENV_NAME'], 'deploy'),
    location: values.location?.toLowerCase().replaceAll(' ', ''),
    subscription: values.subscription ?? fromHook['AZURE_SUBSCRIPTION_ID'],
    alertEmails: checkEmails(values['alert-email'] ?? listOf(env['ALERT_EMAILS'])),
    appUrl: checkAppUrl(values['app-url'] ?? env['APP_URL']),
    isAgreed: values.yes === true,
    isDryRun: values['dry-run'] === true,
    step,
    hasSmokeTest: values['no-smoke'] !== true,
  };
}
