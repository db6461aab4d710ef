using 'main.bicep'

// What an installation of any name has; `npm run deploy`, azd and the workflow set these variables.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param kind = readEnvironmentVariable('LYCEUM_KIND', 'development')
param alertEmails = split(readEnvironmentVariable('ALERT_EMAILS'), ',')
param administratorEmail = split(readEnvironmentVariable('ALERT_EMAILS'), ',')[0]
param appUrl = readEnvironmentVariable('APP_URL', 'http://localhost:3000')
param corsOrigins = [readEnvironmentVariable('APP_URL', 'http://localhost:3000')]
param mfaRequiredRoles = filter(split(readEnvironmentVariable('MFA_REQUIRED_ROLES', ''), ','), role => !empty(role))
param secretNames = json(readEnvironmentVariable('SECRET_NAMES', '[]'))
param extraSettings = json(readEnvironmentVariable('EXTRA_SETTINGS', '{}'))
param vaultCreateMode = readEnvironmentVariable('VAULT_CREATE_MODE', 'default')
param deployerPrincipalType = readEnvironmentVariable('DEPLOYER_PRINCIPAL_TYPE', 'User')
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '50'))
