metadata description = 'Whom to tell, and of what. Each alert has a page in docs/runbook.md with the same name.'

@description('Region of the resources that have one.')
param location string

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

@description('Addresses that are told.')
param emails array

@description('Resource id of the workspace.')
param workspaceId string

@description('Resource id of Application Insights.')
param insightsId string

@description('Host name that the API is reached by.')
param apiHostName string

@description('Resource id of the Service Bus namespace.')
param serviceBusId string

@description('Resource id of the Cosmos DB account.')
param cosmosId string

@description('Resource ids whose access must not be changed unseen.')
param watchedScopes array

@description('Percent of requests that may be answered with 5xx.')
@minValue(1)
@maxValue(50)
param serverErrorLimitPercent int

@description('Seconds that 95 of 100 requests may take.')
@minValue(1)
@maxValue(60)
param latencyLimitS int

@description('Minutes that a submission may wait before somebody is told.')
@minValue(5)
@maxValue(240)
param backlogLimitMinutes int

resource group 'Microsoft.Insights/actionGroups@2024-10-01-preview' = {
  name: 'ag-lyceum-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'lyceum'
    emailReceivers: [
      for (address, index) in emails: { name: 'mail-${index}', emailAddress: address, useCommonAlertSchema: true }
    ]
  }
}

// Alerts on metrics, which need no query: { name, text, severity, scope, namespace, metric, aggregation, operator, threshold,
// frequency, window, dimensions }.
var metricRules = [
  {
    name: 'dead-letters'
    text: 'A queue has given a message up.'
    severity: 1
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT5M'
    window: 'PT5M'
    dimensions: [{ name: 'EntityName', operator: 'Include', values: ['*'] }]
  }
  {
    name: 'queue-backlog'
    text: 'Messages wait and are not taken: all through the window there was one, so the workers are gone or too few.'
    severity: 1
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'ActiveMessages'
    aggregation: 'Minimum'
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT5M'
    window: 'PT30M'
    dimensions: [{ name: 'EntityName', operator: 'Include', values: ['*'] }]
  }
  {
    name: 'database-load'
    text: 'One partition of the database is at more than 80 % of what it can do.'
    severity: 2
    scope: cosmosId
    namespace: 'Microsoft.DocumentDB/databaseAccounts'
    metric: 'NormalizedRUConsumption'
    aggregation: 'Maximum'
    operator: 'GreaterThan'
    threshold: 80
    frequency: 'PT5M'
    window: 'PT15M'
    dimensions: [{ name: 'CollectionName', operator: 'Include', values: ['*'] }]
  }
  {
    name: 'database-availability'
    text: 'The database does not answer.'
    severity: 0
    scope: cosmosId
    namespace: 'Microsoft.DocumentDB/databaseAccounts'
    metric: 'ServiceAvailability'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 99
    frequency: 'PT1H'
    window: 'PT1H'
    dimensions: []
  }
]

resource metricAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in metricRules: {
    name: rule.name
    location: 'global'
    tags: tags
    properties: {
      description: '${rule.text} See docs/runbook.md.'
      severity: rule.severity
      enabled: true
      scopes: [rule.scope]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: rule.namespace
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: rule.operator
            threshold: rule.threshold
            dimensions: rule.dimensions
          }
        ]
      }
      actions: [{ actionGroupId: group.id }]
    }
  }
]

// The lines that the product writes to its standard output, as the host passes them on; docs/how-to/watch-with-opentelemetry.md names
// their fields.
var lines = 'AppTraces | where Message startswith "{" | extend line = parse_json(Message)'

