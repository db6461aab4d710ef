using 'main.bicep'

// Cheap, open to whoever develops, and graded by the simulator when no vendor has a key.
param environmentName = 'dev'
param location = readEnvironmentVariable('AZURE_LOCATION')
param kind = 'development'
param alertEmails = split(readEnvironmentVariable('ALERT_EMAILS'), ',')
param administratorEmail = split(readEnvironmentVariable('ALERT_EMAILS'), ',')[0]
param appUrl = readEnvironmentVariable('APP_URL', 'http://localhost:3000')
param corsOrigins = ['http://localhost:3000', 'http://localhost:5173']
param secretNames = json(readEnvironmentVariable('SECRET_NAMES', '[]'))
param extraSettings = json(readEnvironmentVariable('EXTRA_SETTINGS', '{}'))
param vaultCreateMode = readEnvironmentVariable('VAULT_CREATE_MODE', 'default')
param deployerPrincipalType = readEnvironmentVariable('DEPLOYER_PRINCIPAL_TYPE', 'User')
param isDeployerSecretsOfficer = true
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '50'))
