# Generated with Microsoft365DSC
# For additional information on how to use Microsoft365DSC, please visit https://aka.ms/M365DSC
param (
)

Configuration M365TenantConfig
{
    param (
    )

    $OrganizationName = $ConfigurationData.NonNodeData.OrganizationName

    Import-DscResource -ModuleName 'Microsoft365DSC' -ModuleVersion '1.26.218.1'

    Node localhost
    {
        AADConditionalAccessPolicy "AADConditionalAccessPolicy-Block Legacy Auth { not a block }"
        {
            ApplicationEnforcedRestrictionsIsEnabled = $False;
            BuiltInControls                          = @("block");
            Ensure                                   = "Present";
            TenantId                                 = $OrganizationName;
        }
        EXOAcceptedDomain "EXOAcceptedDomain-contoso.com"
        {
            ApplicationId         = $ConfigurationData.NonNodeData.ApplicationId;
            CertificateThumbprint = $ConfigurationData.NonNodeData.CertificateThumbprint;
            DomainType            = "Authoritative";
            Ensure                = "Present";
            Identity              = "contoso.com";
            MatchSubDomains       = $False;
            OutboundOnly          = $False;
            TenantId              = $OrganizationName;
        }
        EXOAcceptedDomain "EXOAcceptedDomain-fabrikam.com"
        {
            DomainType            = "InternalRelay";
            Ensure                = "Present";
            Identity              = "fabrikam.com";
            MatchSubDomains       = $True;
            TenantId              = $OrganizationName;
        }
        EXOAcceptedDomain "EXOAcceptedDomain-$OrganizationName"
        {
            DomainType            = "Authoritative";
            Identity              = "$OrganizationName";
        }
        EXOAcceptedDomain "EXOAcceptedDomain-gone.contoso.com"
        {
            Ensure                = "Absent";
            Identity              = "gone.contoso.com";
        }
        EXOInboundConnector "EXOInboundConnector-Inbound from 1111"
        {
            ApplicationId                = $ConfigurationData.NonNodeData.ApplicationId;
            AssociatedAcceptedDomains    = @();
            CloudServicesMailEnabled     = $True;
            Comment                      = "";
            ConnectorSource              = "HybridWizard";
            ConnectorType                = "OnPremises";
            EFSkipIPs                    = @();
            EFSkipLastIP                 = $False;
            EFUsers                      = @();
            Enabled                      = $True;
            Ensure                       = "Present";
            Identity                     = "Inbound from 1111";
            RequireTls                   = $True;
            RestrictDomainsToCertificate = $False;
            RestrictDomainsToIPAddresses = $False;
            SenderDomains                = @("smtp:*;1");
            SenderIPAddresses            = @();
            TenantId                     = $OrganizationName;
            TlsSenderCertificateName     = "*.contoso.com";
            TreatMessagesAsInternal      = $False;
        }
        <# A connector that somebody wrote by hand: other quotes,
           no semicolons, values one under the other. #>
        exoInboundConnector 'Fabrikam'
        {
            Identity                     = 'Fabrikam & partners'
            AssociatedAcceptedDomains    = 'contoso.com'
            Comment                      = @"
from "Fuerth"
} EXOInboundConnector "not this" {
"@
            ConnectorSource              = "AdminUI"; ConnectorType = "Partner"
            Enabled                      = $false # not yet
            RequireTls                   = $true
            RestrictDomainsToIPAddresses = $true
            SenderDomains                = @(
                "smtp:fabrikam.com;1"
                "smtp:*.fabrikam.com;1"
            )
            SenderIPAddresses            = "192.0.2.10", `
                                           "198.51.100.0/24"
            Credential                   = $Credscredential
            DependsOn                    = "[EXOAcceptedDomain]EXOAcceptedDomain-contoso.com"
        }
        EXOOrganizationConfig "EXOOrganizationConfig"
        {
            IsSingleInstance              = "Yes";
            MailTipsLargeAudienceThreshold = 25;
            RejectDirectSend              = $True;
            DefaultGroupAccessType        = $null;
        }
        EXOSharingPolicy "EXOSharingPolicy-Default"
        {
            Domains = @(
                MSFT_EXOSharingDomain{
                    Name = "Anonymous:CalendarSharingFreeBusySimple"
                }
            );
        }
    }
}

M365TenantConfig -ConfigurationData .\ConfigurationData.psd1