// Alerts on logs, each a query whose one row has the column `value`: { name, text, severity, query, operator, threshold, window }.
var logRules = [
  {
    name: 'server-errors'
    text: 'Too many requests are answered with 5xx.'
    severity: 1
    query: '${lines} | where line.event == "request" | summarize failed = countif(toint(line.status) >= 500), total = count() | where total >= 20 or failed >= 5 | project value = 100.0 * failed / total'
    operator: 'GreaterThan'
    threshold: serverErrorLimitPercent
    window: 'PT5M'
  }
  {
    name: 'slow-answers'
    text: 'More than 5 of 100 requests take longer than they should.'
    severity: 2
    query: '${lines} | where line.event == "request" and tostring(line.operation) !in ("get-health", "get-readiness") | summarize value = percentile(todouble(line.ms), 95)'
    operator: 'GreaterThan'
    threshold: latencyLimitS * 1000
    window: 'PT15M'
  }
  {
    name: 'grading-backlog'
    text: 'Submissions wait too long for their outcome.'
    severity: 1
    query: '${lines} | where line.event == "submission_graded" | summarize value = max(todouble(line.waited_s))'
    operator: 'GreaterThan'
    threshold: backlogLimitMinutes * 60
    window: 'PT15M'
  }
  {
    name: 'worker-failures'
    text: 'Jobs, timers or change feeds fail.'
    severity: 2
    query: '${lines} | where line.event == "job" | summarize value = countif(tobool(line.ok) == false)'
    operator: 'GreaterThan'
    threshold: 5
    window: 'PT15M'
  }
  {
    name: 'model-refusals'
    text: 'A model vendor refuses or fails.'
    severity: 2
    query: '${lines} | where line.event == "llm_call" | summarize failed = countif(line.status == "error"), total = countif(line.status != "skipped") | where total >= 10 | project value = 100.0 * failed / total'
    operator: 'GreaterThan'
    threshold: 20
    window: 'PT15M'
  }
  {
    name: 'database-refusals'
    text: 'The database refuses more than 1 of 100 requests with 429.'
    severity: 2
    query: 'CDBDataPlaneRequests | summarize refused = countif(StatusCode == 429), total = count() | where total >= 100 | project value = 100.0 * refused / total'
    operator: 'GreaterThan'
    threshold: 1
    window: 'PT15M'
  }
  {
    name: 'daily-cap'
    text: 'The workspace has taken all that it takes in a day; what happens now is not seen.'
    severity: 2
    query: '_LogOperation | where Category == "Ingestion" and Detail has "OverQuota" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
  }
]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2025-01-01-preview' = [
  for rule in logRules: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: '${rule.text} See docs/runbook.md.'
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      autoMitigate: true
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: 'value'
            timeAggregation: 'Maximum'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [group.id] }
    }
  }
]

resource webTest 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'ready-lyceum-${suffix}'
  location: location
  // The tag is how the portal finds the component that the test belongs to.
  tags: union(tags, { 'hidden-link:${insightsId}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'ready-lyceum-${suffix}'
    Name: 'ready'
    Enabled: true
    Frequency: 300
    Timeout: 30
    Kind: 'standard'
    RetryEnabled: true
    Locations: [
      { Id: 'emea-nl-ams-azr' }
      { Id: 'emea-gb-db3-azr' }
      { Id: 'us-va-ash-azr' }
      { Id: 'apac-sg-sin-azr' }
      { Id: 'latam-br-gru-edge' }
    ]
    Request: { RequestUrl: 'https://${apiHostName}/health/ready', HttpVerb: 'GET', ParseDependentRequests: false }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 14 }
  }
}

resource notReady 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'not-ready'
  location: 'global'
  tags: tags
  properties: {
    description: 'The product does not answer from two places or more. See docs/runbook.md.'
    severity: 0
    enabled: true
    scopes: [webTest.id, insightsId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: webTest.id
      componentId: insightsId
      failedLocationCount: 2
    }
    actions: [{ actionGroupId: group.id }]
  }
}

var watchedOperations = [
  { name: 'role-changed', operation: 'Microsoft.Authorization/roleAssignments/write' }
  { name: 'database-firewall-changed', operation: 'Microsoft.DocumentDB/databaseAccounts/write' }
  { name: 'storage-firewall-changed', operation: 'Microsoft.Storage/storageAccounts/write' }
  { name: 'vault-firewall-changed', operation: 'Microsoft.KeyVault/vaults/write' }
]

resource activityAlerts 'Microsoft.Insights/activityLogAlerts@2020-10-01' = [
  for watched in watchedOperations: {
    name: watched.name
    location: 'global'
    tags: tags
    properties: {
      description: 'Somebody changed who may reach what. See docs/runbook.md.'
      enabled: true
      scopes: watchedScopes
      condition: {
        allOf: [
          { field: 'category', equals: 'Administrative' }
          { field: 'operationName', equals: watched.operation }
          { field: 'status', equals: 'Succeeded' }
        ]
      }
      actions: { actionGroups: [{ actionGroupId: group.id }] }
    }
  }
]
