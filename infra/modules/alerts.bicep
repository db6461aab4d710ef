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

@description('Resource id of the app that serves HTTP.')
param apiId string

@description('Host name of the app that serves HTTP.')
param apiHostName string

@description('Resource id of the Service Bus namespace.')
param serviceBusId string

@description('Resource id of the Cosmos DB account.')
param cosmosId string

@description('Resource ids whose access must not be changed unseen.')
param watchedScopes array

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

// Metric alerts: { name, text, severity, scope, namespace, metric, aggregation, operator, threshold, dimensions }.
var metricRules = [
  {
    name: 'server-errors'
    text: 'Requests are answered with 5xx.'
    severity: 1
    scope: apiId
    namespace: 'Microsoft.Web/sites'
    metric: 'Http5xx'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 5
    dimensions: []
  }
  {
    name: 'dead-letters'
    text: 'A message was given up by a queue.'
    severity: 1
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    operator: 'GreaterThan'
    threshold: 0
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
    dimensions: [{ name: 'CollectionName', operator: 'Include', values: ['*'] }]
  }
  {
    name: 'database-refusals'
    text: 'The database refuses requests with 429.'
    severity: 2
    scope: cosmosId
    namespace: 'Microsoft.DocumentDB/databaseAccounts'
    metric: 'TotalRequests'
    aggregation: 'Count'
    operator: 'GreaterThan'
    threshold: 100
    dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
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
      evaluationFrequency: rule.metric == 'ServiceAvailability' ? 'PT1H' : 'PT5M'
      windowSize: rule.metric == 'ServiceAvailability' ? 'PT1H' : 'PT5M'
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

// Log alerts: { name, text, severity, query, measure, operator, threshold, window }.
var logRules = [
  {
    name: 'slow-answers'
    text: 'More than 5 of 100 requests take longer than they should.'
    severity: 2
    query: 'AppRequests | where Name !has "health" | summarize value = percentile(DurationMs, 95)'
    measure: 'value'
    operator: 'GreaterThan'
    threshold: latencyLimitS * 1000
    window: 'PT15M'
  }
  {
    name: 'grading-backlog'
    text: 'Submissions wait too long for their grade.'
    severity: 1
    query: 'AppTraces | extend line = parse_json(Message) | where tostring(line.event) == "grading_done" | extend waited = todouble(line.waited_s) | summarize value = max(waited)'
    measure: 'value'
    operator: 'GreaterThan'
    threshold: backlogLimitMinutes * 60
    window: 'PT15M'
  }
  {
    name: 'model-refusals'
    text: 'A model vendor refuses or fails.'
    severity: 2
    query: 'AppTraces | extend line = parse_json(Message) | where tostring(line.event) == "llm_call" | summarize failed = countif(tostring(line.status) != "ok"), total = count() | where total >= 10 | extend value = 100.0 * failed / total'
    measure: 'value'
    operator: 'GreaterThan'
    threshold: 20
    window: 'PT15M'
  }
  {
    name: 'daily-cap'
    text: 'The workspace has taken all that it takes in a day; what happens now is not seen.'
    severity: 2
    query: '_LogOperation | where Category == "Ingestion" and Detail has "OverQuota" | summarize value = count()'
    measure: 'value'
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
            metricMeasureColumn: rule.measure
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

@description('Resource id of the action group.')
output actionGroupId string = group.id
