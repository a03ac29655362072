//! `anchord doctor`: look for trouble, and say what to do about it.

use serde::Serialize;

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, config_home, state_home};
use crate::daemon::{Place, configuration_path};
use crate::protocol::wire;

#[derive(Serialize)]
struct Report {
    root: String,
    state: String,
    slots: String,
    configuration: String,
    served_by: &'static str,
    findings: Vec<wire::Finding>,
}

pub(super) fn run(common: &Common, paint: &mut Paint) -> Result<End, CliError> {
    let place = Place::of(&common.root()?, &state_home()?)?;
    let mut endpoint = Endpoint::open(common)?;
    let served_by = match &endpoint {
        Endpoint::Daemon(_) => "a running daemon",
        Endpoint::Here(_) => "this process, since no daemon runs",
    };
    let result = endpoint.raw("state/examine", &wire::NoParams::default())?;
    let findings = match typed::<wire::ExamineResult>(&result)? {
        Answer::Yes(answer) => answer.findings,
        Answer::No(rejection) => {
            return Err(CliError::Usage(format!("{}: {}", rejection.code, rejection.message)));
        }
    };
    let well = findings.iter().all(|finding| finding.well);
    let report = Report {
        root: place.root.display().to_string(),
        state: place.state.display().to_string(),
        slots: place.slots.display().to_string(),
        configuration: configuration(),
        served_by,
        findings,
    };
    match common.json {
        true => paint.line(&serde_json::to_string(&report)?)?,
        false => show(&report, paint)?,
    }
    Ok(if well { End::Done } else { End::Rejected })
}

/// Returns where the user's configuration lies, and whether there is one.
fn configuration() -> String {
    let Some(path) = config_home().map(|home| configuration_path(&home)) else {
        return "nowhere, since neither XDG_CONFIG_HOME nor HOME is set".to_owned();
    };
    let is_there = if path.exists() { "" } else { " (there is none)" };
    format!("{}{is_there}", path.display())
}

fn show(report: &Report, paint: &mut Paint) -> Result<(), CliError> {
    paint.line(&format!("root       {}", report.root))?;
    paint.line(&format!("state      {}", report.state))?;
    paint.line(&format!("slots      {}", report.slots))?;
    paint.line(&format!("settings   {}", report.configuration))?;
    paint.line(&format!("served by  {}", report.served_by))?;
    for finding in &report.findings {
        let text = format!("{}: {}", finding.subject, finding.detail);
        match finding.well {
            true => paint.good(&text)?,
            false => paint.bad(&text)?,
        }
    }
    Ok(())
}
