Configuration M365TenantConfig
{
    Node localhost
    {
        EXOInboundConnector "A"
        {
            Identity = "A";
