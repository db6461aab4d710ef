using 'main.bicep'

// What a school depends on. A network of its own (isPrivate) is a choice: it makes Service Bus Premium, which is paid by the hour
// whether it is used or not (docs/how-to/costs.md).
param environmentName = 'prod'
param location = readEnvironmentVariable('AZURE_LOCATION')
param kind = 'production'
param alertEmails = split(readEnvironmentVariable('ALERT_EMAILS'), ',')
param administratorEmail = split(readEnvironmentVariable('ALERT_EMAILS'), ',')[0]
param appUrl = readEnvironmentVariable('APP_URL')
param corsOrigins = [readEnvironmentVariable('APP_URL')]
param mfaRequiredRoles = filter(split(readEnvironmentVariable('MFA_REQUIRED_ROLES', ''), ','), role => !empty(role))
param secretNames = json(readEnvironmentVariable('SECRET_NAMES', '[]'))
param extraSettings = json(readEnvironmentVariable('EXTRA_SETTINGS', '{}'))
param vaultCreateMode = readEnvironmentVariable('VAULT_CREATE_MODE', 'default')
param deployerPrincipalType = readEnvironmentVariable('DEPLOYER_PRINCIPAL_TYPE', 'User')
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '500'))
param isPrivate = bool(readEnvironmentVariable('PRIVATE_NETWORK', 'false'))
param isZoneRedundant = true
param cosmosCapacity = 'autoscale'
param apiAlwaysReadyInstances = 2
param logRetentionDays = 90
param logDailyCapGb = 10
param softDeleteDays = 30
