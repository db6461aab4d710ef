using 'main.bicep'

param environmentName = 'prod'
param location = readEnvironmentVariable('AZURE_LOCATION')
param kind = 'production'
param alertEmails = split(readEnvironmentVariable('ALERT_EMAILS'), ',')
param appUrl = readEnvironmentVariable('APP_URL')
param corsOrigins = [readEnvironmentVariable('APP_URL')]
param mfaRequiredRoles = ['admin']
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '500'))
param cosmosCapacity = 'autoscale'
param isZoneRedundant = true
param isPrivate = true
param alwaysReadyInstances = 2
param logRetentionDays = 90
param logDailyCapGb = 10
param softDeleteDays = 30
