using 'main.bicep'

param environmentName = 'dev'
param location = readEnvironmentVariable('AZURE_LOCATION')
param kind = 'development'
param alertEmails = split(readEnvironmentVariable('ALERT_EMAILS'), ',')
param appUrl = readEnvironmentVariable('APP_URL', 'http://localhost:3000')
param corsOrigins = ['http://localhost:3000', 'http://localhost:5173']
param monthlyBudget = 50
