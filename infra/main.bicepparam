using 'main.bicep'

// What the deployment asks for; `npm run deploy` and azd set these variables.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param kind = 'development'
param alertEmails = split(readEnvironmentVariable('ALERT_EMAILS'), ',')
param appUrl = readEnvironmentVariable('APP_URL', 'http://localhost:3000')
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '50'))
