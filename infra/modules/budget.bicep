metadata description = 'Says when the month becomes dearer than planned: at what was spent, and at what is forecast.'

@description('First day of the month from which the budget counts.')
param startDate string

@description('Amount for a month, in the currency of the subscription.')
@minValue(1)
@maxValue(1000000)
param amount int

@description('Addresses that are told.')
param emails array

// Azure refuses another start than the first one, and the first of this month is another one every month. So a budget that is there
// stays as it is; for another amount or other addresses delete it and deploy again (docs/runbook.md).
@onlyIfNotExists()
resource budget 'Microsoft.Consumption/budgets@2023-11-01' = {
  name: 'budget-lyceum'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      actual80: { enabled: true, operator: 'GreaterThan', threshold: 80, thresholdType: 'Actual', contactEmails: emails }
      actual100: { enabled: true, operator: 'GreaterThan', threshold: 100, thresholdType: 'Actual', contactEmails: emails }
      forecast100: { enabled: true, operator: 'GreaterThan', threshold: 100, thresholdType: 'Forecasted', contactEmails: emails }
    }
  }
}
