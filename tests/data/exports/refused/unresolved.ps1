Configuration M365TenantConfig
{
    EXOAcceptedDomain "A"
    {
        Identity = $Name
    }
    EXOInboundConnector "B"
    {
        Identity = "B"; ConnectorType = "OnPremises"
        RequireTls = $Settings.Tls[0]
        SenderIPAddresses = @("192.0.2.1", $Addresses)
    }
}
