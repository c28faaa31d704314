Configuration M365TenantConfig
{
    Node localhost
    {
        EXOOutboundConnector "EXOOutboundConnector-To on-premises"
        {
            AllAcceptedDomains             = $False;
            CloudServicesMailEnabled       = $True;
            Comment                        = "";
            ConnectorSource                = "HybridWizard";
            ConnectorType                  = "OnPremises";
            Enabled                        = $True;
            Identity                       = "To on-premises";
            IsTransportRuleScoped          = $False;
            RecipientDomains               = @("contoso.com","*.contoso.com");
            RouteAllMessagesViaOnPremises  = $True;
            SmartHosts                     = @("mail.contoso.com","[192.0.2.10]");
            TestMode                       = $False;
            TlsDomain                      = "mail.contoso.com";
            TlsSettings                    = "DomainValidation";
            UseMXRecord                    = $False;
            Ensure                         = "Present";
        }
        EXOOutboundConnector "EXOOutboundConnector-Partner's mail"
        {
            AllAcceptedDomains             = $True;
            CloudServicesMailEnabled       = $False;
            Comment                        = "";
            ConnectorSource                = "AdminUI";
            ConnectorType                  = "Partner";
            Enabled                        = $False;
            Identity                       = "Partner's mail";
            IsTransportRuleScoped          = $False;
            RecipientDomains               = @("fabrikam.com");
            RouteAllMessagesViaOnPremises  = $False;
            SmartHosts                     = @();
            TestMode                       = $False;
            TlsDomain                      = "";
            TlsSettings                    = "";
            UseMXRecord                    = $True;
            Ensure                         = "Present";
        }
    }
}
