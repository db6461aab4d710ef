import type { Answer } from './fake-az.ts';

export const subscription = '11111111-2222-3333-4444-555555555555';
export const suffix = 'dev-k7x2qa';
export const vaultName = `kv-lyceum-${suffix}`;

/** What `az bicep build-params --stdout` prints, or how it complains of a variable that is not set. */
export function builtParameters(file: string, env: Record<string, string>): Answer {
  const isProduction = file.endsWith('prod.bicepparam');
  const needed = ['AZURE_LOCATION', 'ALERT_EMAILS', ...(isProduction ? ['APP_URL'] : [])];
  const missing = needed.find((name) => env[name] === undefined);
  if (missing !== undefined) {
    return {
      error: `ERROR: ${file}(7,16) : Error BCP338: Failed to evaluate parameter "${missing}": Environment variable does not exist, and no default value set.`,
    };
  }
  const parameters = {
    kind: { value: isProduction ? 'production' : 'development' },
    isZoneRedundant: { value: isProduction },
  };
  const json = {
    parametersJson: JSON.stringify({ contentVersion: '1.0.0.0', parameters }),
    templateJson: '{}',
    templateSpecId: null,
  };
  return { json };
}

/** What `az provider list` says of the providers that the Bicep files need. */
export function providerList(unregistered: ReadonlySet<string>) {
  const namespaces = [
    'App',
    'Authorization',
    'Communication',
    'Consumption',
    'DocumentDB',
    'Insights',
    'KeyVault',
    'ManagedIdentity',
  ];
  const more = ['Network', 'OperationalInsights', 'Resources', 'ServiceBus', 'SignalRService', 'Storage', 'Web'];
  return [...namespaces, ...more].map((word) => {
    const namespace = word === 'Insights' ? 'microsoft.insights' : `Microsoft.${word}`;
    const isFree = word === 'Consumption';
    const state = isFree || unregistered.has(namespace) ? 'NotRegistered' : 'Registered';
    const types =
      word === 'SignalRService' ? [{ type: 'WebPubSub', locations: ['West Europe', 'Sweden Central'] }] : [];
    return { namespace, state, policy: isFree ? 'RegistrationFree' : 'RegistrationRequired', types };
  });
}

/** What `az deployment sub what-if --no-pretty-print` prints where nothing, or everything, is there. */
export function whatIfResult(hasGroup: boolean) {
  const group = `/subscriptions/${subscription}/resourceGroups/rg-lyceum-dev`;
  const changeType = hasGroup ? 'NoChange' : 'Create';
  const ids = [
    group,
    `${group}/providers/Microsoft.OperationalInsights/workspaces/log-lyceum-${suffix}`,
    `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-lyceum-api-${suffix}`,
    `${group}/providers/Microsoft.OperationalInsights/workspaces/log-lyceum-${suffix}/providers/Microsoft.Insights/diagnosticSettings/to-workspace`,
  ];
  return {
    status: 'Succeeded',
    error: null,
    changes: ids.map((resourceId) => ({
      resourceId,
      changeType,
      before: null,
      after: {},
      delta: null,
      unsupportedReason: null,
    })),
    potentialChanges: [],
    diagnostics: [
      { code: 'NestedDeploymentShortCircuited', level: 'Warning', message: 'skipped', target: `${group}/storage` },
    ],
  };
}
