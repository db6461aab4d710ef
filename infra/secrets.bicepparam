using 'secrets.bicep'

// Values travel in the environment of the process that deploys: they are in no file and on no command line.
param vaultName = readEnvironmentVariable('VAULT_NAME')
param values = json(readEnvironmentVariable('LYCEUM_NEW_SECRETS'))
param names = objectKeys(json(readEnvironmentVariable('LYCEUM_NEW_SECRETS')))
param heldNames = json(readEnvironmentVariable('SECRET_NAMES'))
param apiPrincipalId = readEnvironmentVariable('API_PRINCIPAL_ID')
param workerPrincipalId = readEnvironmentVariable('WORKER_PRINCIPAL_ID')
