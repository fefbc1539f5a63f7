//! Rule 1: one field line, a chain of acceptable form, certificates of acceptable syntax.

use crate::chain::Draft;
use crate::refusal::{Reason, Refusal, Rule};
use crate::{Arrival, Certificates};

pub(super) fn read(arrival: &Arrival<'_>) -> Result<(Draft, Certificates), Refusal> {
    let refuse = |reason| Refusal::new(Rule::Form, None, reason);
    let [chain] = *arrival.chain else { return Err(refuse(Reason::FieldLines)) };
    let draft = Draft::parse(chain)?;
    let certificates = match *arrival.certificates {
        [] => Certificates::default(),
        [line] => Certificates::parse(line).map_err(|error| refuse(Reason::CertificateField(error)))?,
        _ => return Err(refuse(Reason::CertificateLines)),
    };
    Ok((draft, certificates))
}
