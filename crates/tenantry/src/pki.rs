//! `tenantry pki`: a throw-away authority and certificates, to try things out.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use tenantry_lab::pki::{IssuedFiles, Pki, PkiError, PkiPlan};

use crate::{cli, exit, table};

/// Makes the certificates and says where they are.
pub(crate) fn pki(wanted: &cli::Pki) -> ExitCode {
    let made = match Pki::create(&wanted.directory, &plan(wanted)) {
        Ok(made) => made,
        Err(error) => {
            exit::complain(&error);
            return match error {
                PkiError::Exists { .. } => exit::USAGE.into(),
                PkiError::Certificate(_) | PkiError::Random | PkiError::Write { .. } => {
                    exit::INTERNAL.into()
                }
            };
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    // The files are there, whoever reads this.
    let _ = report(&mut out, &made).and_then(|()| out.flush());
    exit::OK.into()
}

fn plan(wanted: &cli::Pki) -> PkiPlan {
    let mut plan = PkiPlan {
        tenants: wanted.tenants,
        ..PkiPlan::default()
    };
    let given = [
        (&mut plan.relay_names, &wanted.relay_name),
        (&mut plan.upstream_names, &wanted.upstream_name),
        (&mut plan.client_names, &wanted.client_name),
    ];
    for (names, wanted) in given {
        if !wanted.is_empty() {
            names.clone_from(wanted);
        }
    }
    plan
}

fn report(out: &mut impl Write, made: &Pki) -> io::Result<()> {
    writeln!(
        out,
        "throw-away certificates; the keys are readable by their owner only"
    )?;
    let row = |what: &str, files: &IssuedFiles| {
        [
            String::from(what),
            shown(&files.certificate),
            shown(&files.key),
        ]
    };
    let rows = [
        row("authority", &made.authority),
        row("relay", &made.relay),
        row("upstream", &made.upstream),
        row("client", &made.client),
    ];
    table::write(
        out,
        "files",
        ["for", "certificate", "key"],
        rows.into_iter(),
    )?;
    let rows = made.tenants.iter().map(|tenant| {
        let name = tenant.certificate_name.clone();
        [
            tenant.tenant.clone(),
            name,
            shown(&tenant.files.certificate),
            shown(&tenant.files.key),
        ]
    });
    table::write(
        out,
        "tenants",
        ["tenant", "name", "certificate", "key"],
        rows,
    )
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
