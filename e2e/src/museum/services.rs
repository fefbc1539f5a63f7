//! A server that trusts its callers to behave. Insecure on purpose.

use super::bank::Accounts;

/// A server with its log.
#[derive(Default)]
pub struct Server {
    /// What it writes down: the request line of every request.
    pub log: Vec<String>,
    /// Its accounts.
    pub accounts: Accounts,
    ended: bool,
}

impl Server {
    /// The answer to a request line such as `GET /balance?DASVIDToken=…`; nothing once the server has ended.
    ///
    /// Wrong: the token is in the URL, and so in the log; a token that cannot be read ends the process.
    pub fn serve(&mut self, request: &str) -> Option<String> {
        if self.ended {
            return None;
        }
        self.log.push(request.to_owned());
        let token = request.split_once("DASVIDToken=").map_or("", |(_, token)| token);
        // Where a library call returns an error, the original says "fatal".
        let Some(person) = token.strip_prefix("token-of-") else {
            self.ended = true;
            return None;
        };
        Some(self.balance(person))
    }

    /// Wrong: the problem is written, and then the handler goes on.
    fn balance(&self, person: &str) -> String {
        let held = self.accounts.holds(person);
        let problem = if held.is_none() { r#"{"error":"user not found"}"# } else { "" };
        format!(r#"{problem}{{"user":"{person}","balance":{}}}"#, held.unwrap_or_default())
    }
}
