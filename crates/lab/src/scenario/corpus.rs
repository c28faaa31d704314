//! The embedded scenarios.

macro_rules! scenario {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../scenarios/", $name, ".toml")),
        )
    };
}

/// Name and text of each, in the order of the names.
pub(super) const FILES: &[(&str, &str)] = &[
    scenario!("add-on-certificate-per-customer"),
    scenario!("add-on-shared-certificate"),
    scenario!("certificate-domain-not-accepted"),
    scenario!("connector-matches-nothing"),
    scenario!("disabled-connector"),
    scenario!("exact-host-parent-accepted"),
    scenario!("expired-certificate"),
    scenario!("gateway-and-exchange-one-wildcard"),
    scenario!("healthy"),
    scenario!("locked-down-partner-after-renewal"),
    scenario!("missing-intermediates"),
    scenario!("null-sender-ip-connector"),
    scenario!("one-certificate-two-tenants"),
    scenario!("one-server-many-tenants"),
    scenario!("one-server-many-tenants-with-tenantry"),
    scenario!("refusals"),
    scenario!("reject-direct-send-off"),
    scenario!("reject-direct-send-without-connector"),
    scenario!("renewal-changes-name"),
    scenario!("restrict-flags-on-onpremises"),
    scenario!("self-signed-certificate"),
    scenario!("send-connector-without-tls"),
    scenario!("sender-and-certificate-not-accepted"),
    scenario!("several-partner-connectors"),
    scenario!("shared-ip"),
    scenario!("subdomain-sender"),
    scenario!("test-tenant-mix-up"),
    scenario!("unusable-address"),
    scenario!("unusable-certificate-name"),
    scenario!("vectors"),
    scenario!("wildcard-capture"),
    scenario!("wrong-region"),
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        let embedded: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, embedded);
    }
}
