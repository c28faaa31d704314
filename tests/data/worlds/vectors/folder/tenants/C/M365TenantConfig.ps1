# Microsoft365DSC
Configuration M365TenantConfig
{
    Import-DscResource -ModuleName 'Microsoft365DSC'

    Node localhost
    {
        EXOAcceptedDomain "EXOAcceptedDomain-tailspin.com"
        {
            Identity     = "tailspin.com";
            DomainType   = "Authoritative";
            MatchSubDomains = $False;
            OutboundOnly = $False;
            Ensure       = "Present";
            Credential   = $Credscredential;
        }
        EXOInboundConnector "EXOInboundConnector-C1"
        {
            Identity                     = "C1";
            AssociatedAcceptedDomains    = @();
            CloudServicesMailEnabled     = $False;
            Comment                      = "";
            ConnectorSource              = "Default";
            ConnectorType                = "OnPremises";
            Enabled                      = $True;
            RequireTls                   = $False;
            RestrictDomainsToCertificate = $False;
            RestrictDomainsToIPAddresses = $False;
            SenderDomains                = @("smtp:*;1");
            SenderIPAddresses            = @();
            TlsSenderCertificateName     = "*.relay.example";
            TreatMessagesAsInternal      = $False;
            Ensure                       = "Present";
        }
    }
}
