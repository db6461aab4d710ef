import { AzError } from './failure.ts';

interface Known {
  pattern: RegExp;
  say: (match: RegExpExecArray) => string;
  isTransient?: boolean;
}

const quotaAdvice =
  'Ask for more in the portal (Subscriptions > Usage + quotas), or destroy this environment and deploy to another region.';

/** What is known to go wrong, the most telling first; each sentence says the next step. */
const known: readonly Known[] = [
  {
    pattern:
      /AADSTS(?:700082|50173|70043|700084|50076|50079|50078|50132|50133)|Interactive authentication is needed|token (?:has )?expired/i,
    say: () => 'The login of az has expired or needs another factor: run `az login`, then the same command again.',
  },
  {
    pattern: /Please run:?\s+'?az login|No subscription found|not logged in/i,
    say: () => 'az is not logged in: run `az login`, then the same command again.',
  },
  {
    pattern: /The subscription of '([^']*)' doesn't exist|Subscription '([^']*)' not found/i,
    say: (m) =>
      `This login cannot see the subscription ${m[1] ?? m[2]}: \`az account list -o table\` shows those that it can.`,
  },
  {
    pattern: /RequestDisallowedByPolicy[\s\S]*?['"]?policyDefinitionDisplayName['"]?\s*:\s*['"]([^'"]+)/,
    say: (m) => `A policy of the subscription forbids it (${m[1]}): ask its administrator for an exemption.`,
  },
  {
    pattern: /RequestDisallowedByPolicy/,
    say: () => 'A policy of the subscription forbids it: ask its administrator for an exemption, with the text below.',
  },
  {
    pattern:
      /(?:AuthorizationFailed|LinkedAuthorizationFailed|ForbiddenByRbac)[\s\S]*?perform action[s]?:?\s*\(?\s*'?([\w./*-]+)/,
    say: (m) =>
      `This login may not do ${m[1]}: have an owner give it the roles Contributor and Role Based Access Control Administrator on the subscription (or Owner).`,
  },
  {
    pattern: /AuthorizationFailed|ForbiddenByRbac|does not have authorization/,
    say: () =>
      'This login lacks permission: have an owner give it the roles Contributor and Role Based Access Control Administrator on the subscription (or Owner).',
  },
  {
    pattern: /ForbiddenByFirewall|ForbiddenByConnection|Public network access is disabled/i,
    say: () => 'The vault is closed to the internet: run this from its network.',
  },
  {
    pattern:
      /(?:QuotaExceeded|InsufficientQuota|SubscriptionIsOverQuotaForSku|SkuQuotaExceeded|exceed(?:s|ing|ed)?[^.]*quota|quota[^.]*exceeded)/i,
    say: () => `A quota of the subscription is used up. ${quotaAdvice}`,
  },
  {
    pattern: /(?:high demand in|no capacity|insufficient capacity|SkuNotAvailable|ZonalAllocationFailed)/i,
    say: () => 'The region has no capacity for this now: try again later, or deploy to another region.',
  },
  {
    pattern: /MissingSubscriptionRegistration[\s\S]*?'?(Microsoft\.\w+)/,
    say: (m) =>
      `The resource provider ${m[1]} is not registered: run \`az provider register --namespace ${m[1]} --wait\`.`,
  },
  {
    pattern: /deleted but recoverable|ObjectIsDeletedButRecoverable/i,
    say: () =>
      'A secret of that name was deleted and is still recoverable: bring it back with `az keyvault secret recover --vault-name VAULT --name NAME`, then run the same command again.',
  },
  {
    pattern: /Failed to evaluate parameter "?(\w+)"?: Environment variable (?:"(\w+)" )?does not exist/,
    say: (m) => {
      const name = m[2] ?? m[1] ?? '';
      return /^app_?url$/i.test(name)
        ? 'This environment needs the address of its front end: add --app-url URL.'
        : `The parameter file needs ${name} in the environment: set it, then run the same command again.`;
    },
  },
  {
    pattern: /There may be an ongoing deployment|another deployment is in progress/i,
    say: () => 'Another upload to this app is under way: wait a minute and run the same command again.',
  },
  {
    pattern:
      /Max retries exceeded|Connection (?:aborted|reset|refused)|Failed to resolve|Name or service not known|NewConnectionError|ReadTimeout|Temporary failure in name/i,
    say: () =>
      'Azure cannot be reached from here: check the network (and HTTPS_PROXY), then run the same command again.',
    isTransient: true,
  },
  {
    pattern: /TooManyRequests|InternalServerError|ServerTimeout|ServiceUnavailable|GatewayTimeout|Bad Gateway/i,
    say: () => 'Azure did not answer as it should: run the same command again in a few minutes.',
    isTransient: true,
  },
];

/** Azure's own code, in any of the notations of az. */
function codeOf(text: string): string | undefined {
  return (
    /^(?:ERROR: )?\((\w+)\)/m.exec(text)?.[1] ?? /"code":\s*"(\w+)"/.exec(text)?.[1] ?? /^Code: (\w+)/m.exec(text)?.[1]
  );
}

/** At most a few lines of what az said; the rest is repetition. */
function excerpt(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^ERROR: /, '').trim())
    .filter(
      (line) => line !== '' && !/^(?:WARNING|Code|Exception Details|To re-authenticate|Examples from)/.test(line),
    );
  return lines.slice(0, 4).join(' ').slice(0, 600);
}

/** The sentence for what went wrong, and after it what Azure said, for those who have to look further. */
export function explainText(text: string): { message: string; isTransient: boolean } | undefined {
  for (const { pattern, say, isTransient } of known) {
    const match = pattern.exec(text);
    if (match) return { message: say(match), isTransient: isTransient === true };
  }
  return undefined;
}

/** @param what the command without its values, to say which call it was. */
export function explainFailure(what: string, stderr: string): AzError {
  const found = explainText(stderr);
  const said = excerpt(stderr) || 'nothing was said';
  const message = found === undefined ? `\`${what}\` failed: ${said}` : `${found.message}\n(${what}: ${said})`;
  return new AzError(message, codeOf(stderr), found?.isTransient === true);
}
