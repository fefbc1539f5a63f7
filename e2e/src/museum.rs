//! The attack museum: a model of how a first version of this bank is easily written. **Insecure on purpose.**
//!
//! Every function here looks plausible and is wrong, in ways that were found in a real proof of concept. It is a model, not
//! a copy: just big enough that each attack of the exhibition succeeds. `e2e/tests/museum` makes the attack here, where it must
//! succeed, and on dasvid, where it must fail; `docs/attacks.md` shows both side by side.
//!
//! Nothing may be taken from here into a program that does anything. No workload can reach it: `e2e` is at the top of the
//! workspace's layers, is not published, and `cargo xtask layers` keeps it so.
//!
//! | module | models | what is wrong with it |
//! |---|---|---|
//! | [`proof`] | the proof of an OAuth signature | the challenge covers the message only; lengths, ranges and the key are the prover's |
//! | [`oauth`] | the check of an OAuth token | algorithm and issuer are the token's; any token of the issuer will do |
//! | [`id`] | chains signed with certificates' keys | keys come from the token; nothing says who may carry it where |
//! | [`anonymous`] | concatenated Schnorr signatures | the root key comes from the token; challenges leave R out; nonces are the caller's |
//! | [`services`] | a server | tokens in URLs and logs; one error ends it; a refusal does not end the request |
//! | [`bank`] | accounts | one file, written whole from a stale copy; a name without its provider; any number |
//! | [`browser`] | the front door | no `state`; claims are pasted into pages |

pub mod anonymous;
pub mod bank;
pub mod browser;
pub mod id;
pub mod oauth;
pub mod proof;
pub mod services;
