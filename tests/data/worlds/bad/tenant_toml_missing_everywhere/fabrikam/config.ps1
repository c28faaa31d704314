EXOAcceptedDomain "fabrikam.com" { Identity = "fabrikam.com" }
