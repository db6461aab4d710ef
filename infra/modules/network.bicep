metadata description = 'Optional: a network of its own, and private endpoints with their names for everything that holds data.'

@description('Region of the resources.')
param location string

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

@description('Addresses of the network, as a block of /24 or larger.')
param addressPrefix string

@description('Workspace for diagnostics.')
param workspaceId string

@description('What gets a private endpoint: { name, id, group, zone } each.')
param targets array

resource group 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: 'nsg-lyceum-${suffix}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'no-way-in'
        properties: {
          priority: 4000
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: 'vnet-lyceum-${suffix}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'api'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          networkSecurityGroup: { id: group.id }
          delegations: [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'worker'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          networkSecurityGroup: { id: group.id }
          delegations: [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 2)
          networkSecurityGroup: { id: group.id }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for target in targets: {
    name: target.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (target, index) in targets: {
    parent: zones[index]
    name: 'to-lyceum'
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [
  for target in targets: {
    name: 'pe-${target.name}-${suffix}'
    location: location
    tags: tags
    properties: {
      subnet: { id: network.properties.subnets[2].id }
      privateLinkServiceConnections: [
        { name: target.name, properties: { privateLinkServiceId: target.id, groupIds: [target.group] } }
      ]
    }
  }
]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [
  for (target, index) in targets: {
    parent: endpoints[index]
    name: 'default'
    properties: { privateDnsZoneConfigs: [{ name: target.name, properties: { privateDnsZoneId: zones[index].id } }] }
  }
]

resource groupDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: group
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: network
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Subnet for outbound traffic of the app that serves HTTP.')
output apiSubnetId string = network.properties.subnets[0].id

@description('Subnet for outbound traffic of the app that works off the queues.')
output workerSubnetId string = network.properties.subnets[1].id
